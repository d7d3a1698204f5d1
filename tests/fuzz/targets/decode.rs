//! Any file as a picture: only the errors that are promised, pixels of the size that is stated, and nothing of the
//! file before.
#![no_main]

use std::cell::RefCell;

use glimpse::error::Error;
use glimpse::stop::Stop;
use glimpse::image::{Decoder, Resizer, Scaling, Size};
use glimpse::model::{InputSpec, Layout};
use libfuzzer_sys::fuzz_target;

/// Small enough for many pictures a second.
const MAX_PIXELS: u64 = 1 << 17;

const INPUT: InputSpec = InputSpec { width: 8, height: 8, layout: Layout::Nchw, mean: [127.5; 3], std: [127.5; 3] };

/// Small enough for pictures that are reduced: from 96 pixels a side on.
const TARGET: Size = Size { width: INPUT.width, height: INPUT.height };

fn fresh() -> Decoder {
    Decoder::new(MAX_PIXELS).reducing_to(TARGET)
}

/// A worker's, kept from file to file as a worker keeps them.
struct Stages {
    decoder: Decoder,
    resizer: Resizer,
    scaling: Scaling,
    pixels: Vec<u8>,
}

thread_local! {
    static KEPT: RefCell<Stages> = RefCell::new(Stages {
        decoder: fresh(),
        resizer: Resizer::new(TARGET),
        scaling: Scaling::new(&INPUT),
        pixels: Vec::new(),
    });
}

fuzz_target!(|file: &[u8]| {
    // What takes too long is libFuzzer's to say: it knows how slow it has made everything.
    let stop = Stop::never();
    KEPT.with_borrow_mut(|Stages { decoder, resizer, scaling, pixels }| {
        let decoded = decoder.decode(file, &stop, pixels);
        let mut afresh = Vec::new();
        assert_eq!(decoded, fresh().decode(file, &stop, &mut afresh));
        match decoded {
            Ok(picture) => {
                assert_eq!(pixels.len(), picture.decoded().pixels() * 3);
                assert!(*pixels == afresh, "the pixels depend on the file before");
                let resized = resizer.resize(pixels, picture);
                let mut tensor = INPUT.tensor();
                scaling.apply(resized, &mut tensor);
                assert!(tensor.iter().all(|value| (-1.0..=1.0).contains(value)));
            }
            Err(Error::NotAnImage | Error::UnsupportedImage | Error::DamagedImage | Error::TooManyPixels { .. }) => {}
            Err(error) => panic!("{error:?}"),
        }
    });
});
