//! The engine without a door: one picture, several, or a tensor, on the real model.

use glimpse::engine::{Input, Payload};
use glimpse::error::Error;
use glimpse::image::{Decoder, Preprocessor};
use glimpse::stop::Stop;
use ndarray::Array4;

use crate::support::{engine, model, picture};

fn file(name: &str) -> Input {
    Payload::file(picture(name).into()).into()
}

/// The model's input for a sample picture.
fn tensor(name: &str) -> Array4<f32> {
    let (mut pixels, input) = (Vec::new(), &model().input);
    let picture =
        Decoder::new(glimpse::image::Limits::NONE).decode(&picture(name), None, &Stop::never(), &mut pixels).unwrap();
    let mut tensor = vec![0.0; input.values()];
    Preprocessor::new(input).fill(&pixels, picture, &mut tensor, &Stop::never()).unwrap();
    Array4::from_shape_vec(input.shape(), tensor).unwrap()
}

#[tokio::test]
async fn a_tensor_has_the_answer_of_its_picture() {
    let of_picture = engine().analyze(file("rocket.jpg"), 5).await.unwrap();
    let of_tensor = engine().analyze(tensor("rocket.jpg"), 5).await.unwrap();
    assert_eq!(of_picture.predictions.len(), 5);
    assert_eq!(of_tensor.predictions, of_picture.predictions);
}

#[tokio::test]
async fn a_tensor_of_another_shape_is_refused() {
    let expected = model().input.shape();
    let wrong = engine().analyze(Array4::zeros([1, 2, 3, 4]), 3).await;
    assert_eq!(wrong, Err(Error::WrongShape { expected, actual: vec![1, 2, 3, 4] }));
}

#[tokio::test]
async fn several_are_answered_in_their_order() {
    let inputs = vec![file("coffee.jpg"), file("README.md"), tensor("rocket.jpg").into(), file("chelsea.png")];
    let results = engine().analyze_all(inputs, 3).await.unwrap();
    assert_eq!(results[1], Err(Error::NotAnImage));
    for (name, result) in [("coffee.jpg", &results[0]), ("rocket.jpg", &results[2]), ("chelsea.png", &results[3])] {
        let alone = engine().analyze(file(name), 3).await.unwrap();
        assert_eq!(result.as_ref().unwrap().predictions, alone.predictions, "{name}");
    }
}
