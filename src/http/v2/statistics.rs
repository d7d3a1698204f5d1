//! Triton's statistics extension.

use axum::Json;
use axum::extract::{Path, State};
use serde_json::{Value, json};

use super::About;
use crate::engine::Count;
use crate::http::app::App;
use crate::http::problem::Problem;
use crate::model::names::{Form, VERSION};
use crate::protocol::oip::describe::Statistics;

pub(super) async fn all(State(app): State<App>) -> Json<Value> {
    let model = app.model();
    let names = Form::ALL.map(|form| model.names.of(form));
    Json(json!({ "model_stats": names.map(|name| statistics(&name, &app)) }))
}

pub(super) async fn one((Path(asked), State(app)): About) -> Result<Json<Value>, Problem> {
    asked.find(&app)?;
    Ok(Json(json!({ "model_stats": [statistics(&asked.model, &app)] })))
}

fn statistics(name: &str, app: &App) -> Value {
    let statistics = Statistics::from(app.engine.statistics().totals());
    let count = |Count { count, nanoseconds }| json!({ "count": count, "ns": nanoseconds });
    json!({
        "name": name,
        "version": VERSION,
        "last_inference": statistics.last,
        "inference_count": statistics.success.count,
        "execution_count": statistics.success.count,
        "inference_stats": {
            "success": count(statistics.success),
            "fail": count(statistics.fail),
            "queue": count(statistics.queue),
            "compute_input": count(statistics.compute_input),
            "compute_infer": count(statistics.compute_infer),
            "compute_output": count(statistics.compute_output),
        },
        "batch_stats": [],
    })
}
