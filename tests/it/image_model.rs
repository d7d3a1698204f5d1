//! Models whose outputs contradict their description are refused at the start or by the run that shows it. One model serves
//! several threads at once.

use std::sync::Arc;

use glimpse::error::{Error, StartError};
use glimpse::image::{Decoder, Orientation, Picture, Size};
use glimpse::model::{Classifier, LibrarySource, Model, ModelSource, Runtime};
use glimpse::stop::Stop;

use crate::support::onnx::{described, onnx};

fn runtime() -> Runtime {
    Runtime::load(&LibrarySource::default()).unwrap()
}

fn load(file: &[u8]) -> Result<Arc<Model>, StartError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    std::fs::write(&path, file).unwrap();
    Model::load(&runtime(), &ModelSource::File(path))
}

/// Batch, channels, rows, columns. The rows are open, so that the output's length is unknown until the graph runs.
const OPEN: [u8; 4] = [1, 3, 0, 4];

const VALUES: usize = 3 * 4 * 4;

/// Reads a picture of one colour, of the input's size.
fn read(classifier: &mut Classifier, value: u8) {
    let picture = Picture { size: Size { width: 4, height: 4 }, reduction: 1, orientation: Orientation::UPRIGHT };
    classifier.read(&mut [value; VALUES], picture, &Stop::never()).unwrap();
}

#[test]
fn an_open_output_is_measured_at_the_start() {
    let model = |labels| load(&onnx(&["Flatten", "Softmax"], &OPEN, &[1, 0], labels));
    let mut classifier = Classifier::new(model(VALUES).unwrap());
    read(&mut classifier, 7);
    assert_eq!(classifier.classify(usize::MAX).unwrap().len(), VALUES);
    for labels in [1, 2, VALUES - 1, VALUES + 1, 1000] {
        let sentence = model(labels).unwrap_err().to_string();
        assert!(sentence.contains(&format!("with {labels} probabilities")), "{labels}: {sentence}");
    }
}

#[test]
fn an_open_batch_is_a_batch_of_one() {
    let mut classifier =
        Classifier::new(load(&onnx(&["Flatten", "Softmax"], &[0, 3, 4, 4], &[0, 48], VALUES)).unwrap());
    read(&mut classifier, 7);
    assert_eq!(classifier.classify(3).unwrap().len(), 3);
}

#[test]
fn maps_that_are_not_there_are_refused() {
    let maps = [("activation_rows", "2"), ("activation_columns", "2")];
    let file = described(&["Flatten", "Softmax"], &OPEN, &[1, 0], VALUES, &maps);
    let sentence = load(&file).unwrap_err().to_string();
    assert!(sentence.contains("it has no maps, and its description says that it has"), "{sentence}");
}

#[test]
fn a_batch_of_several_is_refused() {
    let sentence = load(&onnx(&["Flatten", "Softmax"], &[2, 3, 4, 4], &[2, 48], VALUES)).unwrap_err().to_string();
    assert!(sentence.contains("its input has the shape [2, 3, 4, 4]"), "{sentence}");
}

#[test]
fn outputs_that_are_not_probabilities_are_refused() {
    for (operators, reason) in [
        (&["Flatten"][..], "they are not probabilities"),
        (&["Flatten", "Cos"], "they are not probabilities"),
        (&["Flatten", "Log"], "does not answer an input of zeros"),
    ] {
        let sentence = load(&onnx(operators, &OPEN, &[1, 0], VALUES)).unwrap_err().to_string();
        assert!(sentence.contains(reason), "{operators:?}: {sentence}");
    }
}

/// The square root of a value below white is NaN.
#[test]
fn nan_fails_only_its_request() {
    let model = load(&onnx(&["Sqrt", "Flatten", "Softmax"], &OPEN, &[1, 0], VALUES)).unwrap();
    let mut classifier = Classifier::new(model);
    for (value, expected) in [(255, Ok(3)), (254, Err(Error::Internal)), (255, Ok(3))] {
        read(&mut classifier, value);
        assert_eq!(classifier.classify(3).map(|labels| labels.len()), expected, "{value}");
    }
}

/// The sums of `large_sums.onnx` are 255 and 126 hundredths. In 16 bits they would saturate to nearly the same
/// (`scripts/fixtures/models.py`).
#[test]
fn sums_of_8_bit_products_do_not_saturate() {
    let mut classifier = Classifier::new(load(include_bytes!("../fixtures/models/large_sums.onnx")).unwrap());
    read(&mut classifier, 255);
    let labels = classifier.classify(2).unwrap();
    let expected = 1.0 / (1.0 + (-1.29_f32).exp());
    assert!(&*labels[0].label == "heavy" && (labels[0].confidence - expected).abs() < 1e-5, "{labels:?}");
}

/// The answers of concurrent threads equal those of a single one, to the last bit.
#[test]
fn several_threads_run_one_model_at_once() {
    let model = Model::load(&runtime(), &ModelSource::default()).unwrap();
    let pictures = ["coffee.jpg", "chelsea.png", "rocket.jpg", "chelsea.bmp"];
    let answer = |classifier: &mut Classifier, name: &str| {
        let file = std::fs::read(format!("tests/pictures/{name}")).unwrap();
        let (mut pixels, stop) = (Vec::new(), Stop::never());
        let picture = Decoder::new(glimpse::image::Limits::NONE).decode(&file, None, &stop, &mut pixels).unwrap();
        classifier.read(&mut pixels, picture, &stop).unwrap();
        classifier.classify(1000).unwrap()
    };
    let mut alone = Classifier::new(model.clone());
    let expected = pictures.map(|name| answer(&mut alone, name));
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (model, expected) = (model.clone(), &expected);
            scope.spawn(move || {
                let mut classifier = Classifier::new(model);
                for round in 0..20 {
                    let index = (thread + round) % pictures.len();
                    assert!(answer(&mut classifier, pictures[index]) == expected[index], "{thread}, {round}");
                }
            });
        }
    });
}
