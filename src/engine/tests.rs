use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use bytes::Bytes;

use super::*;

/// A worker that says when it begins and ends when it is told to.
struct Scripted {
    begun: mpsc::Sender<Payload>,
    go_on: mpsc::Receiver<()>,
    done: Arc<AtomicUsize>,
}

struct Script {
    engine: Arc<Engine>,
    begun: mpsc::Receiver<Payload>,
    go_on: mpsc::Sender<()>,
    done: Arc<AtomicUsize>,
}

fn text(text: &'static str) -> Payload {
    Payload::Base64(Bytes::from_static(text.as_bytes()))
}

impl Work for Scripted {
    fn run(&mut self, payload: &Payload, stop: &Stop) -> Result<Analysis, Error> {
        self.begun.send(payload.clone()).unwrap();
        self.go_on.recv().unwrap();
        assert_ne!(payload, &text("panic"), "as the test asks");
        stop.check()?;
        self.done.fetch_add(1, Ordering::SeqCst);
        Ok(Analysis { predictions: Vec::new(), timings: Timings::default() })
    }
}

fn script(queue_depth: usize, timeout: Duration) -> Script {
    let (begun_sender, begun) = mpsc::channel();
    let (go_on, go_on_receiver) = mpsc::channel();
    let done = Arc::new(AtomicUsize::new(0));
    let worker = Scripted { begun: begun_sender, go_on: go_on_receiver, done: done.clone() };
    let engine = Arc::new(Engine::new(vec![worker], Limits { queue_depth, timeout }).unwrap());
    Script { engine, begun, go_on, done }
}

const LONG: Duration = Duration::from_mins(1);

impl Script {
    fn send(&self, payload: &'static str) -> tokio::task::JoinHandle<Result<Analysis, Error>> {
        let engine = self.engine.clone();
        tokio::spawn(async move { engine.analyze(text(payload)).await })
    }

    /// Sends a request and waits until the worker has it.
    async fn occupy(&self, payload: &'static str) -> tokio::task::JoinHandle<Result<Analysis, Error>> {
        let request = self.send(payload);
        tokio::task::yield_now().await;
        assert_eq!(self.begun.recv_timeout(LONG).unwrap(), text(payload));
        request
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_refuses_at_once_and_the_others_are_served() {
    let script = script(1, LONG);
    let worked_on = script.occupy("first").await;
    let waiting = script.send("second");
    while script.engine.places.available_permits() > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(script.engine.analyze(text("third")).await, Err(Error::Busy));
    script.go_on.send(()).unwrap();
    script.go_on.send(()).unwrap();
    assert!(worked_on.await.unwrap().is_ok());
    assert!(waiting.await.unwrap().is_ok());
    assert_eq!(script.done.load(Ordering::SeqCst), 2);
    assert_eq!(script.engine.places.available_permits(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_deadline_covers_waiting_and_work() {
    let script = script(1, Duration::from_secs(1));
    let worked_on = script.occupy("first").await;
    let waiting = script.send("second");
    assert_eq!(worked_on.await.unwrap(), Err(Error::DeadlineExceeded));
    assert_eq!(waiting.await.unwrap(), Err(Error::DeadlineExceeded));
    script.go_on.send(()).unwrap();
    while script.engine.places.available_permits() < 2 {
        tokio::task::yield_now().await;
    }
    assert_eq!(script.done.load(Ordering::SeqCst), 0, "late work went on");
    assert!(script.begun.try_recv().is_err(), "work was begun past its deadline");
}

#[tokio::test(flavor = "multi_thread")]
async fn work_whose_client_has_left_is_not_begun() {
    let script = script(1, LONG);
    let worked_on = script.occupy("first").await;
    let leaves = script.send("second");
    while script.engine.places.available_permits() > 0 {
        tokio::task::yield_now().await;
    }
    leaves.abort();
    assert!(leaves.await.unwrap_err().is_cancelled());
    script.go_on.send(()).unwrap();
    assert!(worked_on.await.unwrap().is_ok());
    while script.engine.places.available_permits() < 2 {
        tokio::task::yield_now().await;
    }
    assert!(script.begun.try_recv().is_err(), "work was begun for nobody");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_is_an_error_and_the_worker_lives_on() {
    let script = script(1, LONG);
    let panics = script.occupy("panic").await;
    script.go_on.send(()).unwrap();
    assert_eq!(panics.await.unwrap(), Err(Error::Internal));
    let next = script.occupy("next").await;
    script.go_on.send(()).unwrap();
    assert!(next.await.unwrap().is_ok());
}

#[test]
fn an_engine_needs_a_worker() {
    let limits = Limits { queue_depth: 1, timeout: LONG };
    assert!(Engine::new(Vec::<Scripted>::new(), limits).is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn rest_comes_after_work_that_nobody_waits_for() {
    let script = script(1, LONG);
    let request = script.occupy("left").await;
    request.abort();
    assert!(request.await.unwrap_err().is_cancelled());
    assert!(!script.engine.rest(Duration::from_millis(20)).await);
    script.go_on.send(()).unwrap();
    assert!(script.engine.rest(LONG).await);
}
