use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use bytes::Bytes;

use super::*;

/// A worker that says when it begins and ends when it is told to.
struct Scripted {
    begun: mpsc::Sender<Input>,
    go_on: mpsc::Receiver<()>,
    done: Arc<AtomicUsize>,
    given_back: Arc<AtomicUsize>,
}

struct Script {
    engine: Arc<Engine>,
    begun: mpsc::Receiver<Input>,
    go_on: mpsc::Sender<()>,
    done: Arc<AtomicUsize>,
    /// How often the worker gave its memory back.
    given_back: Arc<AtomicUsize>,
}

fn text(text: &'static str) -> Input {
    Payload::base64(Bytes::from_static(text.as_bytes())).into()
}

impl Work for Scripted {
    fn run(&mut self, input: &Input, terms: &Terms, stop: &Stop) -> Result<Analysis, Error> {
        self.begun.send(input.clone()).unwrap();
        self.go_on.recv().unwrap();
        assert_ne!(input, &text("panic"), "as the test asks");
        if *input == text("bad") {
            return Err(Error::NotAnImage);
        }
        stop.check()?;
        self.done.fetch_add(1, Ordering::SeqCst);
        let prediction = Prediction { index: 0, label: format!("{input:?}").into(), confidence: 1.0, activation: None };
        let Output::Labels(labels) = terms.output else { return Err(Error::Internal) };
        Ok(Analysis { predictions: vec![prediction; labels], ..Analysis::default() })
    }

    fn give_back(&mut self) {
        self.given_back.fetch_add(1, Ordering::SeqCst);
    }
}

fn script(queue_depth: usize, timeout: Duration) -> Script {
    let (begun_sender, begun) = mpsc::channel();
    let (go_on, go_on_receiver) = mpsc::channel();
    let done = Arc::new(AtomicUsize::new(0));
    let given_back = Arc::new(AtomicUsize::new(0));
    let worker =
        Scripted { begun: begun_sender, go_on: go_on_receiver, done: done.clone(), given_back: given_back.clone() };
    let engine = Arc::new(Engine::new(vec![worker], Capacity { queue_depth, timeout }).unwrap());
    Script { engine, begun, go_on, done, given_back }
}

const LONG: Duration = Duration::from_mins(1);

const ONE: Output = Output::Labels(1);

impl Script {
    fn terms(&self) -> Terms {
        self.engine.terms(ONE)
    }

    fn send(&self, payload: &'static str) -> tokio::task::JoinHandle<Result<Analysis, Error>> {
        let engine = self.engine.clone();
        tokio::spawn(async move { engine.analyze(text(payload), engine.terms(ONE)).await })
    }

    /// Sends a request and waits until the worker has it.
    async fn occupy(&self, payload: &'static str) -> tokio::task::JoinHandle<Result<Analysis, Error>> {
        let request = self.send(payload);
        tokio::task::yield_now().await;
        assert_eq!(self.begun.recv_timeout(LONG).unwrap(), text(payload));
        request
    }

