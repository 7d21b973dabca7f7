//! Child processes that end with everything they have started.

use std::{
    ffi::OsStr,
    io,
    ops::{Deref, DerefMut},
};

use process_wrap::tokio::{ChildWrapper, CommandWrap, KillOnDrop};
use tokio::process::Command;

/// A child process in a group of its own, which is killed when the value is dropped.
#[derive(Debug)]
pub(super) struct Group(Box<dyn ChildWrapper>);

impl Deref for Group {
    type Target = dyn ChildWrapper;

    fn deref(&self) -> &Self::Target {
        &*self.0
    }
}

impl DerefMut for Group {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut *self.0
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // Fails if the whole group has ended.
        let _ = self.0.start_kill();
    }
}

/// Starts a program in a group of its own.
pub(super) fn spawn(program: &OsStr, configure: impl FnOnce(&mut Command)) -> io::Result<Group> {
    let mut command = CommandWrap::with_new(program, configure);
    command.wrap(KillOnDrop);
    #[cfg(unix)]
    command.wrap(process_wrap::tokio::ProcessGroup::leader());
    #[cfg(windows)]
    command.wrap(process_wrap::tokio::JobObject);
    command.spawn().map(Group)
}
