//! What each call of the API defines.

use std::fmt;

use reqwest::{Method, Url};
use serde::Serialize;

use super::Reader;
use crate::{
    client::{Endpoints, Error, Settings},
    event::{InvalidEvent, RetryClass},
};

/// A call of the API: its endpoint, its body, whether it may be repeated, and how its response is read.
///
/// Everything that is particular to a kind of event is in its implementations of [`Call`] and [`Track`].
pub(crate) trait Call: Send + 'static {
    /// What the response says.
    type Outcome: fmt::Debug + Send + 'static;

    /// Name in logs and metrics.
    const NAME: &'static str;
    /// Path below the API URL.
    const PATH: &'static str;
    const METHOD: Method = Method::POST;
    /// Whether the API key is sent.
    const WITH_KEY: bool = true;

    /// The whole URL.
    fn url<'e>(&self, endpoints: &'e Endpoints) -> Result<&'e Url, Error> {
        endpoints.get(Self::PATH)
    }

    fn retry_class(&self) -> RetryClass;

    /// What the call is about, for logs.
    fn subject(&self) -> Option<&str> {
        None
    }

    /// The JSON body; empty for none.
    fn body(&self) -> Result<Vec<u8>, Error>;

    fn read(&self, response: &Reader<'_>) -> Result<Self::Outcome, Error>;
}

/// A call that reports an event.
pub(crate) trait Track: Call {
    /// Outcome of a disabled client.
    const DISABLED: Self::Outcome;

    /// Records the event instead of sending it. Returns the outcome of one that counts.
    #[cfg(feature = "test-util")]
    fn record(self, sink: &crate::test_util::RecordingSink) -> Self::Outcome;

    /// Checks that the event has what the service requires.
    fn check(&self) -> Result<(), InvalidEvent>;

    /// Applies the settings of the client. An error is the outcome if the event is not to be sent.
    fn prepare(&mut self, settings: &Settings) -> Result<(), Self::Outcome>;
}

/// Writes a body as JSON.
pub(crate) fn json_body(event: &impl Serialize) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(event).map_err(|source| Error::invalid("the event can't be written as JSON").with_source(source))
}
