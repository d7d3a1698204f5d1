//! The memory of a server, shared out.
//!
//! What is not set follows from the memory that the system lets the process take ([`super::cgroup`]):
//!
//! ```text
//! limit = SERVER + the model + MAX_INFLIGHT_BYTES + WORKERS x (WORKER + MAX_PICTURE_BYTES)
//! ```
//!
//! The chart in `scripts/deploy` computes a pod's limit by the same sum.

use super::{Bodies, Pipeline, cgroup};

/// The executable, ONNX Runtime, connections, and a model of up to `SMALL_MODEL` bytes.
const SERVER: u64 = 128 << 20;

/// A larger model is held twice while it is loaded: as its file, and as ONNX Runtime's weights.
const SMALL_MODEL: u64 = 16 << 20;

/// What a worker takes beside its picture: the model's activations, its stack, and what the heap loses between blocks.
const WORKER: u64 = 32 << 20;

/// The default of `MAX_INFLIGHT_BYTES`, at most.
const BODIES: u64 = 128 << 20;

/// The default of `MAX_PICTURE_BYTES`, at most.
const PICTURE: u64 = 640_000_000;

/// The least memory for a picture, by which the number of workers is lowered: a photograph of 12 megapixels decoded whole. A limit
/// that leaves one worker less than that is the operator's, and larger pictures are refused.
const LEAST_PICTURE: u64 = 48 << 20;

/// The workers and the memory that they and the bodies may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budgets {
    /// The memory that the system lets the process take, in bytes; `None` where it does not tell.
    pub memory_limit: Option<u64>,
    /// Pictures analyzed at the same time.
    pub workers: usize,
    /// Bytes of the bodies of all requests in progress.
    pub max_inflight_bytes: usize,
    /// Bytes that a worker may take to decode and resize one picture.
    pub max_picture_bytes: usize,
}

impl Budgets {
    /// The budgets of a server whose model has `model_bytes`; without `bodies`, of a process that reads files, all of which
    /// together take as much as one picture may.
    pub fn new(pipeline: &Pipeline, bodies: Option<&Bodies>, model_bytes: u64) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self::within(cgroup::memory_limit(), cores, pipeline, bodies, model_bytes)
    }

    fn within(
        memory_limit: Option<u64>,
        cores: usize,
        pipeline: &Pipeline,
        bodies: Option<&Bodies>,
        model_bytes: u64,
    ) -> Self {
        let model = model_bytes.saturating_sub(SMALL_MODEL).saturating_mul(2);
        let free = memory_limit.unwrap_or(u64::MAX).saturating_sub(SERVER.saturating_add(model));
        let inflight = bodies.map_or(0, |bodies| bodies.inflight(free / 4));
        let free = free.saturating_sub(inflight);
        let least = WORKER + pipeline.max_picture_bytes.map_or(LEAST_PICTURE, |bytes| bytes as u64);
        let workers = pipeline.workers.unwrap_or_else(|| cores.min(in_usize(free / least)).max(1));
        let shares = workers as u64 + u64::from(bodies.is_none());
        let picture = (free / shares).saturating_sub(WORKER).clamp(LEAST_PICTURE, PICTURE);
        Self {
            memory_limit,
            workers,
            max_inflight_bytes: in_usize(inflight),
            max_picture_bytes: pipeline.max_picture_bytes.unwrap_or(in_usize(picture)),
        }
    }
}

impl Bodies {
    /// `MAX_INFLIGHT_BYTES`: as it is set, or else `share`, but not less than a largest body needs, which may take three quarters
    /// of it.
    fn inflight(&self, share: u64) -> u64 {
        let least = (self.max_body_bytes as u64).saturating_mul(4).div_ceil(3);
        self.max_inflight_bytes.map_or_else(|| share.min(BODIES).max(least), |bytes| bytes as u64)
    }
}

fn in_usize(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::config::CommandLine;

    const MIB: u64 = 1 << 20;

    fn budgets(limit: Option<u64>, cores: usize, model: u64, flags: &[&str]) -> (usize, u64, u64) {
        let config = CommandLine::try_parse_from([&["glimpse"], flags].concat()).unwrap().config;
        let budgets = Budgets::within(limit, cores, &config.pipeline, Some(&config.bodies), model);
        (budgets.workers, budgets.max_inflight_bytes as u64, budgets.max_picture_bytes as u64)
    }

    #[test]
    fn without_a_limit_or_under_a_high_one_the_defaults_hold() {
        for limit in [None, Some(64 << 30)] {
            assert_eq!(budgets(limit, 8, 0, &[]), (8, BODIES, PICTURE));
        }
    }

    #[test]
    fn the_limit_of_the_chart_gives_the_defaults_of_the_chart() {
        // What scripts/deploy/README.md says of one worker and of two.
        assert_eq!(budgets(Some(960 * MIB), 1, 14_000_000, &[]), (1, BODIES, PICTURE));
        assert_eq!(budgets(Some(1600 * MIB), 2, 14_000_000, &[]), (2, BODIES, PICTURE));
    }

    #[test]
    fn the_sum_stays_within_the_limit() {
        for limit in [384, 512, 768, 1024, 2048, 8192].map(|size| size * MIB) {
            for cores in [1, 2, 8, 64] {
                for model in [0, 14 * MIB, 64 * MIB] {
                    let (workers, bodies, picture) = budgets(Some(limit), cores, model, &[]);
                    let model = model.saturating_sub(SMALL_MODEL) * 2;
                    let sum = SERVER + model + bodies + workers as u64 * (WORKER + picture);
                    assert!(sum <= limit && picture >= LEAST_PICTURE, "{limit} {cores} {model}: {sum}");
                }
            }
        }
    }

    #[test]
    fn a_small_limit_lowers_the_number_of_workers_first() {
        assert_eq!(budgets(Some(512 * MIB), 64, 0, &[]), (3, 96 * MIB, 64 * MIB));
        assert_eq!(budgets(Some(100 * MIB), 64, 0, &[]), (1, 27_962_027, LEAST_PICTURE));
    }

    #[test]
    fn what_is_set_is_obeyed() {
        let flags = ["--workers", "4", "--max-inflight-bytes", "1GiB", "--max-picture-bytes", "1GiB"];
        assert_eq!(budgets(Some(512 * MIB), 2, 0, &flags), (4, 1024 * MIB, 1024 * MIB));
        assert_eq!(budgets(Some(4096 * MIB), 64, 0, &["--max-picture-bytes", "500MiB"]), (7, BODIES, 500 * MIB));
        assert_eq!(budgets(None, 2, 0, &["--max-body-bytes", "300MiB"]), (2, 400 * MIB, PICTURE));
    }

    #[test]
    fn a_process_without_requests_has_files_instead_of_bodies() {
        let config = CommandLine::try_parse_from(["glimpse"]).unwrap().config;
        let budgets = Budgets::within(Some(512 * MIB), 1, &config.pipeline, None, 0);
        assert_eq!((budgets.max_inflight_bytes, budgets.max_picture_bytes), (0, 160 << 20));
    }
}
