//! Queries of the program, and the synthetic test chain.

use super::Client;
use crate::{
    error::Error,
    program::{ProgramStatus, Readiness, TestChain},
    wire::{GetReadiness, GetStatus, RunTestChain},
};

impl Client {
    /// Returns whether the integration is ready (`GET /api/v1/programs/me/readiness`).
    ///
    /// # Errors
    ///
    /// Returns an error if the service rejects the API key; if there is no response; if the client is
    /// [disabled](Client::disabled).
    pub async fn readiness(&self) -> Result<Readiness, Error> {
        self.connection().call(GetReadiness { recheck: false }).await
    }

    /// Like [`readiness`](Client::readiness), but bypasses the service's cache. Limited to once per minute.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`Client::readiness`].
    pub async fn recheck_readiness(&self) -> Result<Readiness, Error> {
        self.connection().call(GetReadiness { recheck: true }).await
    }

    /// Returns the health of the program and its counts of the last 24 hours (`GET /api/v1/cli/status`).
    ///
    /// # Errors
    ///
    /// Returns an error if the client has no program id; if the service rejects the API key; if there is no response; if the
    /// client is [disabled](Client::disabled).
    pub async fn status(&self) -> Result<ProgramStatus, Error> {
        self.connection().call(GetStatus).await
    }

    /// Makes the service run a synthetic click, lead and sale (`POST /api/v1/cli/test-event`). Limited to 10 per hour.
    ///
    /// # Errors
    ///
    /// Returns an error if the limit is reached ([`Error::is_rate_limited`], with [`Error::retry_after`]); if the service rejects
    /// the API key; if there is no response; if the client is [disabled](Client::disabled).
    pub async fn run_test_chain(&self) -> Result<TestChain, Error> {
        self.connection().call(RunTestChain).await
    }
}
