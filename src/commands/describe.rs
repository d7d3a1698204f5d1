//! `glimpse completions` and `glimpse man`: the command line, described for shells and for `man`.

use std::io::{self, Write};

use clap::CommandFactory;
use clap_complete::Shell;

use crate::config::CommandLine;
use crate::error::StartError;

/// Prints the script with which `shell` completes the command line.
///
/// # Errors
/// A sentence if standard output can't be written.
pub fn completions(shell: Shell) -> Result<(), StartError> {
    // Into memory first: clap_complete panics where it can't write.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut CommandLine::command(), "glimpse", &mut script);
    print(&script)
}

/// Prints the manual page, with a section for each command.
///
/// # Errors
/// A sentence if standard output can't be written.
pub fn man() -> Result<(), StartError> {
    let mut page = Vec::new();
    let mut command = CommandLine::command().name("glimpse");
    command.build();
    let written = clap_mangen::Man::new(command.clone()).render(&mut page).and_then(|()| {
        command.get_subcommands().filter(|command| !command.is_hide_set()).try_for_each(|command| {
            let man = clap_mangen::Man::new(command.clone());
            writeln!(page, ".SH \"COMMAND {}\"", command.get_name().to_uppercase())?;
            man.render_description_section(&mut page)?;
            man.render_options_section(&mut page)
        })
    });
    written.map_err(|error| unwritten(&error))?;
    print(&page)
}

fn print(bytes: &[u8]) -> Result<(), StartError> {
    let mut output = io::stdout().lock();
    output.write_all(bytes).and_then(|()| output.flush()).map_err(|error| unwritten(&error))
}

fn unwritten(error: &io::Error) -> StartError {
    StartError::new(format!("Standard output can't be written: {error}."))
}
