use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};
use url::Url;

use super::{ModelFile, Pipeline};

/// The pictures, what is said of them, and who analyzes them.
#[derive(Args, Clone, Debug)]
pub struct Classify {
    /// Pictures, or folders of pictures; "-" is a picture on standard input
    #[arg(value_name = "FILE", value_hint = ValueHint::AnyPath, required_unless_present = "files_from")]
    pub files: Vec<PathBuf>,

    /// Also the folders in the folders
    #[arg(long, short)]
    pub recursive: bool,

    /// Also the files that this file names, one a line; "-" is standard input
    #[arg(long, value_name = "LIST", value_hint = ValueHint::FilePath)]
    pub files_from: Option<PathBuf>,

    /// The names in LIST end with a zero byte instead of a line's end, as find -print0 writes them
    #[arg(long, short = '0', requires = "files_from")]
    pub null: bool,

    /// Form of the output
    #[arg(long, short, default_value = "table")]
    pub format: Format,

    /// Labels for a picture, from 1 to all that the model has [default: 3, or all of a multi-label model]
    #[arg(long, short = 'k', value_name = "N")]
    pub top_k: Option<usize>,

    /// Least confidence of a label, from 0 to 1 [default: 0, or the threshold of a multi-label model]
    #[arg(long, value_name = "CONFIDENCE")]
    pub min_confidence: Option<f32>,

    /// Also the class activation map of each of the first ten labels: where in the picture the evidence for it lies. For json and
    /// ndjson, and models that have maps
    #[arg(long)]
    pub explain: bool,

    /// Leave out what this file has: the output of an earlier run in JSON, NDJSON, CSV or TSV
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub resume: Option<PathBuf>,

    /// Send the pictures to the server at this URL instead; WORKERS are then the requests at the same time
    #[arg(long, value_name = "URL", value_hint = ValueHint::Url, value_parser = server)]
    pub server: Option<Url>,

    /// Key that the server asks for
    #[arg(long, env, hide_env_values = true, value_name = "KEY")]
    pub api_key: Option<String>,

    #[command(flatten)]
    pub model: ModelFile,

    #[command(flatten)]
    pub pipeline: Pipeline,
}

/// The form of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A line for each picture, for people
    Table,
    /// An array with an object for each picture
    Json,
    /// An object for each picture, one a line
    Ndjson,
    /// Comma-separated values with a head
    Csv,
    /// Tab-separated values with a head
    Tsv,
}

fn server(text: &str) -> Result<Url, String> {
    let expected = || "expected a URL such as http://localhost:8080".to_owned();
    let url = Url::parse(text.trim_end_matches('/')).map_err(|_| expected())?;
    if matches!(url.scheme(), "http" | "https") && url.has_host() { Ok(url) } else { Err(expected()) }
}
