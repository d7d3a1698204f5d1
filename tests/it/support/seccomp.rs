//! Filters of a child's system calls, as a sandbox has them.

use std::collections::BTreeMap;
use std::os::unix::process::CommandExt;
use std::process::Command;

use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, SeccompRule};

/// Has `action` happen in place of the system calls with these numbers. Where a call has rules, only calls that match one
/// of them are replaced.
#[expect(unsafe_code, reason = "code between fork and exec")]
pub(crate) fn filter(command: &mut Command, calls: BTreeMap<i64, Vec<SeccompRule>>, action: SeccompAction) {
    let architecture = std::env::consts::ARCH.try_into().unwrap();
    let filter = SeccompFilter::new(calls, SeccompAction::Allow, action, architecture).unwrap();
    let program: BpfProgram = filter.try_into().unwrap();
    // SAFETY: applying a filter that is ready makes two system calls and allocates nothing.
    unsafe {
        command.pre_exec(move || seccompiler::apply_filter(&program).map_err(|_| std::io::ErrorKind::Other.into()));
    }
}
