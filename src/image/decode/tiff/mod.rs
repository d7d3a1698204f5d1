//! TIFF 6.0, its supplements and `BigTIFF`: the first picture of a file, as Pillow reads it.
//!
//! Strips and tiles are decompressed row by row, and each row is converted to RGB at once. Beside the pixels, a picture takes
//! some rows; with JPEG, one strip or tile.

mod compression;
mod fax;
mod input;
mod jpeg;
mod layout;
mod packbits;
mod photometry;
mod predictor;
mod tags;
mod ycbcr;

use std::io::{Cursor, Read};

use super::limits::Source;
use crate::error::Error;
use crate::image::{CHANNELS, Size};
use crate::memory;
use compression::Compression;
use jpeg::Jpeg;
use layout::{Block, Layout};
use photometry::Photometry;
use predictor::Predictor;
use tags::Tags;

/// Bytes that are written before the deadline is checked again.
const STEP: usize = 64 << 10;

pub(super) fn decode(source: &Source<'_>, pixels: &mut Vec<u8>) -> Result<Size, Error> {
    let tags = Tags::read(source.file)?;
    let size = source.check(tags.size()?)?;
    let mut tiff = Tiff::of(source, &tags, size)?;
    if !tiff.decode_whole_jpeg(pixels)? {
        tiff.decode_blocks(pixels)?;
    }
    Ok(size)
}

/// A picture whose tags have been read.
struct Tiff<'a> {
    source: &'a Source<'a>,
    size: Size,
    compression: Compression,
    photometry: Photometry,
    layout: Layout<'a>,
    predictor: Predictor,
    jpeg: Option<Jpeg<'a>>,
    /// Strips or tiles over each other, one for each sample of a pixel, or one for all.
    planes: usize,
    is_little: bool,
    is_reversed: bool,
    /// Bytes beside the pixels that the limits allow; `None` before they were asked.
    admitted: Option<u64>,
}

/// The row that is being decoded.
#[derive(Default)]
struct Rows {
    /// As it is stored: of one plane, or of luma and chroma.
    stored: Vec<u8>,
    /// The samples of its pixels.
    row: Vec<u8>,
    /// The same of 8 bits each.
    narrow: Vec<u8>,
}

impl<'a> Tiff<'a> {
    fn of(source: &'a Source<'a>, tags: &Tags<'a>, size: Size) -> Result<Self, Error> {
        let compression = Compression::of(tags)?;
        let photometry = Photometry::of(tags, compression)?;
        let (samples, bits) = (photometry.samples, photometry.bits);
        let planes = if tags.is_planar() { samples } else { 1 };
        let in_a_row = samples / planes;
        let predictor =
            if compression.has_predictor() { Predictor::of(tags, bits, in_a_row)? } else { Predictor::none() };
        let is_subsampled = photometry.ycbcr().is_some_and(ycbcr::YCbCr::is_subsampled);
        if is_subsampled && (!predictor.is_none() || samples != CHANNELS) {
            return Err(Error::UnsupportedImage { kind: "TIFF with subsampled colours of this kind" });
        }
        let is_jpeg = compression == Compression::Jpeg;
        let is_bilevel = bits == 1 && samples == 1;
        if is_jpeg && bits != 8 || compression.is_bilevel() && !is_bilevel {
            return Err(Error::UnsupportedImage { kind: "TIFF with samples of this depth in its compression" });
        }
        Ok(Self {
            source,
            size,
            compression,
            layout: Layout::of(tags, size, compression)?,
            predictor,
            jpeg: if is_jpeg { Some(Jpeg::of(tags, in_a_row)?) } else { None },
            photometry,
            planes,
            is_little: tags.is_little(),
            is_reversed: tags.number(tags::FILL_ORDER) == Some(2),
            admitted: None,
        })
    }

    /// Checks that `bytes` beside the pixels are allowed. Later strips or tiles may need more than the first.
    fn admit(&mut self, bytes: u64) -> Result<(), Error> {
        if self.admitted.is_none_or(|admitted| bytes > admitted) {
            self.source.admit(self.size, bytes)?;
            self.admitted = Some(bytes);
        }
        Ok(())
    }

