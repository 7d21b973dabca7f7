//! Processes that have left the group of their parent. They stay descendants: a process whose parent ends gets this one as its parent.
//! Each program that is started has a mark in its environment, which its descendants inherit, so nobody else's process is killed.

use std::{
    collections::HashSet,
    fs,
    sync::atomic::{AtomicU64, Ordering},
};

use rustix::process::{Pid, Signal, getpid, kill_process, set_child_subreaper};

/// Name of the variable with the mark.
pub(super) const MARK: &str = "AFFITOR_PROVE_GROUP";

/// Makes this process the parent of descendants that have lost theirs, and returns a new mark.
pub(super) fn adopt() -> String {
    static LAST: AtomicU64 = AtomicU64::new(0);
    // Not in every container. Then they live on.
    let _ = set_child_subreaper(Some(getpid()));
    format!("{}-{}", getpid().as_raw_nonzero(), LAST.fetch_add(1, Ordering::Relaxed))
}

/// Returns the descendants of a child, and the orphans that have its mark.
pub(super) fn of(child: Option<u32>, mark: &str) -> Vec<Pid> {
    let parents = parents();
    let is_orphan = |(pid, parent): &&(Pid, Pid)| *parent == getpid() && has_mark(*pid, mark);
    let mut found: HashSet<Pid> = parents.iter().filter(is_orphan).map(|(pid, _)| *pid).collect();
    let child = child.and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
    found.extend(child);
    // Each round finds a generation.
    loop {
        let next = parents.iter().filter(|(pid, parent)| found.contains(parent) && !found.contains(pid));
        let next: Vec<_> = next.map(|(pid, _)| *pid).collect();
        if next.is_empty() {
            return found.into_iter().filter(|pid| Some(*pid) != child).collect();
        }
        found.extend(next);
    }
}

pub(super) fn kill(pids: &[Pid]) {
    for pid in pids {
        // Fails if it has ended.
        let _ = kill_process(*pid, Signal::KILL);
    }
}

fn has_mark(pid: Pid, mark: &str) -> bool {
    let wanted = format!("{MARK}={mark}");
    let environment = fs::read(format!("/proc/{}/environ", pid.as_raw_nonzero())).unwrap_or_default();
    environment.split(|byte| *byte == 0).any(|variable| variable == wanted.as_bytes())
}

/// All processes with their parents.
fn parents() -> Vec<(Pid, Pid)> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let parent = |entry: fs::DirEntry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
        // `pid (name) state ppid …`, and a name may contain anything.
        let parent = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()?;
        Some((Pid::from_raw(pid)?, Pid::from_raw(parent)?))
    };
    entries.filter_map(parent).collect()
}
