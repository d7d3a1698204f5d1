use std::path::PathBuf;

use clap::Args;

/// The web site.
#[derive(Args, Clone, Debug)]
pub struct Site {
    /// Folder of the built web site, read anew for every request [default: the site in the executable,
    /// else web/dist]
    #[arg(long, env, hide_env_values = true)]
    pub web_dir: Option<PathBuf>,
}