    /// Decodes a picture that is one JPEG strip or tile in the place of its pixels. Returns false if it is another.
    fn decode_whole_jpeg(&mut self, pixels: &mut Vec<u8>) -> Result<bool, Error> {
        let Some(jpeg) = self.jpeg.as_ref().filter(|_| self.planes == 1 && self.layout.is_whole()) else {
            return Ok(false);
        };
        let Some(block) = self.layout.blocks().next() else { return Ok(false) };
        let data = self.layout.data(self.source.file, block, 0)?.unwrap_or_default();
        let file = jpeg.file(data)?;
        let (size, cost) = jpeg.price(&file, self.size)?;
        if size != self.size {
            return Ok(false);
        }
        self.source.admit(size, cost)?;
        let channels = jpeg.decode(&file, true, self.source.stop, pixels)?;
        drop(file);
        if !self.photometry.is_rgb() {
            self.convert_in_place(channels, pixels)?;
        }
        pixels.truncate(size.pixels() * CHANNELS);
        Ok(true)
    }

    /// Converts rows of pixels of three or more samples from the top, each to where it stays.
    fn convert_in_place(&self, channels: usize, pixels: &mut [u8]) -> Result<(), Error> {
        let width = self.size.width as usize;
        let mut row = Vec::new();
        memory::zeros(&mut row, width * channels)?;
        for line in 0..self.size.height as usize {
            self.source.stop.check()?;
            row.copy_from_slice(&pixels[line * width * channels..][..width * channels]);
            let rgb = &mut pixels[line * width * CHANNELS..][..width * CHANNELS];
            self.photometry.convert_bytes(&row, channels, rgb);
        }
        Ok(())
    }

    fn decode_blocks(&mut self, pixels: &mut Vec<u8>) -> Result<(), Error> {
        let mut rows = Rows::default();
        let beside = self.reserve(&mut rows)?;
        let mut decoded: Vec<Vec<u8>> = (0..self.planes).map(|_| Vec::new()).collect();
        let mut is_first = true;
        for block in self.layout.blocks() {
            self.source.stop.check()?;
            let mut streams = self.open(block, beside, &mut decoded)?;
            if std::mem::take(&mut is_first) {
                memory::zeros(pixels, self.size.pixels() * CHANNELS)?;
            }
            self.decode_block(block, &mut streams, &mut rows, pixels)?;
        }
        Ok(())
    }

    /// Takes the memory of a row, and returns how much that is.
    fn reserve(&mut self, rows: &mut Rows) -> Result<u64, Error> {
        let (width, samples) = (self.layout.block.width as usize, self.photometry.samples);
        let stored = match self.photometry.ycbcr() {
            Some(ycbcr) if ycbcr.is_subsampled() => ycbcr.row_bytes(width),
            _ if self.planes > 1 => self.photometry.row_bytes(width, 1),
            _ => Some(0),
        };
        let row = self.photometry.row_bytes(width, samples);
        let narrow = if self.photometry.bits == 8 { Some(0) } else { width.checked_mul(samples) };
        let (Some(stored), Some(row), Some(narrow)) = (stored, row, narrow) else { return Err(Error::DamagedImage) };
        let bytes = (stored as u64).saturating_add(row as u64).saturating_add(narrow as u64);
        self.admit(bytes)?;
        memory::zeros(&mut rows.stored, stored)?;
        memory::zeros(&mut rows.row, row)?;
        memory::zeros(&mut rows.narrow, narrow)?;
        Ok(bytes)
    }

