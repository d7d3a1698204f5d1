use clap::Parser;

use super::*;
use crate::config::CommandLine;
use crate::server::idle::Eviction;

const HEAD: Duration = Duration::from_secs(10);
const KEPT: Duration = Duration::from_secs(75);

fn limits(flags: &[&str]) -> Connections {
    let program = ["glimpse", "--min-send-rate", "1000"];
    CommandLine::try_parse_from(program.iter().chain(flags)).unwrap().config.connections
}

fn connection() -> (Activity, Arc<Idle>) {
    let idle = Arc::new(Idle::default());
    (Activity::new(limits(&[]), idle.clone(), None), idle)
}

/// How long it sleeps.
fn sleeps(activity: &Activity) -> Option<Duration> {
    match activity.step() {
        Step::Wait(until) => until.map(|until| until - Instant::now()),
        step => panic!("{step:?}"),
    }
}

/// Whether its task has been woken since the last call.
fn is_woken(activity: &Activity) -> bool {
    let mut changed = std::pin::pin!(activity.changed());
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    changed.as_mut().poll(&mut context).is_ready()
}

async fn advance(seconds: u64) {
    tokio::time::advance(Duration::from_secs(seconds)).await;
}

/// A PING, which is no request.
const PING: [u8; 17] = [0, 0, 8, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/// The head of a request on this stream, without any field.
fn head(stream: u8) -> [u8; 9] {
    [0, 0, 0, 1, 5, 0, 0, 0, stream]
}

/// The end of the answer on this stream.
fn end(stream: u8) -> [u8; 9] {
    [0, 0, 0, 0, 1, 0, 0, 0, stream]
}

#[tokio::test(start_paused = true)]
async fn a_connection_without_a_first_byte_is_kept_as_long_as_an_idle_one() {
    let (activity, _) = connection();
    assert_eq!(sleeps(&activity), Some(KEPT));
    advance(74).await;
    activity.has_read(b"G");
    assert_eq!(sleeps(&activity), Some(HEAD));
    advance(10).await;
    assert_eq!(activity.step(), Step::Close);
}

#[tokio::test(start_paused = true)]
async fn it_is_woken_only_when_its_deadline_is_nearer() {
    let (activity, _) = connection();
    assert_eq!(sleeps(&activity), Some(KEPT));
    activity.has_read(b"");
    assert!(!is_woken(&activity));
    activity.has_read(b"G");
    assert!(is_woken(&activity));
    assert_eq!(sleeps(&activity), Some(HEAD));
    let answering = activity.begin();
    advance(1).await;
    drop(answering);
    // It sleeps until the head would have been late, and then to its own deadline.
    assert!(!is_woken(&activity));
    advance(9).await;
    assert_eq!(sleeps(&activity), Some(Duration::from_secs(66)));
    activity.retire(Reason::Draining);
    assert!(is_woken(&activity));
}

#[tokio::test(start_paused = true)]
async fn http1_is_idle_from_the_last_byte_of_its_answer() {
    let (activity, idle) = connection();
    activity.has_read(b"GET / HTTP/1.1\r\n\r\n");
    let answering = activity.begin();
    activity.has_read(b"");
    assert_eq!((sleeps(&activity), idle.evict(Instant::now())), (None, Eviction::NoneIdle));
    activity.has_ended();
    drop(answering);
    // The last byte is not in the socket yet: the reader is waited for, for SEND_TIMEOUT.
    assert_eq!(sleeps(&activity), Some(Duration::from_secs(30)));
    assert_eq!(idle.evict(Instant::now()), Eviction::NoneIdle);
    activity.has_flushed();
    assert_eq!(sleeps(&activity), Some(KEPT));
    advance(60).await;
    assert_eq!(idle.evict(Instant::now()), Eviction::Done);
    assert_eq!((activity.step(), activity.step()), (Step::Retire, Step::Close));
}

#[tokio::test(start_paused = true)]
async fn http2_is_idle_from_the_end_of_its_last_stream_whatever_pings() {
    let (activity, _) = connection();
    activity.has_read(&PREFACE[..20]);
    activity.has_read(&[&PREFACE[20..], &head(1), &head(3)].concat());
    let answering = [activity.begin(), activity.begin()];
    assert_eq!(sleeps(&activity), None);
    drop(answering);
    activity.has_written([&end(1)[..], &end(3)[..5]].into_iter());
    assert_eq!(sleeps(&activity), Some(Duration::from_secs(30)));
    activity.has_written([&end(3)[5..]].into_iter());
    for _ in 0..75 {
        activity.has_read(&PING);
        activity.has_written([&PING[..]].into_iter());
        assert!(sleeps(&activity).is_some());
        advance(1).await;
    }
    assert_eq!(activity.step(), Step::Retire);
    // The GOAWAY has been sent; a request that was on its way is answered.
    assert_eq!(sleeps(&activity), Some(LINGER));
    activity.has_read(&head(5));
    assert_eq!(sleeps(&activity), Some(Duration::from_secs(30)));
    activity.has_written([&end(5)[..]].into_iter());
    advance(1).await;
    assert_eq!(activity.step(), Step::Close);
}

#[tokio::test(start_paused = true)]
async fn a_header_block_of_http2_is_timed_as_well() {
    let (activity, _) = connection();
    activity.has_read(PREFACE);
    assert_eq!(sleeps(&activity), Some(KEPT));
    let mut unfinished = head(1);
    unfinished[4] = 0;
    activity.has_read(&unfinished);
    advance(5).await;
    activity.has_read(&[0, 0, 9, 9, 0, 0, 0, 0, 1, 0]);
    assert_eq!(sleeps(&activity), Some(Duration::from_secs(5)));
}

#[tokio::test(start_paused = true)]
async fn a_client_is_measured_only_while_it_keeps_the_server_waiting() {
    let (activity, _) = connection();
    activity.has_read(b"GET / HTTP/1.1\r\n\r\n");
    let _answering = activity.begin();
    for _ in 0..10 {
        // A second of the client's, ten of the server's.
        activity.hands_over(true);
        advance(1).await;
        activity.hands_over(false);
        assert_eq!(sleeps(&activity), None);
        advance(10).await;
    }
    activity.hands_over(true);
    assert_eq!(sleeps(&activity), Some(Duration::from_secs(20)));
    advance(20).await;
    assert_eq!(activity.step(), Step::Measure);
    // 1000 bytes a second for thirty seconds: written, and received.
    activity.has_written(std::iter::repeat_n(&[0; 1000][..], 40));
    assert!(activity.measure(10_000));
    assert_eq!(sleeps(&activity), Some(Duration::from_secs(30)));
    advance(30).await;
    assert_eq!(activity.step(), Step::Measure);
    // Only the 10,000 bytes that had been written before have been received.
    assert!(!activity.measure(0));
}

#[tokio::test(start_paused = true)]
async fn the_age_of_a_connection() {
    let idle = Arc::new(Idle::default());
    let flags = ["--shutdown-timeout", "20s"];
    let activity = Activity::new(limits(&flags), idle, Some(Duration::from_mins(1)));
    activity.has_read(b"GET / HTTP/1.1\r\n\r\n");
    let _answering = activity.begin();
    assert_eq!(sleeps(&activity), Some(Duration::from_mins(1)));
    advance(60).await;
    assert!(!activity.is_retiring());
    assert_eq!(activity.step(), Step::Retire);
    assert!(activity.is_retiring());
    assert_eq!(sleeps(&activity), Some(Duration::from_secs(20)));
    advance(20).await;
    assert_eq!(activity.step(), Step::Close);
}

#[tokio::test(start_paused = true)]
async fn a_draining_connection_lingers_for_a_request_that_is_on_its_way() {
    let (activity, _) = connection();
    activity.retire(Reason::Draining);
    assert_eq!((activity.step(), sleeps(&activity)), (Step::Retire, Some(LINGER)));
    activity.has_read(b"GET / HTTP/1.1\r\n\r\n");
    let answering = activity.begin();
    // The server's own SHUTDOWN_TIMEOUT ends it.
    assert_eq!(sleeps(&activity), None);
    drop(answering);
    assert_eq!(sleeps(&activity), Some(LINGER));
}
