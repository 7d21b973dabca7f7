//! Calls that query the program, and the synthetic test chain.

use reqwest::{Method, Url};

use super::{
    call::{Call, join},
    reader::Reader,
};
use crate::{
    error::Error,
    event::RetryClass,
    program::{ProgramStatus, Readiness, TestChain},
    settings::Settings,
};

pub(crate) struct GetReadiness {
    /// Whether the service bypasses its cache.
    pub(crate) recheck: bool,
}

impl Call for GetReadiness {
    type Outcome = Readiness;
    const NAME: &'static str = "readiness";
    const PATH: &'static str = "api/v1/programs/me/readiness";
    const METHOD: Method = Method::GET;

    fn url(&self, api: &Url, _: &Settings) -> Result<Url, Error> {
        let mut url = join(api, Self::PATH)?;
        if self.recheck {
            url.set_query(Some("force_recheck=true"));
        }
        Ok(url)
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

    fn url(&self, api: &Url, settings: &Settings) -> Result<Url, Error> {
        let id = settings.program_id.as_deref();
        let id = id.ok_or_else(|| Error::invalid("no program id: set it on the builder or as AFFITOR_PROGRAM_ID"))?;
        let mut url = join(api, Self::PATH)?;
        url.query_pairs_mut().append_pair("program_id", id);
        Ok(url)
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
