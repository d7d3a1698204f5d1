//! Any file as a picture: only the errors that are promised, pixels of the size that is stated, and nothing of the
//! file before. With FORMAT in the environment, only files of that format.
#![no_main]

use std::cell::RefCell;
use std::env;
use std::sync::LazyLock;

use glimpse::error::Error;
use glimpse::image::{Colours, Decoder, Filter, Format, Layout, Limits, Preprocess, Preprocessor, Resample, Window};
use glimpse::stop::Stop;
use libfuzzer_sys::{Corpus, fuzz_target};

/// Small enough for many pictures a second.
const MAX_PIXELS: u64 = 1 << 17;

/// Small enough for pictures that are reduced: from 96 pixels a side on.
const INPUT: Preprocess = Preprocess {
    width: 8,
    height: 8,
    window: Window::Stretch,
    resample: Resample::Pillow(Filter::Bicubic),
    colours: Colours::Rgb,
    layout: Layout::Nchw,
    mean: [127.5; 3],
    std: [127.5; 3],
};

/// The format that is asked for, by the ending of its files.
static FORMAT: LazyLock<Option<String>> = LazyLock::new(|| env::var("FORMAT").ok());

/// The format as which `file` is decoded; `None` if another one is asked for.
fn format(file: &[u8]) -> Option<Format> {
    let Some(asked) = FORMAT.as_deref() else { return Format::of(file).ok() };
    if asked == "tga" {
        return Some(Format::Tga);
    }
    Format::of(file).ok().filter(|format| match format {
        Format::Jpeg => asked == "jpg",
        Format::Png => asked == "png",
        Format::WebP => asked == "webp",
        Format::Gif => asked == "gif",
        Format::Bmp | Format::Dib => asked == "bmp",
        Format::Ico | Format::Cur => asked == "ico",
        Format::Tiff => asked == "tif",
        Format::Heif => asked == "avif" || asked == "heic",
        Format::Pnm => asked == "ppm",
        Format::Qoi => asked == "qoi",
        Format::Tga => false,
    })
}

/// What a worker may take. More would only be probed for.
const MAX_BYTES: u64 = 640_000_000;

fn fresh() -> Decoder {
    Decoder::new(Limits { max_pixels: MAX_PIXELS, max_bytes: MAX_BYTES, ..Limits::NONE })
}

/// A worker's, kept from file to file as a worker keeps them.
struct Stages {
    decoder: Decoder,
    preprocessor: Preprocessor,
    pixels: Vec<u8>,
}

thread_local! {
    static KEPT: RefCell<Stages> = RefCell::new(Stages {
        decoder: fresh(),
        preprocessor: Preprocessor::new(&INPUT),
        pixels: Vec::new(),
    });
}

fuzz_target!(|file: &[u8]| -> Corpus {
    let Some(format) = format(file) else { return Corpus::Reject };
    // What takes too long is libFuzzer's to say: it knows how slow it has made everything.
    let stop = Stop::never();
    KEPT.with_borrow_mut(|Stages { decoder, preprocessor, pixels }| {
        let detail = INPUT.detail();
        let decoded = decoder.decode_as(format, file, detail, &stop, pixels);
        let mut afresh = Vec::new();
        assert_eq!(decoded, fresh().decode_as(format, file, detail, &stop, &mut afresh));
        match decoded {
            Ok(picture) => {
                assert_eq!(pixels.len(), picture.decoded().pixels() * 3);
                assert!(*pixels == afresh, "the pixels depend on the file before");
                let mut tensor = vec![0.0; INPUT.values()];
                preprocessor.fill(pixels, picture, &mut tensor, &stop).unwrap();
                assert!(tensor.iter().all(|value| (-1.0..=1.0).contains(value)));
            }
            Err(Error::UnsupportedImage { .. } | Error::DamagedImage) => {}
            Err(Error::TooManyPixels { .. } | Error::SideTooLong { .. } | Error::TooCostly { .. }) => {}
            Err(error) => panic!("{error:?}"),
        }
    });
    Corpus::Keep
});
