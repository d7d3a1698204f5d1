//! Seccomp filters for a child, as in a sandbox.

use std::collections::BTreeMap;
use std::os::unix::process::CommandExt;
use std::process::Command;

use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, SeccompRule};

/// Applies `action` in place of the system calls with these numbers. A call with rules is replaced only if one matches.
#[expect(unsafe_code, reason = "code between fork and exec")]
pub(crate) fn filter(command: &mut Command, calls: BTreeMap<i64, Vec<SeccompRule>>, action: SeccompAction) {
    let architecture = std::env::consts::ARCH.try_into().unwrap();
    let filter = SeccompFilter::new(calls, SeccompAction::Allow, action, architecture).unwrap();
    let program: BpfProgram = filter.try_into().unwrap();
    // SAFETY: applying a compiled filter makes two system calls and does not allocate.
    unsafe {
        command.pre_exec(move || seccompiler::apply_filter(&program).map_err(|_| std::io::ErrorKind::Other.into()));
    }
}
