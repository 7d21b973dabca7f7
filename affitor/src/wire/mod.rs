//! Calls over HTTP.

mod call;
mod click;
mod connection;
mod event;
mod lead;
mod queries;
mod reader;
mod refund;
mod retry;
mod sale;
mod transport;

#[cfg(feature = "test-util")]
pub(crate) use self::connection::Recorder;
pub(crate) use self::{
    connection::Connection,
    queries::{GetReadiness, GetStatus, RunTestChain},
    transport::{Limits, Transport},
};
