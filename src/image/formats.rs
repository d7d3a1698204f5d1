//! The image formats that are decoded, as messages name them.

/// The formats, for people.
pub const FORMATS: &str = "JPEG, PNG, WebP, GIF, BMP or TIFF";
