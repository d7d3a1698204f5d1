//! How long does a whole request take over HTTP, one at a time; how many a second with several
//! clients; and how many would it be without HTTP?
#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark")]

mod support;

use std::net::SocketAddr;
use std::time::Instant;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use glimpse::lifecycle::Lifecycle;
use glimpse::{http, server};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use support::pipeline::{Pipelines, payload};

/// Clients that send at the same time, each one request after the other.
const CLIENTS: u64 = 8;

fn serve(runtime: &Runtime) -> SocketAddr {
    let config = support::config();
    let app = server::load(&config).unwrap();
    let router = http::router(app, &config.cors_allow_origins);
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

fn requests(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let url = format!("http://{}/api/v1/analyze", serve(&runtime));
    let client = reqwest::Client::new();
    let mut group = criterion.benchmark_group("http");
    for (name, file) in [("small", support::small()), ("12 megapixels", support::large())] {
        let body = bytes::Bytes::from(support::body(&file));
        group.throughput(Throughput::Elements(1));
        group.bench_function(format!("{name}, 1 client"), |bencher| {
            bencher.iter(|| runtime.block_on(analyze(&client, &url, &body)));
        });
        group.bench_function(format!("{name}, {CLIENTS} clients"), |bencher| {
            bencher.iter_custom(|count| {
                let begun = Instant::now();
                let work = |_| {
                    let (client, url, body) = (client.clone(), url.clone(), body.clone());
                    runtime.spawn(async move {
                        for _ in 0..count.div_ceil(CLIENTS) {
                            analyze(&client, &url, &body).await;
                        }
                    })
                };
                let clients: Vec<_> = (0..CLIENTS).map(work).collect();
                for client in clients {
                    runtime.block_on(client).unwrap();
                }
                // The time for `count` requests, of those that were made.
                let made = count.div_ceil(CLIENTS) * CLIENTS;
                let each = begun.elapsed() / u32::try_from(made).unwrap();
                each * u32::try_from(count).unwrap()
            });
        });
    }
}

fn without_http(criterion: &mut Criterion) {
    let mut pipelines = Pipelines::load(&support::config());
    let mut group = criterion.benchmark_group("without HTTP");
    for (name, file) in [("small", support::small()), ("12 megapixels", support::large())] {
        let payloads = [payload(support::body(&file).as_bytes())];
        group.throughput(Throughput::Elements(1));
        group.bench_function(format!("{name}, {} threads", pipelines.threads()), |bencher| {
            bencher.iter_custom(|count| {
                let begun = Instant::now();
                pipelines.run(&payloads, |number| u64::try_from(number).unwrap() < count);
                begun.elapsed()
            });
        });
    }
}

criterion_group! {
    name = benches;
    config = support::criterion().sample_size(20);
    targets = requests, without_http
}
criterion_main!(benches);
