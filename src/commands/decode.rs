//! `glimpse decode`: the process in which the server decodes files of formats whose decoders it does not trust. The server
//! starts it; it is of no use at a terminal.

use std::io;

use crate::error::StartError;
use crate::image::decode::isolated;

/// Gives up what the process does not need, takes `memory` bytes at most, and answers on standard output until standard input ends.
///
/// # Errors
/// A sentence, where the process can't be confined, or the server is gone.
pub fn decode(memory: u64) -> Result<(), StartError> {
    ignore_signals();
    // Nobody reads what a panic would print.
    std::panic::set_hook(Box::new(|_| {}));
    confine(memory).map_err(|error| StartError::new(format!("The process can't be confined: {error}.")))?;
    isolated::serve(io::stdin().lock(), io::stdout().lock())
        .map_err(|error| StartError::new(format!("The server is gone: {error}.")))
}

/// The most files that the process may have open: its three standard ones.
const MAX_FILES: u64 = 3;

/// Takes every right away that decoding does not need. The process dies with the server's thread that started it.
fn confine(memory: u64) -> io::Result<()> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    close_inherited_files();
    let limit = |most| Rlimit { current: Some(most), maximum: Some(most) };
    // More than that is refused, which ends the process. The server itself may be allowed less, and only root may raise a limit.
    let memory = getrlimit(Resource::Data).maximum.map_or(memory, |most| most.min(memory));
    setrlimit(Resource::Data, limit(memory))?;
    setrlimit(Resource::Core, limit(0))?;
    setrlimit(Resource::Fsize, limit(0))?;
    setrlimit(Resource::Nofile, limit(MAX_FILES))?;
    #[cfg(target_os = "linux")]
    {
        rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
        system_calls::confine()?;
    }
    Ok(())
}

/// Ignores the signals by which a terminal or a service manager ends the server: it finishes its requests first.
#[expect(unsafe_code, reason = "the disposition of a signal is set through the C library")]
fn ignore_signals() {
    for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGQUIT] {
        // SAFETY: no handler is installed, and there are no other threads yet.
        unsafe { libc::signal(signal, libc::SIG_IGN) };
    }
}

/// Closes what the server's own parent has left open for all of its descendants.
#[expect(unsafe_code, reason = "a file is closed that no value of Rust owns")]
fn close_inherited_files() {
    let folder = if cfg!(target_os = "linux") { "/proc/self/fd" } else { "/dev/fd" };
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let names: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.file_name())).collect();
    let files = names.iter().filter_map(|name| name.to_str()?.parse::<libc::c_int>().ok());
    for file in files.filter(|file| *file > libc::STDERR_FILENO) {
        // SAFETY: this process has opened nothing that is still open but its standard files; that of the folder is closed.
        unsafe { libc::close(file) };
    }
}

#[cfg(target_os = "linux")]
mod system_calls {
    use std::collections::BTreeMap;
    use std::io;

    use libc::c_long;
    use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};

    /// The calls of a thread that computes, and reads and writes pipes that are open already.
    const ALLOWED: &[c_long] = &[
        libc::SYS_read,
        libc::SYS_write,
        libc::SYS_writev,
        libc::SYS_close,
        libc::SYS_mmap,
        libc::SYS_munmap,
        libc::SYS_mremap,
        libc::SYS_mprotect,
        libc::SYS_madvise,
        libc::SYS_brk,
        libc::SYS_futex,
        libc::SYS_sched_yield,
        libc::SYS_clock_gettime,
        libc::SYS_getrandom,
        libc::SYS_rt_sigaction,
        libc::SYS_rt_sigprocmask,
        libc::SYS_rt_sigreturn,
        libc::SYS_sigaltstack,
        libc::SYS_gettid,
        libc::SYS_getpid,
        libc::SYS_tgkill,
        libc::SYS_exit,
        libc::SYS_exit_group,
    ];

    /// Every other system call fails (seccomp(2)).
    pub(super) fn confine() -> io::Result<()> {
        let Ok(architecture) = std::env::consts::ARCH.try_into() else { return Ok(()) };
        let rules: BTreeMap<c_long, Vec<_>> = ALLOWED.iter().map(|call| (*call, Vec::new())).collect();
        let refused = SeccompAction::Errno(libc::EPERM.cast_unsigned());
        let filter =
            SeccompFilter::new(rules, refused, SeccompAction::Allow, architecture).map_err(io::Error::other)?;
        let program: BpfProgram = filter.try_into().map_err(io::Error::other)?;
        // This also sets PR_SET_NO_NEW_PRIVS.
        seccompiler::apply_filter(&program).map_err(io::Error::other)
    }
}
