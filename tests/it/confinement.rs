//! The executable runs without root, writes no file and opens no socket but its listener.

#![allow(clippy::cast_sign_loss, reason = "masks of the C library are signed")]

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::Command;

use libc::c_long;
use seccompiler::{SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompRule};

use crate::support::{Process, analyze_body, answer, copy_executable, picture, pictures, seccomp};

/// The system's user without rights.
const NOBODY: u32 = 65534;

/// System calls that change the file system, connect to other machines, reach other processes, or raise privileges.
const FORBIDDEN: &[c_long] = &[
    libc::SYS_openat2,
    libc::SYS_mkdirat,
    libc::SYS_mknodat,
    libc::SYS_linkat,
    libc::SYS_symlinkat,
    libc::SYS_unlinkat,
    libc::SYS_renameat2,
    libc::SYS_truncate,
    libc::SYS_fchmod,
    libc::SYS_fchmodat,
    libc::SYS_fchown,
    libc::SYS_fchownat,
    libc::SYS_utimensat,
    libc::SYS_setxattr,
    libc::SYS_connect,
    libc::SYS_ptrace,
    libc::SYS_process_vm_writev,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_chroot,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_setuid,
    libc::SYS_setgid,
    libc::SYS_capset,
    libc::SYS_bpf,
    libc::SYS_init_module,
];

/// Forbidden system calls that newer platforms do not have.
#[cfg(target_arch = "x86_64")]
const FORBIDDEN_OF_OLD: &[c_long] = &[
    libc::SYS_creat,
    libc::SYS_mkdir,
    libc::SYS_rmdir,
    libc::SYS_mknod,
    libc::SYS_link,
    libc::SYS_symlink,
    libc::SYS_unlink,
    libc::SYS_rename,
    libc::SYS_renameat,
    libc::SYS_chmod,
    libc::SYS_chown,
    libc::SYS_lchown,
];
#[cfg(not(target_arch = "x86_64"))]
const FORBIDDEN_OF_OLD: &[c_long] = &[];

/// Rules that match opening for writing. `flags` is the index of the call's flags argument.
fn for_writing(flags: u8) -> Vec<SeccompRule> {
    let has = |mask: i32, value: i32| {
        let fits = SeccompCmpOp::MaskedEq(mask as u64);
        let condition = SeccompCondition::new(flags, SeccompCmpArgLen::Dword, fits, value as u64).unwrap();
        SeccompRule::new(vec![condition]).unwrap()
    };
    vec![has(libc::O_ACCMODE, libc::O_WRONLY), has(libc::O_ACCMODE, libc::O_RDWR), has(libc::O_CREAT, libc::O_CREAT)]
}

/// Runs the command as `nobody` and kills it at the first forbidden system call.
fn confine(command: &mut Command) {
    let forbidden = FORBIDDEN.iter().chain(FORBIDDEN_OF_OLD);
    let mut calls: BTreeMap<i64, Vec<SeccompRule>> = forbidden.map(|call| (*call, Vec::new())).collect();
    calls.insert(libc::SYS_openat, for_writing(2));
    #[cfg(target_arch = "x86_64")]
    calls.insert(libc::SYS_open, for_writing(1));
    if rustix::process::geteuid().is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    seccomp::filter(command, calls, SeccompAction::KillProcess);
}

#[tokio::test]
async fn it_serves_without_privileges_and_without_writing() {
    let folder = tempfile::tempdir().unwrap();
    // `nobody` may be unable to read the project's folder.
    let copy = copy_executable(folder.path());
    std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let mut command = Command::new(copy);
    command.env_clear().current_dir("/").args(["--listen-addr", "127.0.0.1:0"]);
    confine(&mut command);
    let process = Process::start(command);
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap();
    let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_owned();
    assert_eq!(field("Seccomp:"), "2");
    assert_eq!(field("NoNewPrivs:"), "1");
    assert_eq!(field("CapEff:").trim_start_matches('0'), "", "it has capabilities");
    let client = reqwest::Client::new();
    for name in pictures() {
        let body = analyze_body(&picture(&name));
        let (status, labels) =
            answer(client.post(process.url("/api/v1/analyze")).body(body).send().await.unwrap()).await;
        assert_eq!((status, labels.as_array().unwrap().len()), (200, 3), "{name}");
    }
    for path in ["/", "/docs", "/readyz", "/metrics", "/api/v1/model"] {
        assert_eq!(client.get(process.url(path)).send().await.unwrap().status(), 200, "{path}");
    }
    process.stop();
}

#[test]
fn the_confinement_holds() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o777)).unwrap();
    let mut command = Command::new("touch");
    command.arg(folder.path().join("file"));
    confine(&mut command);
    assert_eq!(command.status().unwrap().signal(), Some(libc::SIGSYS));
}
