//! Runs the compiled command against the sandbox and against misbehaving servers.

mod account;
mod arguments;
mod color;
mod common;
mod doctor;
mod doctor_app;
mod doctor_program;
mod doctor_site;
mod exit_codes;
mod failures;
mod init;
#[cfg(unix)]
mod key;
mod lines;
#[cfg(not(feature = "outbox"))]
mod missing_feature;
mod output;
mod prove;
mod sandbox;
mod settings;
mod shell;
mod status;
#[cfg(target_os = "linux")]
mod terminal;
mod test_chain;
mod test_event;
mod test_webhook;
