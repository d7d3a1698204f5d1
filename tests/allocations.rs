//! After warm-up, the allocations of a request do not grow with the picture. The test counts the bytes allocated from the
//! body to the answer.

#![allow(
    unsafe_code,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "an allocator is unsafe to write; what fails here fails the test"
)]

#[path = "it/support/jpeg.rs"]
mod jpeg;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use clap::Parser;
use glimpse::commands;
use glimpse::config::CommandLine;
use glimpse::engine::{Input, Output, Payload, Terms, Work, Worker};
use glimpse::stop::Stop;
use image::imageops::{FilterType, resize};
use image::{ImageFormat, RgbImage};

/// The system's allocator, with a count of the bytes that each thread requests.
struct Counting;

thread_local! {
    static ALLOCATED: Cell<usize> = const { Cell::new(0) };
}

fn count(bytes: usize) {
    // The counter of an ending thread may already be gone.
    let _ = ALLOCATED.try_with(|allocated| allocated.set(allocated.get() + bytes));
}

// SAFETY: every call is forwarded unchanged to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: as the caller promises.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size);
        // SAFETY: as the caller promises.
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

fn worker_with(jpeg_decode: &str) -> Worker {
    let flags = ["glimpse", "--workers", "1", "--log-level", "off", "--jpeg-decode", jpeg_decode];
    let config = CommandLine::try_parse_from(flags).unwrap().config;
    commands::serve::workers(&config).unwrap().0.remove(0)
}

fn file(picture: &RgbImage, format: ImageFormat) -> Vec<u8> {
    let mut file = std::io::Cursor::new(Vec::new());
    match format {
        ImageFormat::Jpeg => *file.get_mut() = jpeg::jpeg(picture, 90),
        _ => picture.write_to(&mut file, format).unwrap(),
    }
    file.into_inner()
}

/// The file as base64, as it is, in a JSON document and in a form.
fn payloads(file: &[u8]) -> [Payload; 4] {
    let base64 = BASE64_STANDARD.encode(file);
    let head = b"--x\r\nContent-Disposition: form-data; name=\"a\"; filename=\"b\"\r\n\r\n";
    let form = [head, file, b"\r\n--x--\r\n"].concat();
    [
        Payload::field(format!("{{\"base64Image\": \"{base64}\"}}").into(), "base64Image"),
        Payload::base64(base64.into()),
        Payload::file(file.to_vec().into()),
        Payload::part(form.into(), "x".to_owned()),
    ]
}

/// The bytes that the second of two equal requests allocates.
fn allocated(worker: &mut Worker, payload: &Input) -> usize {
    let terms = Terms::patient(Output::Labels(3));
    let mut run = || {
        let stop = Stop::never();
        let before = ALLOCATED.get();
        worker.run(payload, &terms, &stop).unwrap();
        ALLOCATED.get() - before
    };
    run();
    run()
}

#[test]
fn nothing_that_is_allocated_grows_with_the_picture() {
    let picture = image::open("tests/pictures/coffee.png").unwrap().into_rgb8();
    let of = |width, height| resize(&picture, width, height, FilterType::Triangle);
    // The large size is decoded reduced. Neither exceeds the limit above which a worker frees its buffers.
    let (small, large) = (of(300, 200), of(3600, 2800));
    for (format, jpeg_decode) in [
        (ImageFormat::Jpeg, "reduced"),
        (ImageFormat::Jpeg, "exact"),
        (ImageFormat::Png, "exact"),
        (ImageFormat::Bmp, "exact"),
        (ImageFormat::Gif, "exact"),
    ] {
        let mut worker = worker_with(jpeg_decode);
        let [least, most] = [&small, &large].map(|picture| {
            let payloads = payloads(&file(picture, format)).map(Input::from);
            payloads.iter().map(|payload| allocated(&mut worker, payload)).max().unwrap()
        });
        println!("{format:?}, {jpeg_decode}: {least} bytes for the small one, {most} for the large one");
        // Decoders may allocate a few rows.
        let rows = 8 * large.width() as usize * 3;
        assert!(most <= least + rows, "{format:?}, {jpeg_decode}: {least} bytes, and {most} for the large one");
    }
}
