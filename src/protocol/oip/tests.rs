use super::*;
use crate::engine::Payload;

fn model() -> Metadata {
    Metadata::of_labels(&["ant", "bee"])
}

fn request(datatype: Datatype, shape: &[i64], data: Data) -> Request {
    let input = InputTensor { name: None, datatype, shape: shape.to_vec(), data };
    Request { inputs: vec![input], ..Request::default() }
}

fn inputs(request: Request, form: Form) -> Result<Vec<Input>, Fault> {
    request.job(form, &model(), 3).map(|job| job.inputs)
}

fn file(file: &'static str) -> Bytes {
    Bytes::from_static(file.as_bytes())
}

#[test]
fn pictures_come_in_every_form() {
    let expected: Vec<Input> = ["a", "b"].map(|it| Payload::file(file(it)).into()).to_vec();
    for shape in [&[2][..], &[2, 1]] {
        for data in [Data::Binary(prefixed([&b"a"[..], b"b"].into_iter())), Data::Elements(vec![file("a"), file("b")])]
        {
            assert_eq!(inputs(request(Datatype::Bytes, shape, data), Form::Picture), Ok(expected.clone()));
        }
    }
    let base64 = request(Datatype::Bytes, &[1], Data::Base64(vec![file("YQ==")]));
    assert_eq!(inputs(base64, Form::Picture), Ok(vec![Payload::base64(file("YQ==")).into()]));
}

#[test]
fn tensors_come_in_every_form_to_both_models() {
    let values: Vec<f32> = (0_u8..12).map(f32::from).collect();
    let binary: Bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    for form in [Form::Picture, Form::Tensor] {
        for data in [Data::Binary(binary.clone()), Data::Floats(values.clone())] {
            let inputs = inputs(request(Datatype::Fp32, &[2, 3, 1, 2], data), form).unwrap();
            let [Input::Tensor(first), Input::Tensor(second)] = &inputs[..] else { panic!("{inputs:?}") };
            assert_eq!((first.as_slice().unwrap(), second.as_slice().unwrap()), (&values[..6], &values[6..]));
        }
    }
}

#[test]
fn what_contradicts_the_model_is_refused_in_words() {
    let bytes = |shape: &[i64]| request(Datatype::Bytes, shape, Data::Elements(vec![file("a")]));
    let floats = |shape: &[i64]| request(Datatype::Fp32, shape, Data::Floats(vec![0.0; 6]));
    let named = |name: &str| {
        let mut request = bytes(&[1]);
        request.inputs[0].name = Some(name.to_owned());
        request
    };
    for (request, sentence) in [
        (bytes(&[1, 2]), "The shape [1, 2] must be [N] or [N, 1]"),
        (bytes(&[]), "The shape [] must be [N] or [N, 1]"),
        (bytes(&[0]), "The shape [0] must begin with 1 or more"),
        (bytes(&[-1]), "The shape [-1] must begin with 1 or more"),
        (bytes(&[2]), "The shape says 2 elements, and the data has 1"),
        (named("picture"), "There is no input \"picture\": the model has image"),
        (floats(&[1, 2, 1, 3]), "The shape [1, 2, 1, 3] must be [N, 3, 1, 2]"),
        (floats(&[1, 3, 1]), "The shape [1, 3, 1] must be [N, 3, 1, 2]"),
        (floats(&[2, 3, 1, 2]), "The shape says 12 values, and the data has 6"),
        (
            request(Datatype::Fp32, &[1, 3, 1, 2], Data::Elements(vec![])),
            "The data of an FP32 tensor must be numbers or binary data",
        ),
        (
            request(Datatype::Bytes, &[1], Data::Floats(vec![])),
            "The data of a BYTES tensor must be texts or binary data",
        ),
        (Request::default(), "The model has one input: send one tensor"),
    ] {
        assert_eq!(inputs(request, Form::Picture), Err(Fault::invalid(sentence)));
    }
    let too_many = Err(Error::TooManyInputs { limit: 3 }.into());
    assert_eq!(inputs(bytes(&[4]), Form::Picture), too_many);
    assert_eq!(inputs(bytes(&[i64::MAX]), Form::Picture), too_many);
    assert!(matches!(inputs(bytes(&[1]), Form::Tensor), Err(Fault::Invalid(_))));
}

#[test]
fn outputs_are_chosen_by_name_and_class() {
    let output = |outputs: &[(&str, Option<u64>)]| {
        let mut request = request(Datatype::Bytes, &[1], Data::Elements(vec![file("a")]));
        let requested = |(name, classification): &(&str, _)| RequestedOutput {
            name: (*name).to_owned(),
            classification: *classification,
            binary: None,
        };
        request.outputs = outputs.iter().map(requested).collect();
        request.job(Form::Picture, &model(), 3).map(|job| job.output)
    };
    assert_eq!(output(&[]), Ok(Output::Probabilities));
    assert_eq!(output(&[(OUTPUT, None)]), Ok(Output::Probabilities));
    assert_eq!(output(&[(OUTPUT, Some(1))]), Ok(Output::Labels(1)));
    assert_eq!(output(&[(OUTPUT, Some(u64::MAX))]), Ok(Output::Labels(2)));
    for outputs in [&[(OUTPUT, Some(0))][..], &[("other", None)], &[(OUTPUT, None), (OUTPUT, None)]] {
        assert!(matches!(output(outputs), Err(Fault::Invalid(_))), "{outputs:?}");
    }
}

#[test]
fn an_answer_has_a_row_for_each_input() {
    let label = |index, confidence| Prediction { index, label: "a:b".into(), confidence, activation: None };
    let analysis = || Analysis {
        predictions: vec![label(7, 0.25), label(1, 1e-9)],
        probabilities: vec![0.5, 0.25],
        ..Analysis::default()
    };
    let all = OutputTensor::of(vec![Ok(analysis()), Ok(analysis())], Output::Probabilities).unwrap();
    assert_eq!(all, OutputTensor { shape: [2, 2], values: Values::Floats(vec![0.5, 0.25, 0.5, 0.25]) });
    assert_eq!(all.binary()[..4], 0.5_f32.to_le_bytes());
    let best = OutputTensor::of(vec![Ok(analysis())], Output::Labels(2)).unwrap();
    assert_eq!(best.values, Values::Texts(vec!["0.25:7:a:b".into(), "0.000000001:1:a:b".into()]));
    assert_eq!((best.shape, best.datatype().name()), ([1, 2], "BYTES"));
    let fault = OutputTensor::of(vec![Ok(analysis()), Err(Error::NotAnImage)], Output::Labels(2));
    assert_eq!(fault, Err(Fault::Core { error: Error::NotAnImage, index: Some(1) }));
}
