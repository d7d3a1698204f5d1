//! Triton's statistics extension. One engine serves every name, so that all have the same figures.

use axum::Json;
use axum::extract::{Path, State};
use serde_json::{Value, json};

use super::About;
use crate::engine::{Count, Stage, Totals};
use crate::http::app::App;
use crate::http::problem::Problem;
use crate::model::names::{Form, VERSION};

pub(super) async fn all(State(app): State<App>) -> Json<Value> {
    let names = Form::ALL.map(|form| app.names.of(form));
    Json(json!({ "model_stats": names.map(|name| statistics(&name, &app)) }))
}

pub(super) async fn one((Path(asked), State(app)): About) -> Result<Json<Value>, Problem> {
    asked.form(&app)?;
    Ok(Json(json!({ "model_stats": [statistics(&asked.model, &app)] })))
}

fn statistics(name: &str, app: &App) -> Value {
    let Totals { analyzed, failed, stages, last } = app.engine.statistics().totals();
    let count = |Count { count, nanoseconds }| json!({ "count": count, "ns": nanoseconds });
    let of = |stage: Stage| stages[stage as usize];
    let stage = |nanoseconds| count(Count { count: analyzed.count, nanoseconds });
    json!({
        "name": name,
        "version": VERSION,
        "last_inference": last,
        "inference_count": analyzed.count,
        "execution_count": analyzed.count,
        "inference_stats": {
            "success": count(analyzed),
            "fail": count(failed),
            "queue": stage(of(Stage::Queue)),
            "compute_input": stage(of(Stage::Decode) + of(Stage::Resize)),
            "compute_infer": stage(of(Stage::Inference)),
            "compute_output": stage(0),
        },
        "batch_stats": [],
    })
}
