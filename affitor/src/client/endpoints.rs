//! The URLs of the calls, built once.

use reqwest::Url;

use super::queries::{GetReadiness, GetStatus, RecheckReadiness, RunTestChain};
use crate::{client::Error, event::PATHS, wire::Call};

/// The URLs of the calls, built once per client.
pub(crate) struct Endpoints {
    by_path: Vec<(&'static str, Url)>,
    /// It contains the program id.
    status: Option<Url>,
    /// Base of the API.
    pub(super) base: Url,
}

impl Endpoints {
    pub(super) fn new(base: &Url, program_id: Option<&str>) -> Result<Self, Error> {
        let join = |path: &str| base.join(path).map_err(|source| Error::invalid("the API URL").with_source(source));
        let queries = [GetReadiness::PATH, RecheckReadiness::PATH, RunTestChain::PATH];
        let paths = PATHS.iter().copied().chain(queries);
        let status = match program_id {
            Some(id) => {
                let mut url = join(GetStatus::PATH)?;
                url.query_pairs_mut().append_pair("program_id", id);
                Some(url)
            }
            None => None,
        };
        Ok(Self {
            by_path: paths.map(|path| Ok((path, join(path)?))).collect::<Result<_, Error>>()?,
            status,
            base: base.clone(),
        })
    }

    pub(crate) fn get(&self, path: &str) -> Result<&Url, Error> {
        let found = self.by_path.iter().find(|(known, _)| *known == path);
        found.map(|(_, url)| url).ok_or_else(|| Error::invalid("the call has no endpoint"))
    }

    pub(super) fn status(&self) -> Result<&Url, Error> {
        self.status
            .as_ref()
            .ok_or_else(|| Error::invalid("no program id: set it on the builder or as AFFITOR_PROGRAM_ID"))
    }
}
