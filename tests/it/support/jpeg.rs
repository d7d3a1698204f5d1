//! Encodes JPEG files. Benchmarks and `tests/allocations.rs` include this file.

use image::RgbImage;

/// A JPEG file with 4:2:0 subsampling, as cameras write it.
pub(crate) fn jpeg(picture: &RgbImage, quality: i32) -> Vec<u8> {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let mut compressor = turbojpeg::Compressor::new().unwrap();
    compressor.set_quality(quality).unwrap();
    compressor.set_subsamp(turbojpeg::Subsamp::Sub2x2).unwrap();
    let image = turbojpeg::Image {
        pixels: picture.as_raw().as_slice(),
        width,
        pitch: width * 3,
        height,
        format: turbojpeg::PixelFormat::RGB,
    };
    compressor.compress_to_vec(image).unwrap()
}
