//! Processes that have left the group of their parent. They stay descendants: a process whose parent ends gets this one as its parent.

use std::{
    collections::HashSet,
    fs,
    sync::{Mutex, PoisonError},
};

use rustix::process::{Pid, Signal, getpid, kill_process, set_child_subreaper};

/// The processes that were started here. What else has this process as its parent has lost its own.
static STARTED: Mutex<Vec<Pid>> = Mutex::new(Vec::new());

/// Makes this process the parent of descendants that have lost theirs.
pub(super) fn adopt() {
    // Not in every container. Then they live on.
    let _ = set_child_subreaper(Some(getpid()));
}

pub(super) fn remember(pid: Option<u32>) {
    STARTED.lock().unwrap_or_else(PoisonError::into_inner).extend(to_pid(pid));
}

/// Returns the descendants of a child, and the processes that have lost their parent.
pub(super) fn of(child: Option<u32>) -> Vec<Pid> {
    let parents = parents();
    let started = STARTED.lock().unwrap_or_else(PoisonError::into_inner);
    let is_orphan = |(pid, parent): &&(Pid, Pid)| *parent == getpid() && !started.contains(pid);
    let mut found: HashSet<Pid> = parents.iter().filter(is_orphan).map(|(pid, _)| *pid).collect();
    let child = to_pid(child);
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

fn to_pid(id: Option<u32>) -> Option<Pid> {
    Pid::from_raw(i32::try_from(id?).ok()?)
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
