//! The labels of a model, and the top k of its output.

use std::cmp::Ordering;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Activation;

/// One label of an answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Prediction {
    /// Its place in the model's output.
    #[serde(skip)]
    #[schema(ignore)]
    pub index: usize,
    /// The class, as Keras' `decode_predictions` writes it (`Egyptian_cat`).
    #[schema(value_type = String, example = "Egyptian_cat")]
    pub label: Arc<str>,
    /// Its probability, from 0 to 1: that of a softmax, or one of its own in a multi-label model.
    #[schema(minimum = 0, maximum = 1, example = 0.797_672)]
    pub confidence: f32,
    /// Where in the picture the evidence for it lies. Only where the request asks for it, and of an answer's first ten labels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub activation: Option<Activation>,
}

/// A model's labels, in the order of its output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Labels(Vec<Arc<str>>);

impl Labels {
    /// The labels, in the order of the model's output.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|label| &**label)
    }

    /// The number of labels.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no labels.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The `count` most probable labels, highest first. Of equal ones the later is first, as in a reversed
    /// `numpy.argsort`. Values beyond the last label are ignored.
    pub fn top(&self, probabilities: &[f32], count: usize) -> Vec<Prediction> {
        let count = count.min(self.0.len());
        let mut best: Vec<(usize, f32)> = Vec::with_capacity(count + 1);
        for (index, &probability) in probabilities.iter().enumerate().take(self.0.len()) {
            let place = best.partition_point(|(_, other)| other.total_cmp(&probability) == Ordering::Greater);
            if place < count {
                best.insert(place, (index, probability));
                best.truncate(count);
            }
        }
        let prediction =
            |(index, confidence)| Prediction { index, label: self.0[index].clone(), confidence, activation: None };
        best.into_iter().map(prediction).collect()
    }
}

impl<S: Into<Arc<str>>> FromIterator<S> for Labels {
    fn from_iter<I: IntoIterator<Item = S>>(labels: I) -> Self {
        Self(labels.into_iter().map(Into::into).collect())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn highest_first() {
        let labels: Labels = ["ant", "bee", "cat", "dog"].into_iter().collect();
        let top = labels.top(&[0.1, 0.5, 0.15, 0.25], 3);
        let top: Vec<(&str, f32)> = top.iter().map(|it| (&*it.label, it.confidence)).collect();
        assert_eq!(top, [("bee", 0.5), ("dog", 0.25), ("cat", 0.15)]);
    }

    #[test]
    fn fewer_labels_than_asked_for() {
        let labels: Labels = ["ant", "bee"].into_iter().collect();
        assert_eq!(labels.top(&[0.5, 0.5], 3).iter().map(|it| &*it.label).collect::<Vec<_>>(), ["bee", "ant"]);
    }

    /// A model whose output is wider than its labels, and a count from a request.
    #[test]
    fn neither_more_values_than_labels_nor_a_huge_count_is_a_panic() {
        let labels: Labels = ["ant", "bee"].into_iter().collect();
        let top = labels.top(&[0.1, 0.2, 0.9, f32::NAN], usize::MAX);
        assert_eq!(top.iter().map(|it| &*it.label).collect::<Vec<_>>(), ["bee", "ant"]);
        assert!(labels.top(&[], 3).is_empty() && labels.top(&[0.5, 0.5], 0).is_empty());
    }

    proptest! {
        #[test]
        fn the_same_as_sorting(probabilities in proptest::collection::vec(0.0..1.0_f32, 3..200)) {
            let labels: Labels = (0..probabilities.len()).map(|index| index.to_string()).collect();
            let mut sorted = probabilities.clone();
            sorted.sort_by(|a, b| b.total_cmp(a));
            let top = labels.top(&probabilities, 3);
            prop_assert_eq!(top.iter().map(|it| it.confidence).collect::<Vec<_>>(), &sorted[..3]);
            for it in top {
                prop_assert_eq!(probabilities[it.label.parse::<usize>().unwrap()].to_bits(), it.confidence.to_bits());
            }
        }
    }
}
