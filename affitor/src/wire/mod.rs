//! Calls over HTTP.

mod call;
pub(crate) mod metrics;
mod reader;
mod retry;
mod transport;

pub(crate) use call::{Call, Track, json_body};
pub(crate) use reader::Reader;
pub(crate) use transport::{Limits, Request, Response, Transport};
