//! ONNX files that are made by hand: a chain of operators without weights, and a description.

/// A length-delimited protobuf field (wire type 2).
fn bytes(field: u8, content: impl AsRef<[u8]>) -> Vec<u8> {
    let content = content.as_ref();
    let mut message = vec![field << 3 | 2];
    let mut length = content.len();
    while length >= 0x80 {
        message.push(u8::try_from(length & 0x7f).unwrap() | 0x80);
        length >>= 7;
    }
    message.push(u8::try_from(length).unwrap());
    [&message, content].concat()
}

/// A protobuf field with a number below 128 (wire type 0).
fn number(field: u8, value: u8) -> Vec<u8> {
    vec![field << 3, value]
}

/// `ValueInfoProto` of a float tensor. A dimension of 0 stands for an open one.
fn value(name: &str, shape: &[u8]) -> Vec<u8> {
    let dimension = |side: &u8| bytes(1, if *side == 0 { bytes(2, format!("open {name}")) } else { number(1, *side) });
    let shape: Vec<u8> = shape.iter().flat_map(dimension).collect();
    let tensor = [number(1, 1), bytes(2, shape)].concat();
    [bytes(1, name), bytes(2, bytes(1, tensor))].concat()
}

/// An ONNX file with an input of 4 x 4 pixels, a chain of `operators`, and `labels` labels in its description.
pub(crate) fn onnx(operators: &[&str], input: &[u8], output: &[u8], labels: usize) -> Vec<u8> {
    described(operators, input, output, labels, &[])
}

/// The same with other properties than the usual ones.
pub(crate) fn described(
    operators: &[&str],
    input: &[u8],
    output: &[u8],
    labels: usize,
    others: &[(&'static str, &'static str)],
) -> Vec<u8> {
    let name = |index: usize| match index {
        0 => "input".to_owned(),
        index if index == operators.len() => "output".to_owned(),
        index => format!("value {index}"),
    };
    let node = |(index, operator): (usize, &&str)| {
        bytes(1, [bytes(1, name(index)), bytes(2, name(index + 1)), bytes(4, operator)].concat())
    };
    let nodes: Vec<u8> = operators.iter().enumerate().flat_map(node).collect();
    let graph = [nodes, bytes(2, "g"), bytes(11, value("input", input)), bytes(12, value("output", output))].concat();
    let names: Vec<String> = (0..labels).map(|index| format!("label {index}")).collect();
    let labels = serde_json::to_string(&names).unwrap();
    let usual = [
        ("format", "1"),
        ("name", "Tiny"),
        ("version", "1"),
        ("source", "a test"),
        ("weights_sha256", "00"),
        ("licence", "CC0-1.0"),
        ("precision", "float32"),
        ("input_layout", "NCHW"),
        ("input_width", "4"),
        ("input_height", "4"),
        ("input_resize", "bicubic"),
        ("input_mean", "[255, 255, 255]"),
        ("input_std", "[1, 1, 1]"),
        ("output", "softmax"),
        ("labels", labels.as_str()),
    ];
    let is_usual = |(key, _): &(&str, &str)| others.iter().all(|(other, _)| other != key);
    let properties = usual.into_iter().filter(is_usual).chain(others.iter().copied());
    let property =
        |(key, value): (&str, &str)| bytes(14, [bytes(1, format!("glimpse.{key}")), bytes(2, value)].concat());
    let properties: Vec<u8> = properties.flat_map(property).collect();
    [number(1, 8), bytes(7, graph), bytes(8, number(2, 17)), properties].concat()
}

/// A model of 2 x 2 gray pixels that says which quarters of a picture are bright: `label 0` is the upper left one, `label 1`
/// the upper right one. Any number of them may be.
pub(crate) fn quarters() -> Vec<u8> {
    let others = [
        ("name", "Quarters"),
        ("input_width", "2"),
        ("input_height", "2"),
        ("input_resize", "tensorflow-bilinear"),
        ("input_window", "crop-to-aspect"),
        ("input_colours", "GRAY"),
        ("input_mean", "[127.5]"),
        ("input_std", "[25.5]"),
        ("output", "sigmoid"),
        ("output_threshold", "0.5"),
    ];
    described(&["Flatten", "Sigmoid"], &[1, 1, 2, 2], &[1, 4], 4, &others)
}
