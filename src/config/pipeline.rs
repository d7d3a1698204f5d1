use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::values::{at_least_one, bytes, within};

/// How many pictures are analyzed at a time, and how each is decoded.
#[derive(Args, Clone, Debug)]
pub struct Pipeline {
    /// Pictures analyzed at the same time, 1 to 256; by default fewer where the container or the machine has little
    /// memory [default: one per core]
    #[arg(long, env, hide_env_values = true, value_parser = within::<1, 256>)]
    pub workers: Option<usize>,

    /// Largest picture, in pixels (width times height); a server answers 422 to a larger one
    #[arg(long, env, hide_env_values = true, default_value_t = 50_000_000, value_parser = at_least_one::<u64>)]
    pub max_pixels: u64,

    /// Memory that a worker may take to decode and resize one picture, in bytes or with a unit; a server answers 422
    /// to a picture that would take more; by default less where the container or the machine has little memory
    /// [default: 640MB]
    #[arg(long, env, hide_env_values = true, value_parser = bytes)]
    pub max_picture_bytes: Option<usize>,

    /// Size at which large JPEG pictures are decoded
    #[arg(long, env, hide_env_values = true, default_value = "reduced")]
    pub jpeg_decode: JpegDecode,

    // The program that decodes in a process of its own, which `main` knows; without it, everything is decoded in
    // this process.
    #[arg(skip)]
    pub decoder: Option<PathBuf>,
}

/// The size at which large JPEG pictures are decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum JpegDecode {
    /// Only as much of the picture as the model's input shows: faster, with nearly the same confidences
    Reduced,
    /// The picture's own size, as Keras decodes it
    Exact,
}
