//! Measures the latency of a request over HTTP, the throughput with several clients, and the throughput of the same work
//! without HTTP.
#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark")]

mod support;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use glimpse::doors::Doors;
use glimpse::server::lifecycle::Lifecycle;
use glimpse::{commands, server};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use support::pipeline::{Pipelines, payload};

/// Concurrent clients. Each sends one request after another.
const CLIENTS: u64 = 8;

/// The fewest requests of a concurrent run.
const LEAST: u64 = 24;

fn serve(runtime: &Runtime) -> SocketAddr {
    let config = support::config();
    let app = commands::serve::load(&config).unwrap();
    let router = Doors::new(app, &config.access.cors_allow_origins);
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    let (connections, lifecycle) = (config.connections, Lifecycle::new());
    runtime.spawn(async move { server::serve(listener, router, connections, &lifecycle).await });
    address
}

async fn analyze(client: &reqwest::Client, url: &str, body: &bytes::Bytes) {
    let response = client.post(url).body(body.clone()).send().await.unwrap();
    assert_eq!(response.status(), 200);
    response.bytes().await.unwrap();
}

/// Makes at least [`LEAST`] requests and returns the share of the time that `count` of them take. More requests lessen the
/// weight of the end of a run, where fewer clients are still at work.
fn several(count: u64, make: impl FnOnce(u64)) -> Duration {
    let made = count.max(LEAST).next_multiple_of(CLIENTS);
    let begun = Instant::now();
    make(made);
    let each = begun.elapsed() / u32::try_from(made).unwrap();
    each * u32::try_from(count).unwrap()
}

fn requests(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let url = format!("http://{}/api/v1/analyze", serve(&runtime));
    let mut pipelines = Pipelines::load(&support::config());
    for (name, file) in [("small", support::small()), ("12 megapixels", support::large())] {
        let body = bytes::Bytes::from(support::body(&file));
        over_http(criterion, &runtime, name, &url, &body);
        without_http(criterion, &mut pipelines, name, &body);
    }
}

fn over_http(criterion: &mut Criterion, runtime: &Runtime, name: &str, url: &str, body: &bytes::Bytes) {
    let client = reqwest::Client::new();
    let mut group = criterion.benchmark_group("http");
    group.throughput(Throughput::Elements(1));
    group.bench_function(format!("{name}, 1 client"), |bencher| {
        bencher.iter(|| runtime.block_on(analyze(&client, url, body)));
    });
    group.bench_function(format!("{name}, {CLIENTS} clients"), |bencher| {
        let work = |made| {
            let begin = |_| {
                let (client, url, body) = (client.clone(), url.to_owned(), body.clone());
                runtime.spawn(async move {
                    for _ in 0..made / CLIENTS {
                        analyze(&client, &url, &body).await;
                    }
                })
            };
            let clients: Vec<_> = (0..CLIENTS).map(begin).collect();
            for client in clients {
                runtime.block_on(client).unwrap();
            }
        };
        bencher.iter_custom(|count| several(count, work));
    });
}

fn without_http(criterion: &mut Criterion, pipelines: &mut Pipelines, name: &str, body: &[u8]) {
    let payloads = [payload(body)];
    let mut group = criterion.benchmark_group("without HTTP");
    group.throughput(Throughput::Elements(1));
    group.bench_function(format!("{name}, {} threads", pipelines.threads()), |bencher| {
        bencher.iter_custom(|count| {
            several(count, |made| {
                let made = usize::try_from(made).unwrap();
                pipelines.run(&payloads, |number| number < made);
            })
        });
    });
}

criterion_group! {
    name = benches;
    config = support::criterion().sample_size(20);
    targets = requests
}
criterion_main!(benches);
