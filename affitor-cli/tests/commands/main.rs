//! Runs the compiled command against the sandbox and against misbehaving servers.

mod account;
mod arguments;
mod common;
mod doctor;
mod failures;
mod init;
mod output;
mod sandbox;
mod settings;
mod status;
mod test_event;
mod verify;
