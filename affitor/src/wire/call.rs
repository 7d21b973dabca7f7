//! What each call of the API defines.

use std::{any::Any, fmt};

use reqwest::{Method, Url};
use serde::Serialize;
use serde_json::Value;

use super::reader::Reader;
use crate::{
    error::Error,
    event::{AdditionalData, InvalidEvent, RetryClass, is_test},
    settings::Settings,
};

/// A call of the API: its endpoint, its body, whether it may be repeated, and how its response is read.
///
/// Everything that is particular to a kind of event is in its implementations of [`Call`] and [`Track`].
pub(crate) trait Call: Send + Sync + Any {
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
    fn url(&self, api: &Url, _: &Settings) -> Result<Url, Error> {
        join(api, Self::PATH)
    }

    fn retry_class(&self) -> RetryClass {
        RetryClass::Idempotent
    }

    /// What the call is about, for logs.
    fn subject(&self) -> Option<&str> {
        None
    }

    /// The JSON body; empty for none.
    fn body(&self) -> Result<Vec<u8>, Error> {
        Ok(Vec::new())
    }

    fn read(&self, response: &Reader<'_>) -> Result<Self::Outcome, Error>;
}

/// A call that reports an event.
pub(crate) trait Track: Call {
    /// Outcome of a disabled client.
    const DISABLED: Self::Outcome;

    /// Checks that the event has what the service requires.
    fn check(&self) -> Result<(), InvalidEvent>;

    /// Applies the settings of the client. An error is the outcome if the event is not to be sent.
    fn prepare(&mut self, settings: &Settings) -> Result<(), Self::Outcome>;
}

/// Joins the base of the API with a path.
pub(super) fn join(api: &Url, path: &str) -> Result<Url, Error> {
    api.join(path).map_err(|source| Error::invalid("the API URL").with_source(source))
}

/// Writes a body as JSON.
pub(super) fn json_body(event: &impl Serialize) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(event).map_err(|source| Error::invalid("the event can't be written as JSON").with_source(source))
}

/// Makes the event a test event if the client is in test mode, and names the program of a test event unless the event
/// already does. Returns whether it is a test event.
pub(super) fn prepare_data(data: &mut AdditionalData, settings: &Settings) -> bool {
    if settings.test_mode {
        data.insert("test_mode".to_owned(), Value::Bool(true));
    }
    let test = is_test(data);
    if let (true, Some(id)) = (test && !data.contains_key("program_id"), &settings.program_id) {
        data.insert("program_id".to_owned(), Value::String(id.clone()));
    }
    test
}
