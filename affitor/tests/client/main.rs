//! The client, and finding the click id: over real sockets, against scripted responses and the sandbox.

mod adapter;
mod capture;
mod carry;
mod failures;
mod find;
mod key_rotation;
mod queue;
mod recording;
mod responses;
mod script_tag;
mod support;
mod unqueued;
