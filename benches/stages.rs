//! Measures each stage alone, and the exact resize against `fast_image_resize`.
#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark")]

mod support;

use ::base64::prelude::{BASE64_STANDARD, Engine as _};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use fast_image_resize::images::Image;
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions};
use glimpse::engine::base64 as picture_base64;
use glimpse::image::{Decoder, Filter, Orientation, Picture, Preprocessor, Resizer, Size, Window};
use glimpse::model::{Classifier, Model, Runtime};
use glimpse::stop::Stop;

fn pictures() -> [(&'static str, Vec<u8>); 2] {
    [("small", support::small()), ("12 megapixels", support::large())]
}

const TARGET: Size = Size { width: 224, height: 224 };

fn decode(file: &[u8]) -> (Picture, Vec<u8>) {
    let mut pixels = Vec::new();
    let picture = Decoder::new(glimpse::image::Limits::NONE).decode(file, None, &Stop::never(), &mut pixels).unwrap();
    (picture, pixels)
}

fn payloads(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("payload");
    for (name, file) in pictures() {
        let text = BASE64_STANDARD.encode(&file);
        let mut bytes = Vec::new();
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(name, |bencher| bencher.iter(|| picture_base64::decode(&text, &mut bytes).unwrap()));
    }
}

fn decoding(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decode");
    let cases = pictures().map(|(name, file)| (name, file, None));
    let reduced = ("12 megapixels, reduced", support::large(), Some(TARGET.width));
    let others = ["coffee.png", "chelsea_alpha.png", "chelsea.webp", "coffee.gif", "coffee.tif"]
        .map(|name| (name, support::sample(name), None));
    for (name, file, detail) in cases.into_iter().chain([reduced]).chain(others) {
        let (mut decoder, mut pixels) = (Decoder::new(glimpse::image::Limits::NONE), Vec::new());
        group.bench_function(name, |bencher| {
            bencher.iter(|| decoder.decode(&file, detail, &Stop::never(), &mut pixels).unwrap());
        });
    }
}

fn resizing(criterion: &mut Criterion) {
    for (name, file) in pictures() {
        let mut group = criterion.benchmark_group(format!("resize {name}"));
        let (picture, pixels) = decode(&file);
        let turned = Picture { orientation: Orientation::from_exif(6), ..picture };
        let (window, filter) = (Window::Stretch, Filter::Bicubic);
        let fast = Resizer::new(TARGET, window, filter);
        let portable = Resizer::portable(TARGET, window, filter);
        for (name, mut resizer) in [("exact", fast), ("exact, portable", portable)] {
            group.bench_function(name, |bencher| {
                bencher.iter(|| resizer.resize(&pixels, picture, &Stop::never()).unwrap().len());
            });
        }
        let mut phone = Resizer::new(TARGET, window, filter);
        group.bench_function("exact, turned", |bencher| {
            bencher.iter(|| phone.resize(&pixels, turned, &Stop::never()).unwrap().len());
        });
        let source = Image::from_vec_u8(picture.size.width, picture.size.height, pixels, PixelType::U8x3).unwrap();
        let mut output = Image::new(TARGET.width, TARGET.height, PixelType::U8x3);
        let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::CatmullRom)).use_alpha(false);
        let mut fastest = fast_image_resize::Resizer::new();
        group.bench_function("fast_image_resize", |bencher| {
            bencher.iter(|| fastest.resize(&source, &mut output, &options).unwrap());
        });
    }
}

fn inference(criterion: &mut Criterion) {
    let config = support::config();
    let runtime = Runtime::load(&config.model.file.library()).unwrap();
    let model = Model::load(&runtime, &config.model.file.source()).unwrap();
    let input = &model.metadata().input;
    let mut classifier = Classifier::new(model.clone());
    let (picture, mut pixels) = decode(&support::small());
    let mut preprocessor = Preprocessor::new(input);
    let mut tensor = vec![0.0; input.values()];
    criterion.bench_function("resize and scale", |bencher| {
        bencher.iter(|| preprocessor.fill(&mut pixels, picture, &mut tensor, &Stop::never()).unwrap());
    });
    classifier.read(&mut pixels, picture, &Stop::never()).unwrap();
    criterion.bench_function("infer", |bencher| bencher.iter(|| classifier.classify(3).unwrap()));
}

criterion_group! {
    name = benches;
    config = support::criterion().sample_size(30);
    targets = payloads, decoding, resizing, inference
}
criterion_main!(benches);
