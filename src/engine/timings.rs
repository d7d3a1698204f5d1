//! The stages of an analysis: the one list of their names, and the time that each took.

use std::time::{Duration, Instant};

use tracing::Span;

use crate::telemetry::traces::TARGET;

/// A part of an analysis, in the order of the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Waiting for a worker.
    Queue,
    /// Finding the picture in its payload, base64, and image decoding.
    Decode,
    /// Resizing and scaling.
    Resize,
    /// The model.
    Inference,
}

impl Stage {
    /// Every stage, in order.
    pub const ALL: [Self; 4] = [Self::Queue, Self::Decode, Self::Resize, Self::Inference];

    /// The name in metrics, traces and headers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Queue => "queue",
            Self::Decode => "decode",
            Self::Resize => "resize",
            Self::Inference => "inference",
        }
    }

    /// A span of the request's trace. `tracing` requires the name to be a constant, so each stage has its own call.
    pub(super) fn span(self) -> Span {
        match self {
            Self::Queue => tracing::info_span!(target: TARGET, Stage::Queue.name()),
            Self::Decode => tracing::info_span!(target: TARGET, Stage::Decode.name()),
            Self::Resize => tracing::info_span!(target: TARGET, Stage::Resize.name()),
            Self::Inference => tracing::info_span!(target: TARGET, Stage::Inference.name()),
        }
    }
}

/// The time that each stage of one analysis took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timings([Duration; Stage::ALL.len()]);

impl Timings {
    /// The time that `stage` took; zero if it did not run.
    pub fn of(&self, stage: Stage) -> Duration {
        self.0[stage as usize]
    }

    /// Every stage and its time, in order.
    pub fn iter(&self) -> impl Iterator<Item = (Stage, Duration)> {
        Stage::ALL.into_iter().zip(self.0)
    }

    /// The time in all.
    pub fn total(&self) -> Duration {
        self.0.iter().sum()
    }

    pub(super) fn set(&mut self, stage: Stage, time: Duration) {
        self.0[stage as usize] = time;
    }

    /// Runs `work` inside the span of `stage` and adds the time that it took.
    pub(super) fn measure<T>(&mut self, stage: Stage, work: impl FnOnce() -> T) -> T {
        let _entered = stage.span().entered();
        let begun = Instant::now();
        let result = work();
        self.0[stage as usize] += begun.elapsed();
        result
    }
}
