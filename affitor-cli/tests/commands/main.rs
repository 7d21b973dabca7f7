//! Runs the compiled command against the sandbox and against misbehaving servers.

mod arguments;
mod common;
mod doctor;
mod failures;
mod output;
mod sandbox;
mod settings;
mod status;
mod test_event;
mod test_webhook;
mod verify;
