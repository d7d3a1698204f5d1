use std::collections::VecDeque;

use tokio::sync::mpsc;

use super::*;
use crate::guard::Budget;

const LIMITS: BodyLimits = BodyLimits { max_bytes: 1000, timeout: Duration::from_secs(10), min_rate: 100 };

/// A body whose frames the test sends, and which tells the test when it is dropped.
#[derive(Debug)]
struct Scripted {
    frames: mpsc::UnboundedReceiver<Result<Bytes, std::io::Error>>,
    announced: u64,
    _dropped: mpsc::UnboundedSender<()>,
}

impl Body for Scripted {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        self.frames.poll_recv(context).map(|received| received.map(|data| data.map(Frame::data)))
    }

    fn size_hint(&self) -> SizeHint {
        let mut hint = SizeHint::new();
        hint.set_lower(self.announced);
        hint
    }
}

struct Script {
    send: mpsc::UnboundedSender<Result<Bytes, std::io::Error>>,
    dropped: mpsc::UnboundedReceiver<()>,
    body: LimitedBody<Scripted>,
    receipt: Receipt,
    budget: Budget,
}

fn script(announced: u64, budget: usize, waits: bool) -> Script {
    let (send, frames) = mpsc::unbounded_channel();
    let (on_drop, dropped) = mpsc::unbounded_channel();
    let budget = Budget::new(budget);
    let inner = Scripted { frames, announced, _dropped: on_drop };
    let (body, receipt) = LimitedBody::new(inner, LIMITS, budget.account(), waits);
    Script { send, dropped, body, receipt, budget }
}

fn zeros(length: usize) -> Bytes {
    vec![0; length].into()
}

#[tokio::test]
async fn a_whole_body_holds_the_budget_until_its_last_slice_is_gone() {
    let Script { send, body, receipt, budget, .. } = script(0, 10_000, false);
    for part in ["hello, ", "world"] {
        send.send(Ok(part.into())).unwrap();
    }
    drop(send);
    let whole = read(body, receipt.account).await.unwrap();
    let part = whole.slice(7..);
    drop(whole);
    assert_eq!((&part[..], budget.taken()), (&b"world"[..], 12));
    drop(part);
    assert_eq!(budget.taken(), 0);
}

#[tokio::test]
async fn an_announced_length_is_refused_before_anything_is_read() {
    for (announced, budget, expected) in [
        (1001, 10_000, BodyError::TooLarge { limit: 1000 }),
        (u64::MAX, 10_000, BodyError::TooLarge { limit: 1000 }),
        (500, 499, BodyError::NoRoom),
    ] {
        let Script { body, receipt, .. } = script(announced, budget, false);
        assert_eq!(read(body, receipt.account.clone()).await, Err(expected), "{announced}");
        assert!(!receipt.has_begun());
    }
}

#[tokio::test]
async fn a_body_without_a_length_is_refused_as_it_comes() {
    let Script { send, body, receipt, .. } = script(0, 10_000, false);
    send.send(Ok(zeros(600))).unwrap();
    send.send(Ok(zeros(401))).unwrap();
    assert_eq!(read(body, receipt.account).await, Err(BodyError::TooLarge { limit: 1000 }));

    let Script { send, body, receipt, budget, .. } = script(0, 700, false);
    send.send(Ok(zeros(600))).unwrap();
    send.send(Ok(zeros(101))).unwrap();
    assert_eq!(read(body, receipt.account.clone()).await, Err(BodyError::NoRoom));
    assert_eq!(budget.taken(), 600);
    drop(receipt);
    assert_eq!(budget.taken(), 0);
}

#[tokio::test]
async fn a_broken_body_is_incomplete() {
    let Script { send, body, receipt, .. } = script(0, 10_000, false);
    send.send(Ok(zeros(1))).unwrap();
    send.send(Err(std::io::ErrorKind::ConnectionReset.into())).unwrap();
    assert_eq!(read(body, receipt.account).await, Err(BodyError::Incomplete));
}

#[tokio::test(start_paused = true)]
async fn a_slow_body_earns_time_by_its_bytes() {
    // 10 s, and another second for each 100 bytes.
    for (after, expected) in [(10, Ok(900)), (18, Ok(900)), (20, Err(BodyError::TooSlow))] {
        let Script { send, body, receipt, .. } = script(0, 10_000, false);
        send.send(Ok(zeros(900))).unwrap();
        let reading = tokio::spawn(async move { read(body, receipt.account).await.map(|bytes| bytes.len()) });
        tokio::time::sleep(Duration::from_secs(after)).await;
        drop(send);
        assert_eq!(reading.await.unwrap(), expected, "{after}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_rest_of_a_dropped_body_is_drained_within_bounds() {
    let Script { send, mut dropped, body, .. } = script(0, 10_000, false);
    drop(body);
    send.send(Ok(zeros(3000))).unwrap();
    tokio::task::yield_now().await;
    assert!(dropped.try_recv().is_err_and(|error| error == mpsc::error::TryRecvError::Empty), "it was cut off");
    // Four times the limit.
    send.send(Ok(zeros(1001))).unwrap();
    assert_eq!(dropped.recv().await, None);

    let Script { send, mut dropped, body, .. } = script(0, 10_000, false);
    drop(body);
    let begun = Instant::now();
    assert_eq!(dropped.recv().await, None);
    assert_eq!(begun.elapsed().as_secs(), DRAIN_TIME.as_secs());
    drop(send);
}

#[tokio::test]
async fn a_client_that_waits_to_send_is_not_told_to() {
    let Script { mut dropped, body, .. } = script(500, 10_000, true);
    drop(body);
    assert_eq!(dropped.try_recv(), Err(mpsc::error::TryRecvError::Disconnected), "it is read off");
}

#[tokio::test]
async fn the_cause_is_found_through_other_layers() {
    let Script { send, body, receipt, .. } = script(0, 10_000, false);
    send.send(Ok(zeros(1001))).unwrap();
    let mut chunks = VecDeque::new();
    let mut layered = axum::body::Body::new(body);
    let error = loop {
        match next(&mut layered).await.unwrap() {
            Ok(frame) => chunks.push_back(frame),
            Err(error) => break error,
        }
    };
    assert!(chunks.is_empty());
    assert_eq!(cause(&error), BodyError::TooLarge { limit: 1000 });
    drop(receipt);
}

#[tokio::test(start_paused = true)]
async fn frames_without_data_earn_no_time() {
    let Script { send, body, receipt, .. } = script(0, 10_000, false);
    let reading = tokio::spawn(async move { read(body, receipt.account).await });
    for _ in 0..20 {
        // It fails once the body has been given up.
        let _ = send.send(Ok(zeros(0)));
        tokio::task::yield_now().await;
        tokio::time::advance(Duration::from_millis(900)).await;
    }
    drop(send);
    assert_eq!(reading.await.unwrap(), Err(BodyError::TooSlow));
}
