//! The labels that a request chooses by `?top_k=` and `?min_confidence=`.

use std::str::FromStr;

use axum::http::Uri;
use url::form_urlencoded;
use utoipa::IntoParams;

use crate::http::app::{App, LABELS};
use crate::http::problem::Problem;
use crate::model::Prediction;

/// The labels of an answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::http) struct Choice {
    /// Labels at most.
    pub(in crate::http) top_k: usize,
    /// The confidence of each, at least.
    min_confidence: f32,
}

/// The parameters of the query, for the description.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "the description only: `Choice::of` reads the query")]
pub(in crate::http) struct Parameters {
    /// Labels in the answer: from 1 to all that the model has.
    #[param(minimum = 1, default = 3, example = 3)]
    top_k: Option<usize>,
    /// The least confidence of a label in the answer. The answer may be empty.
    #[param(minimum = 0, maximum = 1, default = 0, example = 0)]
    min_confidence: Option<f32>,
}

impl Choice {
    /// What is chosen where the request says nothing.
    pub(in crate::http) const USUAL: Self = Self { top_k: LABELS, min_confidence: 0.0 };

    /// The choice of a request. Other parameters are ignored; of several with one name, the last one counts.
    ///
    /// # Errors
    /// [`Problem::Parameter`].
    pub(in crate::http) fn of(uri: &Uri, app: &App) -> Result<Self, Problem> {
        Self::read(uri.query().unwrap_or_default(), app.model.labels.len())
    }

    fn read(query: &str, labels: usize) -> Result<Self, Problem> {
        let mut choice = Self::USUAL;
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "top_k" => {
                    let expected = || format!("a whole number from 1 to {labels}");
                    choice.top_k = number("top_k", &value, |number| (1..=labels).contains(number), expected)?;
                }
                "min_confidence" => {
                    let (is_valid, expected) =
                        (|number: &f32| (0.0..=1.0).contains(number), || "a number from 0 to 1".to_owned());
                    choice.min_confidence = number("min_confidence", &value, is_valid, expected)?;
                }
                _ => {}
            }
        }
        Ok(choice)
    }

    /// Those of the labels that are confident enough. They are sorted.
    pub(in crate::http) fn of_all(self, predictions: &[Prediction]) -> &[Prediction] {
        &predictions[..predictions.partition_point(|prediction| prediction.confidence >= self.min_confidence)]
    }
}

fn number<T: FromStr>(
    name: &'static str,
    value: &str,
    is_valid: impl Fn(&T) -> bool,
    expected: impl Fn() -> String,
) -> Result<T, Problem> {
    value.parse().ok().filter(is_valid).ok_or_else(|| Problem::Parameter { name, expected: expected() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_chooses_within_its_range() {
        let choice = |top_k, min_confidence| Ok(Choice { top_k, min_confidence });
        assert_eq!(Choice::read("", 10), choice(3, 0.0));
        assert_eq!(Choice::read("top_k=10&x=y&min_confidence=0.5", 10), choice(10, 0.5));
        assert_eq!(Choice::read("top_k=1&top_k=2", 10), choice(2, 0.0));
        for query in ["top_k=0", "top_k=11", "top_k=", "top_k=-1", "top_k=1.5", "top_k", "top_k=99999999999999999999"] {
            let expected = "a whole number from 1 to 10".into();
            assert_eq!(Choice::read(query, 10), Err(Problem::Parameter { name: "top_k", expected }), "{query}");
        }
        for query in ["min_confidence=1.1", "min_confidence=-0.1", "min_confidence=NaN", "min_confidence=x"] {
            let expected = "a number from 0 to 1".into();
            assert_eq!(
                Choice::read(query, 10),
                Err(Problem::Parameter { name: "min_confidence", expected }),
                "{query}"
            );
        }
    }

    #[test]
    fn labels_below_the_confidence_are_left_out() {
        let label = |confidence| Prediction { index: 0, label: "a".into(), confidence };
        let labels = [label(0.5), label(0.25), label(0.125)];
        let kept = |min_confidence| Choice { top_k: 3, min_confidence }.of_all(&labels).len();
        assert_eq!([0.0, 0.125, 0.2, 0.5, 0.6].map(kept), [3, 3, 2, 1, 0]);
    }
}
