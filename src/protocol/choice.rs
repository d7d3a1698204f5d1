//! The labels that a client chooses of an answer: `top_k` and `min_confidence`; and whether they are explained: `explain`.

use crate::engine::Output;
use crate::model::{Metadata, Outputs, Prediction};

/// The number of labels in an answer, where the client asks for no other.
pub const LABELS: usize = 3;

/// The labels of an answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Choice {
    /// Labels at most.
    pub top_k: usize,
    /// The confidence of each, at least.
    min_confidence: f32,
    /// Whether labels have their class activation maps.
    explains: bool,
}

/// A choice that is out of its range.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name} must be {expected}")]
pub struct OutOfRange {
    /// The name of the parameter.
    pub name: &'static str,
    /// The values that it may have.
    pub expected: String,
}

impl Choice {
    /// What is chosen where the client says nothing: three labels, or every label over the threshold of a multi-label model.
    pub fn usual(model: &Metadata) -> Self {
        match model.output {
            Outputs::Softmax => Self { top_k: LABELS.min(model.labels.len()), min_confidence: 0.0, explains: false },
            Outputs::Sigmoid { threshold } => {
                Self { top_k: model.labels.len(), min_confidence: threshold, explains: false }
            }
        }
    }

    /// The choice of a client of `model` that says this.
    ///
    /// # Errors
    /// [`OutOfRange`].
    pub fn new(top_k: Option<usize>, min_confidence: Option<f32>, model: &Metadata) -> Result<Self, OutOfRange> {
        let (mut choice, labels) = (Self::usual(model), model.labels.len());
        if let Some(top_k) = top_k {
            choice.top_k =
                Some(top_k).filter(|top_k| (1..=labels).contains(top_k)).ok_or_else(|| Self::top_k(labels))?;
        }
        if let Some(least) = min_confidence {
            let is_valid = |least: &f32| (0.0..=1.0).contains(least);
            choice.min_confidence = Some(least).filter(is_valid).ok_or_else(Self::min_confidence)?;
        }
        Ok(choice)
    }

    /// The same, with maps if `explains`.
    ///
    /// # Errors
    /// [`OutOfRange`], if `model` has no maps.
    pub fn explained(self, explains: bool, model: &Metadata) -> Result<Self, OutOfRange> {
        if explains && model.activation.is_none() {
            return Err(OutOfRange { name: "explain", expected: "left out: this model has no activation maps".into() });
        }
        Ok(Self { explains, ..self })
    }

    /// What the engine is asked for.
    pub const fn output(self) -> Output {
        if self.explains { Output::Explained(self.top_k) } else { Output::Labels(self.top_k) }
    }

    /// The error of `explain`.
    pub fn explain() -> OutOfRange {
        OutOfRange { name: "explain", expected: "true or false".into() }
    }

    /// The error of `top_k`.
    pub fn top_k(labels: usize) -> OutOfRange {
        OutOfRange { name: "top_k", expected: format!("a whole number from 1 to {labels}") }
    }

    /// The error of `min_confidence`.
    pub fn min_confidence() -> OutOfRange {
        OutOfRange { name: "min_confidence", expected: "a number from 0 to 1".into() }
    }

    /// Those of the labels that are confident enough. They are sorted.
    pub fn of_all(self, predictions: &[Prediction]) -> &[Prediction] {
        &predictions[..predictions.partition_point(|prediction| prediction.confidence >= self.min_confidence)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::MapSize;

    #[test]
    fn a_choice_is_within_its_range() {
        let model = &Metadata::of_labels(&["ant"; 10]);
        let choice = |top_k, min_confidence| Ok(Choice { top_k, min_confidence, explains: false });
        assert_eq!(Choice::new(None, None, model), choice(3, 0.0));
        assert_eq!(Choice::new(Some(10), Some(1.0), model), choice(10, 1.0));
        for top_k in [0, 11, usize::MAX] {
            assert_eq!(Choice::new(Some(top_k), None, model), Err(Choice::top_k(10)), "{top_k}");
        }
        for least in [-0.1, 1.1, f32::NAN] {
            assert_eq!(Choice::new(None, Some(least), model), Err(Choice::min_confidence()), "{least}");
        }
    }

    #[test]
    fn a_multi_label_model_answers_with_the_labels_over_its_threshold() {
        let model = Metadata { output: Outputs::Sigmoid { threshold: 0.5 }, ..Metadata::of_labels(&["ant"; 10]) };
        assert_eq!(Choice::new(None, None, &model), Ok(Choice { top_k: 10, min_confidence: 0.5, explains: false }));
        assert_eq!(
            Choice::new(Some(2), Some(0.0), &model),
            Ok(Choice { top_k: 2, min_confidence: 0.0, explains: false })
        );
    }

    #[test]
    fn a_model_with_maps_explains() {
        let mut model = Metadata::of_labels(&["ant"; 10]);
        let usual = Choice::usual(&model);
        assert_eq!(usual.explained(false, &model).unwrap().output(), Output::Labels(3));
        let error = usual.explained(true, &model).unwrap_err().to_string();
        assert_eq!(error, "explain must be left out: this model has no activation maps");
        model.activation = Some(MapSize { rows: 7, columns: 7 });
        assert_eq!(usual.explained(true, &model).unwrap().output(), Output::Explained(3));
    }

    #[test]
    fn labels_below_the_confidence_are_left_out() {
        let label = |confidence| Prediction { index: 0, label: "a".into(), confidence, activation: None };
        let labels = [label(0.5), label(0.25), label(0.125)];
        let model = Metadata::of_labels(&["a"; 3]);
        let kept = |least| Choice::new(None, Some(least), &model).unwrap().of_all(&labels).len();
        assert_eq!([0.0, 0.125, 0.2, 0.5, 0.6].map(kept), [3, 3, 2, 1, 0]);
    }
}
