//! The client, over real sockets, against scripted responses and the sandbox.

mod capture;
mod carry;
mod failures;
mod key_rotation;
mod queue;
mod recording;
mod responses;
mod script_tag;
mod support;