    /// The decompressed data of each plane of `block`. That of JPEG is in `decoded`. `beside` are the bytes that are taken
    /// already.
    fn open<'b>(
        &mut self,
        block: Block,
        beside: u64,
        decoded: &'b mut [Vec<u8>],
    ) -> Result<Vec<Box<dyn Read + 'b>>, Error>
    where
        'a: 'b,
    {
        let mut cost = beside;
        let mut data = Vec::new();
        for plane in 0..self.planes {
            data.push(self.layout.data(self.source.file, block, plane)?);
        }
        if self.jpeg.is_some() {
            self.decode_jpegs(block, &data, cost, decoded)?;
            return Ok(decoded.iter().map(|plane| Box::new(Cursor::new(plane)) as Box<dyn Read>).collect());
        }
        for data in data.iter().flatten() {
            cost = cost.saturating_add(self.compression.cost(data, self.is_reversed));
        }
        self.admit(cost)?;
        let open = |data: Option<&'a [u8]>| match data {
            Some(data) => self.compression.open(data, self.is_reversed, self.layout.block.width, self.source.stop),
            None => Ok(Box::new(std::io::repeat(0)) as Box<dyn Read>),
        };
        data.into_iter().map(open).collect()
    }

    fn decode_jpegs(
        &mut self,
        block: Block,
        data: &[Option<&[u8]>],
        beside: u64,
        decoded: &mut [Vec<u8>],
    ) -> Result<(), Error> {
        // Tiles are padded, and the last strip ends with the picture.
        let height = if self.layout.is_tiled { self.layout.block.height as usize } else { block.height };
        let height = u32::try_from(height).map_err(|_| Error::DamagedImage)?;
        let block = Size { width: self.layout.block.width, height };
        let mut before = beside;
        for (data, plane) in data.iter().zip(decoded) {
            let Some(jpeg) = &self.jpeg else { return Err(Error::Internal) };
            let data = data.unwrap_or_default();
            let file = jpeg.file(data)?;
            let (size, cost) = jpeg.price(&file, block)?;
            let channels = self.photometry.samples / self.planes;
            before = before.saturating_add((size.pixels() as u64).saturating_mul(channels as u64));
            self.admit(before.saturating_add(cost))?;
            let Some(jpeg) = &self.jpeg else { return Err(Error::Internal) };
            jpeg.decode(&file, false, self.source.stop, plane)?;
        }
        Ok(())
    }

    fn decode_block(
        &self,
        block: Block,
        streams: &mut [Box<dyn Read + '_>],
        rows: &mut Rows,
        pixels: &mut [u8],
    ) -> Result<(), Error> {
        let width = self.size.width as usize;
        let mut unchecked = 0;
        for line in 0..block.height {
            self.read_row(streams, line, rows)?;
            let start = ((block.y + line) * width + block.x) * CHANNELS;
            let rgb = &mut pixels[start..][..block.width * CHANNELS];
            self.photometry.convert(&rows.row, self.is_little, &mut rows.narrow, rgb);
            unchecked += rows.row.len();
            if unchecked >= STEP {
                self.source.stop.check()?;
                unchecked = 0;
            }
        }
        Ok(())
    }

    /// Reads the samples of the next row, the `line`th of its strip or tile.
    fn read_row(&self, streams: &mut [Box<dyn Read + '_>], line: usize, rows: &mut Rows) -> Result<(), Error> {
        let Rows { stored, row, .. } = rows;
        let mut read = |plane: usize, bytes: &mut [u8]| {
            let stream = streams.get_mut(plane).ok_or(Error::Internal)?;
            stream.read_exact(bytes).map_err(|_| Error::DamagedImage)?;
            self.predictor.undo(bytes);
            Ok(())
        };
        if let Some(ycbcr) = self.photometry.ycbcr().filter(|ycbcr| ycbcr.is_subsampled()) {
            if line.is_multiple_of(ycbcr.factors.1) {
                read(0, stored)?;
            }
            ycbcr.spread(stored, line, row);
            return Ok(());
        }
        if self.planes == 1 {
            return read(0, row);
        }
        let bytes = self.photometry.bits / 8;
        for plane in 0..self.planes {
            read(plane, stored)?;
            let places = row.chunks_exact_mut(bytes * self.planes).map(|pixel| &mut pixel[plane * bytes..][..bytes]);
            for (place, sample) in places.zip(stored.chunks_exact(bytes)) {
                place.copy_from_slice(sample);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
