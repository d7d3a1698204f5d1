//! The engine without a door: one picture, several, or a tensor, on the real model.

use glimpse::engine::{Input, Output, Payload, Terms};
use glimpse::error::Error;
use glimpse::image::{Decoder, Preprocessor};
use glimpse::stop::Stop;
use ndarray::{ArcArray, Ix4};

use crate::support::{engine, model, picture};

fn file(name: &str) -> Input {
    Payload::file(picture(name).into()).into()
}

fn terms(labels: usize) -> Terms {
    engine().terms(Output::Labels(labels))
}

/// The model's input for a sample picture.
fn tensor(name: &str) -> ArcArray<f32, Ix4> {
    let (mut pixels, input) = (Vec::new(), &model().input);
    let picture =
        Decoder::new(glimpse::image::Limits::NONE).decode(&picture(name), None, &Stop::never(), &mut pixels).unwrap();
    let mut tensor = vec![0.0; input.values()];
    Preprocessor::new(input).fill(&mut pixels, picture, &mut tensor, &Stop::never()).unwrap();
    ArcArray::from_shape_vec(input.shape(), tensor).unwrap()
}

#[tokio::test]
async fn a_tensor_has_the_answer_of_its_picture() {
    let of_picture = engine().analyze(file("rocket.jpg"), terms(5)).await.unwrap();
    let of_tensor = engine().analyze(tensor("rocket.jpg"), terms(5)).await.unwrap();
    assert_eq!(of_picture.predictions.len(), 5);
    assert_eq!(of_tensor.predictions, of_picture.predictions);
}

#[tokio::test]
async fn a_tensor_of_another_shape_is_refused() {
    let expected = model().input.shape();
    let wrong = engine().analyze(ArcArray::<f32, Ix4>::zeros([1, 2, 3, 4]), terms(3)).await;
    assert_eq!(wrong, Err(Error::WrongShape { expected, actual: vec![1, 2, 3, 4] }));
}

#[tokio::test]
async fn several_are_answered_in_their_order() {
    let inputs = vec![file("coffee.jpg"), file("README.md"), tensor("rocket.jpg").into(), file("chelsea.png")];
    let results = engine().analyze_all(inputs, terms(3)).await.unwrap();
    assert_eq!(results[1], Err(Error::NotAnImage));
    for (name, result) in [("coffee.jpg", &results[0]), ("rocket.jpg", &results[2]), ("chelsea.png", &results[3])] {
        let alone = engine().analyze(file(name), terms(3)).await.unwrap();
        assert_eq!(result.as_ref().unwrap().predictions, alone.predictions, "{name}");
    }
}

#[tokio::test]
async fn a_tensor_that_is_not_finite_is_refused() {
    for value in [f32::NAN, f32::INFINITY] {
        let mut tensor = tensor("rocket.jpg");
        tensor[[0, 1, 2, 3]] = value;
        assert_eq!(engine().analyze(tensor, terms(3)).await, Err(Error::NotFinite));
    }
}

#[tokio::test]
async fn all_probabilities_are_those_of_the_labels() {
    let whole = engine().analyze(file("rocket.jpg"), engine().terms(Output::Probabilities)).await.unwrap();
    let best = engine().analyze(file("rocket.jpg"), terms(3)).await.unwrap();
    assert_eq!(whole.probabilities.len(), model().labels.len());
    for prediction in best.predictions {
        assert_eq!(whole.probabilities[prediction.index].to_bits(), prediction.confidence.to_bits());
    }
}
