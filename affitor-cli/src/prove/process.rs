//! Child processes that end with everything they have started.

#[cfg(target_os = "linux")]
mod descendants;

use std::{
    ffi::OsStr,
    io,
    ops::{Deref, DerefMut},
};

use process_wrap::tokio::{ChildWrapper, CommandWrap, KillOnDrop};
use tokio::process::Command;

/// A child process in a group of its own, which is killed when the value is dropped. On Linux, so are processes that have left the
/// group.
#[derive(Debug)]
pub(super) struct Group {
    child: Box<dyn ChildWrapper>,
    #[cfg(target_os = "linux")]
    mark: String,
}

impl Deref for Group {
    type Target = dyn ChildWrapper;

    fn deref(&self) -> &Self::Target {
        &*self.child
    }
}

impl DerefMut for Group {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut *self.child
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Group {
    /// Kills the group, and what has left it. Returns whether something of the group was running.
    pub(super) fn kill(&mut self) -> bool {
        // Before their parents end, and nobody knows any more whose they are.
        #[cfg(target_os = "linux")]
        let left = descendants::of(self.child.id(), &self.mark);
        // Fails if the whole group has ended.
        let was_running = self.child.start_kill().is_ok();
        #[cfg(target_os = "linux")]
        descendants::kill(&left);
        was_running
    }
}

/// Starts a program in a group of its own.
pub(super) fn spawn(program: &OsStr, configure: impl FnOnce(&mut Command)) -> io::Result<Group> {
    #[cfg(target_os = "linux")]
    let mark = descendants::adopt();
    let mut command = CommandWrap::with_new(program, configure);
    command.wrap(KillOnDrop);
    #[cfg(unix)]
    command.wrap(process_wrap::tokio::ProcessGroup::leader());
    #[cfg(windows)]
    command.wrap(process_wrap::tokio::JobObject);
    #[cfg(target_os = "linux")]
    command.command_mut().env(descendants::MARK, &mark);
    Ok(Group {
        child: command.spawn()?,
        #[cfg(target_os = "linux")]
        mark,
    })
}
