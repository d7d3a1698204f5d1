//! One session that many threads run at once, and the memory that they keep.

use std::sync::Arc;
use std::thread;

use glimpse::engine::{Input, KeptMemory, Output, Payload, Settings, Terms, Work, Worker};
use glimpse::model::{Classifier, LibrarySource, Model, ModelSource, Runtime};
use glimpse::stop::Stop;

use crate::support::picture;

/// More than there are cores, so that runs are interrupted at any point.
const THREADS: usize = 16;

/// Runs of each thread.
const RUNS: usize = 12;

fn model() -> Arc<Model> {
    let runtime = Runtime::load(&LibrarySource::default()).unwrap();
    Model::load(&runtime, &ModelSource::default()).unwrap()
}

/// An input that no other thread and run has.
fn input(model: &Model, thread: usize, run: usize) -> Vec<f32> {
    let values = model.metadata().input.values();
    let of =
        |index: usize| u8::try_from((index * (thread + 3) + run * 7919) % 251).map_or(0.0, f32::from) / 125.0 - 1.0;
    (0..values).map(of).collect()
}

/// Every answer is that of its own input, to the bit, and so is that of a thread that runs alone.
#[test]
fn runs_at_the_same_time_do_not_touch_each_other() {
    let model = model();
    let outputs = |thread: usize| {
        let mut classifier = Classifier::new(model.clone());
        let run = |run| {
            classifier.run_on(&input(&model, thread, run)).unwrap();
            classifier.probabilities().to_vec()
        };
        (0..RUNS).map(run).collect::<Vec<_>>()
    };
    let alone: Vec<_> = (0..THREADS).map(outputs).collect();
    let together: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|thread| scope.spawn(move || outputs(thread))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(alone == together, "runs at the same time change each other's answers");
    assert_ne!(alone[0][0], alone[1][0], "the inputs do not differ");
}

fn worker(model: &Arc<Model>, kept: &KeptMemory) -> Worker {
    let settings = Settings {
        max_pixels: u64::MAX,
        max_picture_bytes: u64::MAX,
        max_payload_bytes: usize::MAX,
        reduces_jpeg: true,
        decoder: None,
        kept: kept.clone(),
    };
    Worker::new(model.clone(), settings)
}

fn analyze(worker: &mut Worker, name: &str) -> Vec<f32> {
    let input = Input::from(Payload::file(picture(name).into()));
    worker.run(&input, &Terms::patient(Output::Probabilities), &Stop::never()).unwrap().probabilities
}

#[test]
fn what_workers_keep_is_bounded_and_given_back() {
    let model = model();
    let (much, little) = (KeptMemory::new(usize::MAX), KeptMemory::new(1 << 10));
    let (mut keeps, mut releases) = (worker(&model, &much), worker(&model, &little));
    for name in ["chelsea.png", "coffee.jpg", "chelsea_phone.jpg", "rocket_progressive.jpg", "chelsea.png"] {
        assert!(analyze(&mut keeps, name) == analyze(&mut releases, name), "{name}");
        // The pixels of a photograph of 450 x 300 pixels, at least.
        assert!(much.bytes() > 400_000 && little.bytes() == 0, "{name}: {} and {}", much.bytes(), little.bytes());
    }
    let mut other = worker(&model, &much);
    let (before, _) = (much.bytes(), analyze(&mut other, "chelsea.png"));
    assert!(much.bytes() > before);
    keeps.give_back();
    other.give_back();
    assert_eq!(much.bytes(), 0);
    assert_eq!(analyze(&mut keeps, "chelsea.png"), analyze(&mut releases, "chelsea.png"));
}
