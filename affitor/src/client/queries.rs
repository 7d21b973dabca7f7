//! Calls that query the program, and the synthetic test chain.

use reqwest::{Method, Url};

use super::{
    Client, Endpoints,
    program::{ProgramStatus, Readiness, TestChain},
};
use crate::{
    client::Error,
    event::RetryClass,
    wire::{Call, Reader},
};

impl Client {
    /// Returns whether the integration is ready (`GET /api/v1/programs/me/readiness`).
    ///
    /// # Errors
    ///
    /// Returns an error if the service rejects the API key; if there is no response; if the client is
    /// [disabled](Client::disabled).
    pub async fn readiness(&self) -> Result<Readiness, Error> {
        self.call(GetReadiness).await
    }

    /// Like [`readiness`](Client::readiness), but bypasses the service's cache. Limited to once per minute.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`Client::readiness`].
    pub async fn recheck_readiness(&self) -> Result<Readiness, Error> {
        self.call(RecheckReadiness).await
    }

    /// Returns the health of the program and its counts of the last 24 hours (`GET /api/v1/cli/status`).
    ///
    /// # Errors
    ///
    /// Returns an error if the client has no program id; if the service rejects the API key; if there is no response; if the
    /// client is [disabled](Client::disabled).
    pub async fn status(&self) -> Result<ProgramStatus, Error> {
        self.call(GetStatus).await
    }

    /// Makes the service run a synthetic click, lead and sale (`POST /api/v1/cli/test-event`). Limited to 10 per hour.
    ///
    /// # Errors
    ///
    /// Returns an error if the limit is reached ([`Error::is_rate_limited`], with [`Error::retry_after`]); if the service rejects
    /// the API key; if there is no response; if the client is [disabled](Client::disabled).
    pub async fn run_test_chain(&self) -> Result<TestChain, Error> {
        self.call(RunTestChain).await
    }
}

pub(crate) struct GetReadiness;

impl Call for GetReadiness {
    type Outcome = Readiness;
    const NAME: &'static str = "readiness";
    const PATH: &'static str = "api/v1/programs/me/readiness";
    const METHOD: Method = Method::GET;

    fn retry_class(&self) -> RetryClass {
        RetryClass::Idempotent
    }

    fn body(&self) -> Result<Vec<u8>, Error> {
        Ok(Vec::new())
    }

    fn read(&self, response: &Reader<'_>) -> Result<Readiness, Error> {
        response.deserialize()
    }
}

pub(crate) struct RecheckReadiness;

impl Call for RecheckReadiness {
    type Outcome = Readiness;
    const NAME: &'static str = "recheck_readiness";
    const PATH: &'static str = "api/v1/programs/me/readiness?force_recheck=true";
    const METHOD: Method = Method::GET;

    fn retry_class(&self) -> RetryClass {
        RetryClass::Idempotent
    }

    fn body(&self) -> Result<Vec<u8>, Error> {
        Ok(Vec::new())
    }

    fn read(&self, response: &Reader<'_>) -> Result<Readiness, Error> {
        response.deserialize()
    }
}

pub(crate) struct GetStatus;

impl Call for GetStatus {
    type Outcome = ProgramStatus;
    const NAME: &'static str = "status";
    const PATH: &'static str = "api/v1/cli/status";
    const METHOD: Method = Method::GET;

    fn url<'e>(&self, endpoints: &'e Endpoints) -> Result<&'e Url, Error> {
        endpoints.status()
    }

    fn retry_class(&self) -> RetryClass {
        RetryClass::Idempotent
    }

    fn body(&self) -> Result<Vec<u8>, Error> {
        Ok(Vec::new())
    }

    fn read(&self, response: &Reader<'_>) -> Result<ProgramStatus, Error> {
        response.deserialize()
    }
}

pub(crate) struct RunTestChain;

impl Call for RunTestChain {
    type Outcome = TestChain;
    const NAME: &'static str = "run_test_chain";
    const PATH: &'static str = "api/v1/cli/test-event";

    fn retry_class(&self) -> RetryClass {
        // Each run counts against an hourly limit.
        RetryClass::NotIdempotent
    }

    fn body(&self) -> Result<Vec<u8>, Error> {
        Ok(br#"{"type":"chain"}"#.to_vec())
    }

    fn read(&self, response: &Reader<'_>) -> Result<TestChain, Error> {
        response.deserialize()
    }
}
