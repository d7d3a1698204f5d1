//! The labels that a request chooses by `?top_k=` and `?min_confidence=`, and their maps by `?explain=`.

use std::str::FromStr;

use axum::http::Uri;
use url::form_urlencoded;
use utoipa::IntoParams;

use crate::http::problem::Problem;
use crate::model::Metadata;
use crate::protocol::choice::{Choice, OutOfRange};

/// The parameters of the query, for the description.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "the description only: `of` reads the query")]
pub(in crate::http) struct Parameters {
    /// Labels in the answer: from 1 to all that the model has. Without it three, or all of a multi-label model.
    #[param(minimum = 1, example = 3)]
    top_k: Option<usize>,
    /// The least confidence of a label in the answer, which may be empty. Without it 0, or the threshold of a multi-label
    /// model.
    #[param(minimum = 0, maximum = 1, example = 0)]
    min_confidence: Option<f32>,
    /// Whether each of the first ten labels has `activation`, its class activation map. Only for models that have them: see
    /// `GET /api/v1/model`.
    #[param(example = false)]
    explain: Option<bool>,
}

/// The choice of a request of `model`. Other parameters are ignored; of several with one name, the last one counts.
///
/// # Errors
/// [`Problem::Parameter`].
pub(in crate::http) fn of(uri: &Uri, model: &Metadata) -> Result<Choice, Problem> {
    Ok(read(uri.query().unwrap_or_default(), model)?)
}

fn read(query: &str, model: &Metadata) -> Result<Choice, OutOfRange> {
    let (mut top_k, mut min_confidence, mut explains) = (None, None, false);
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match &*name {
            "top_k" => top_k = Some(parsed(&value).ok_or_else(|| Choice::top_k(model.labels.len()))?),
            "min_confidence" => min_confidence = Some(parsed(&value).ok_or_else(Choice::min_confidence)?),
            "explain" => explains = parsed(&value).ok_or_else(Choice::explain)?,
            _ => {}
        }
    }
    Choice::new(top_k, min_confidence, model)?.explained(explains, model)
}

fn parsed<T: FromStr>(value: &str) -> Option<T> {
    value.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::MapSize;

    #[test]
    fn a_query_chooses() {
        let model = Metadata::of_labels(&["ant"; 10]);
        let read = |query| read(query, &model);
        let choice = |top_k, least| Choice::new(Some(top_k), Some(least), &model);
        assert_eq!(read(""), choice(3, 0.0));
        assert_eq!(read("top_k=10&x=y&min_confidence=0.5"), choice(10, 0.5));
        assert_eq!(read("top_k=1&top_k=2"), choice(2, 0.0));
        for query in ["top_k=0", "top_k=11", "top_k=", "top_k=-1", "top_k=1.5", "top_k", "top_k=99999999999999999999"] {
            assert_eq!(read(query), Err(Choice::top_k(10)), "{query}");
        }
        let explaining = Metadata { activation: Some(MapSize { rows: 2, columns: 2 }), ..model.clone() };
        let explained = super::read("top_k=3&explain=true", &explaining);
        assert_eq!(explained, choice(3, 0.0).and_then(|choice| choice.explained(true, &explaining)));
        assert_eq!(super::read("explain=false", &explaining), choice(3, 0.0));
        for query in ["explain", "explain=", "explain=1", "explain=yes"] {
            assert_eq!(super::read(query, &explaining), Err(Choice::explain()), "{query}");
        }
        for query in ["min_confidence=1.1", "min_confidence=-0.1", "min_confidence=NaN", "min_confidence=x"] {
            assert_eq!(read(query), Err(Choice::min_confidence()), "{query}");
        }
    }
}
