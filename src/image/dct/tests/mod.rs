//! What the room's tests share: pictures, files of every kind, and their parts.

mod encoder;
mod hostile;
mod limits;
mod pictures;
mod turbo;

pub(super) use encoder::{Bits, Encoding, encode, in_file};
pub(super) use turbo::{Kind, Subsampling, decode};

/// A segment's marker and its content.
pub(super) type Segment = (u8, Vec<u8>);

/// The segments of a file from the one behind its start on, up to the scan's header, and the compressed data.
pub(super) fn taken_apart(file: &[u8]) -> (Vec<Segment>, Vec<u8>) {
    let (mut segments, mut at) = (Vec::new(), 2);
    loop {
        let (marker, length) = (file[at + 1], usize::from(u16::from_be_bytes([file[at + 2], file[at + 3]])));
        segments.push((marker, file[at + 4..at + 2 + length].to_vec()));
        at += 2 + length;
        if marker == 0xda {
            return (segments, file[at..].to_vec());
        }
    }
}

/// The file that consists of `segments` and `data`.
pub(super) fn put_together(segments: &[Segment], data: &[u8]) -> Vec<u8> {
    let mut file = vec![0xff, 0xd8];
    for (marker, content) in segments {
        file.extend([0xff, *marker]);
        file.extend(u16::try_from(content.len() + 2).unwrap().to_be_bytes());
        file.extend(content);
    }
    [&file, data].concat()
}

/// Pixels between gray and full colours with soft and hard edges, and noise: RGB triples.
pub(super) fn drawn(width: usize, height: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(5);
    let mut pixels = Vec::with_capacity(width * height * 3);
    for y in 0..height {
        for x in 0..width {
            let edge = if (x / 23 + y / 17) % 3 == 0 { 60 } else { 0 };
            for channel in 0..3 {
                let soft = (x * (channel + 2) + y * (4 - channel)) % 150;
                pixels.push(u8::try_from(20 + soft + edge + random.usize(..24)).unwrap());
            }
        }
    }
    pixels
}
