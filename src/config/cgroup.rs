//! The memory that the system lets this process take: a container's limit, or the machine's memory.
//!
//! The number of cores needs no code of its own: `std::thread::available_parallelism` obeys the affinity mask and the quota of the
//! control groups, of both versions.

use std::fs;
use std::path::Path;

/// Where control groups are mounted (file-hierarchy(7)).
const MOUNT: &str = "/sys/fs/cgroup";

/// The most bytes of memory that this process may take; `None` where the system does not tell.
#[cfg(target_os = "linux")]
pub(super) fn memory_limit() -> Option<u64> {
    let group = fs::read_to_string("/proc/self/cgroup").ok().and_then(|groups| limit(Path::new(MOUNT), &groups));
    let info = rustix::system::sysinfo();
    let machine = (info.totalram as u64).checked_mul(info.mem_unit.into());
    group.into_iter().chain(machine).min()
}

/// The most bytes of memory that this process may take; `None`, as the system does not tell.
#[cfg(not(target_os = "linux"))]
pub(super) fn memory_limit() -> Option<u64> {
    None
}

/// The lowest limit of the groups that `groups` names, the content of /proc/self/cgroup (cgroups(7)), and of the groups that they
/// lie in. A container may see its own group as the mount itself, under whatever path it is told.
fn limit(mount: &Path, groups: &str) -> Option<u64> {
    groups.lines().filter_map(|line| group_limit(mount, line)).min()
}

fn group_limit(mount: &Path, line: &str) -> Option<u64> {
    let mut fields = line.splitn(3, ':').skip(1);
    let (controllers, path) = (fields.next()?, fields.next()?);
    let (mount, files) = if controllers.is_empty() {
        // Version 2. Above memory.high the system slows the process down instead of ending it.
        (mount.to_owned(), &["memory.max", "memory.high"][..])
    } else if controllers.split(',').any(|name| name == "memory") {
        (mount.join("memory"), &["memory.limit_in_bytes"][..])
    } else {
        return None;
    };
    let group = mount.join(path.trim_start_matches('/'));
    let folders = group.ancestors().take_while(|folder| folder.starts_with(&mount));
    // "max" is no limit, and no number.
    let read = |folder: &Path, file: &str| fs::read_to_string(folder.join(file)).ok()?.trim().parse::<u64>().ok();
    folders.flat_map(|folder| files.iter().filter_map(move |file| read(folder, file))).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mount(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (path, content) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, format!("{content}\n")).unwrap();
        }
        folder
    }

    #[test]
    fn the_lowest_limit_on_the_way_up_counts() {
        let two = mount(&[
            ("memory.max", "4000"),
            ("system.slice/memory.max", "2000"),
            ("system.slice/glimpse.service/memory.max", "max"),
            ("system.slice/glimpse.service/memory.high", "3000"),
            ("other/memory.max", "1"),
        ]);
        assert_eq!(limit(two.path(), "0::/system.slice/glimpse.service\n"), Some(2000));
        assert_eq!(limit(two.path(), "0::/\n"), Some(4000));
        assert_eq!(limit(two.path(), "0::/not/seen/here\n"), Some(4000));
        let one = mount(&[("memory/memory.limit_in_bytes", "9000"), ("memory/pod/memory.limit_in_bytes", "5000")]);
        assert_eq!(limit(one.path(), "5:cpu,cpuacct:/pod\n4:memory:/pod\n0::/\n"), Some(5000));
        assert_eq!(limit(one.path(), "4:memory:/docker/0123\n"), Some(9000));
        assert_eq!(limit(one.path(), "5:cpu,cpuacct:/pod\n"), None);
    }

    #[test]
    fn no_limit_is_none() {
        let none = mount(&[("a/memory.max", "max"), ("b/memory.max", ""), ("c/memory.max", "-1")]);
        for groups in ["0::/a", "0::/b", "0::/c", "0::/d", "", "0", "0:", "::", "x:y:z", "0::/../../etc"] {
            assert_eq!(limit(none.path(), groups), None, "{groups}");
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_machine_has_a_limit() {
        assert!(memory_limit().is_some_and(|bytes| bytes > 16 << 20));
    }
}