    /// Waits until so many permits are free.
    async fn free(&self, permits: usize) {
        let free = async {
            while self.engine.permits.available_permits() != permits {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(LONG, free).await.expect("the permits do not come back");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_refuses_at_once_and_the_others_are_served() {
    let script = script(1, LONG);
    let worked_on = script.occupy("first").await;
    let waiting = script.send("second");
    script.free(0).await;
    assert_eq!(script.engine.analyze(text("third"), script.terms()).await, Err(Error::Busy));
    script.go_on.send(()).unwrap();
    script.go_on.send(()).unwrap();
    assert!(worked_on.await.unwrap().is_ok());
    assert!(waiting.await.unwrap().is_ok());
    assert_eq!(script.done.load(Ordering::SeqCst), 2);
    script.free(2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_deadline_covers_waiting_and_work() {
    let script = script(1, Duration::from_secs(1));
    let worked_on = script.occupy("first").await;
    let waiting = script.send("second");
    assert_eq!(worked_on.await.unwrap(), Err(Error::DeadlineExceeded));
    assert_eq!(waiting.await.unwrap(), Err(Error::DeadlineExceeded));
    script.go_on.send(()).unwrap();
    script.free(2).await;
    assert_eq!(script.done.load(Ordering::SeqCst), 0, "late work went on");
    assert!(script.begun.try_recv().is_err(), "work was begun past its deadline");
}

#[tokio::test(flavor = "multi_thread")]
async fn work_whose_client_has_left_is_not_begun() {
    let script = script(1, LONG);
    let worked_on = script.occupy("first").await;
    let leaves = script.send("second");
    script.free(0).await;
    leaves.abort();
    assert!(leaves.await.unwrap_err().is_cancelled());
    script.go_on.send(()).unwrap();
    assert!(worked_on.await.unwrap().is_ok());
    script.free(2).await;
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

#[tokio::test(flavor = "multi_thread")]
async fn several_are_answered_in_order_and_a_bad_one_spoils_no_other() {
    let script = script(3, LONG);
    for _ in 0..4 {
        script.go_on.send(()).unwrap();
    }
    let names = ["first", "bad", "panic", "last"];
    let results =
        script.engine.analyze_all(names.map(text).to_vec(), script.engine.terms(Output::Labels(2))).await.unwrap();
    let label = |name| format!("{:?}", text(name));
    let labels: Vec<Result<String, Error>> = results
        .into_iter()
        .map(|result| {
            result.map(|analysis| {
                assert_eq!(analysis.predictions.len(), 2);
                analysis.predictions[0].label.to_string()
            })
        })
        .collect();
    assert_eq!(labels, [Ok(label("first")), Err(Error::NotAnImage), Err(Error::Internal), Ok(label("last"))]);
    script.free(4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn several_are_admitted_all_at_once_or_not_at_all() {
    let script = script(2, LONG);
    let worked_on = script.occupy("first").await;
    let three = ["a", "b", "c"].map(text).to_vec();
    assert_eq!(script.engine.analyze_all(three.clone(), script.terms()).await, Err(Error::Busy));
    assert_eq!(script.engine.permits.available_permits(), 2, "some were admitted");
    let four = [three, vec![text("d")]].concat();
    assert_eq!(script.engine.analyze_all(four, script.terms()).await, Err(Error::TooManyInputs { limit: 3 }));
    assert_eq!(script.engine.analyze_all(Vec::new(), script.terms()).await, Ok(Vec::new()));
    script.go_on.send(()).unwrap();
    assert!(worked_on.await.unwrap().is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_takes_all_of_several_with_it() {
    let script = script(4, LONG);
    let worked_on = script.occupy("first").await;
    let engine = script.engine.clone();
    let leaves =
        tokio::spawn(async move { engine.analyze_all(["a", "b", "c"].map(text).to_vec(), engine.terms(ONE)).await });
    script.free(1).await;
    leaves.abort();
    assert!(leaves.await.unwrap_err().is_cancelled());
    script.go_on.send(()).unwrap();
    assert!(worked_on.await.unwrap().is_ok());
    script.free(5).await;
    assert!(script.begun.try_recv().is_err(), "work was begun for nobody");
}

#[test]
fn an_engine_needs_a_worker() {
    let capacity = Capacity { queue_depth: 1, timeout: LONG };
    assert!(Engine::new(Vec::<Scripted>::new(), capacity).is_err());
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

#[tokio::test(flavor = "multi_thread")]
async fn preparing_has_a_permit_a_deadline_and_no_panics() {
    let script = script(1, LONG);
    let deadline = script.terms().deadline;
    assert_eq!(script.engine.prepare(deadline, |_| Ok(7)).await, Ok(7));
    assert_eq!(script.engine.prepare(deadline, |_| Err::<(), _>(Error::NotAnImage)).await, Err(Error::NotAnImage));
    assert_eq!(script.engine.prepare::<(), _>(deadline, |_| panic!("as the test asks")).await, Err(Error::Internal));
    let late = Instant::now();
    assert_eq!(script.engine.prepare(late, |_| Ok(())).await, Err(Error::DeadlineExceeded));
    script.free(2).await;
    let worked_on = script.occupy("first").await;
    let waiting = script.send("second");
    script.free(0).await;
    assert_eq!(script.engine.prepare(deadline, |_| Ok(())).await, Err(Error::Busy));
    for _ in 0..2 {
        script.go_on.send(()).unwrap();
    }
    assert!(worked_on.await.unwrap().is_ok() && waiting.await.unwrap().is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn patience_only_shortens_the_deadline() {
    let script = script(1, LONG);
    let terms = script.terms();
    assert_eq!(terms.clone().within(Duration::MAX).deadline, terms.deadline);
    assert!(terms.clone().within(Duration::from_millis(1)).deadline < terms.deadline);
    let worked_on = script.occupy("first").await;
    let impatient = script.engine.analyze(text("second"), terms.within(Duration::from_millis(1))).await;
    assert_eq!(impatient, Err(Error::DeadlineExceeded));
    script.go_on.send(()).unwrap();
    assert!(worked_on.await.unwrap().is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_is_given_back_once_after_work_and_not_during_it() {
    let script = script(1, LONG);
    let rest = Duration::from_millis(20);
    let engine = script.engine.clone();
    let gives_back = tokio::spawn(async move { engine.give_back_after(rest, || ()).await });
    let given_back = || script.given_back.load(Ordering::SeqCst);
    for round in 0..2 {
        tokio::time::sleep(rest * 10).await;
        assert_eq!(given_back(), round, "without work between");
        let worked_on = script.occupy("picture").await;
        tokio::time::sleep(rest * 10).await;
        assert_eq!(given_back(), round, "during work");
        script.go_on.send(()).unwrap();
        assert!(worked_on.await.unwrap().is_ok());
        let until_given_back = async {
            while given_back() == round {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(LONG, until_given_back).await.expect("the memory is not given back");
    }
    gives_back.abort();
}
