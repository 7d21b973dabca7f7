//! Child processes that end with everything they have started.

use std::{ffi::OsStr, io};

use process_wrap::tokio::{ChildWrapper, CommandWrap, KillOnDrop};
use tokio::process::Command;

/// Starts a program in a group of its own, which is killed when the value is dropped.
pub(super) fn spawn(program: &OsStr, configure: impl FnOnce(&mut Command)) -> io::Result<Box<dyn ChildWrapper>> {
    let mut command = CommandWrap::with_new(program, configure);
    command.wrap(KillOnDrop);
    #[cfg(unix)]
    command.wrap(process_wrap::tokio::ProcessGroup::leader());
    #[cfg(windows)]
    command.wrap(process_wrap::tokio::JobObject);
    command.spawn()
}
