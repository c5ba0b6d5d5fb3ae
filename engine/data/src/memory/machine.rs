//! How much memory there is, as Linux says it.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The machine's memory, bytes, or the least limit of the control groups that this process is in. `None` where neither can
/// be read, as on other systems.
pub(super) fn bytes() -> Option<u64> {
    let text = |path: PathBuf| fs::read_to_string(path).ok();
    let machine = text("/proc/meminfo".into()).and_then(|text| total(&text));
    let groups = text("/proc/self/cgroup".into()).map(|text| limits(&text)).unwrap_or_default();
    let limits = groups.into_iter().filter_map(text).filter_map(|text| text.trim().parse().ok());
    // An old control group says "no limit" by a huge number.
    machine.into_iter().chain(limits).filter(|&bytes| bytes > 0 && bytes < 1 << 60).min()
}

/// `MemTotal` of `/proc/meminfo`, bytes.
fn total(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// The files that hold a limit of the groups in `/proc/self/cgroup`, those of the groups above them too: version 2 has a
/// line `0::/path`, version 1 one of `…:memory:/path`.
fn limits(groups: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for line in groups.lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(group)) = (fields.next(), fields.next()) else { continue };
        let (root, name) = match controllers {
            "" => ("/sys/fs/cgroup", "memory.max"),
            list if list.split(',').any(|one| one == "memory") => ("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
            _ => continue,
        };
        let own = Path::new(root).join(group.trim_start_matches('/'));
        // Within a container the path may be the host's: the root's own file is then the one that counts.
        files.extend(own.ancestors().take_while(|folder| folder.starts_with(root)).map(|folder| folder.join(name)));
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_s_files_are_understood() {
        assert_eq!(total("MemTotal:       16303036 kB\nMemFree: 1 kB\n"), Some(16_303_036 * 1024));
        assert_eq!(total("MemFree: 1 kB\n"), None);
        let second = limits("0::/user.slice/app\n");
        let expected = ["user.slice/app/memory.max", "user.slice/memory.max", "memory.max"];
        assert_eq!(second, expected.map(|name| Path::new("/sys/fs/cgroup").join(name)));
        let first = limits("5:cpu,cpuacct:/a\n4:memory:/a\n");
        let expected = ["a/memory.limit_in_bytes", "memory.limit_in_bytes"];
        assert_eq!(first, expected.map(|name| Path::new("/sys/fs/cgroup/memory").join(name)));
        assert!(limits("nonsense\n").is_empty());
    }
}
