//! The service's calls: pure functions of the state and the request, which say what is answered and what changes.

mod auth;
mod chain;
mod checks;
mod click;
mod events;
mod fields;
mod lead;
mod openapi;
mod performance;
mod readiness;
mod refund;
mod reply;
mod sale;
mod status;
mod table;
mod test_mode;
mod tracker;

pub(crate) use {
    chain::run_chain,
    fields::Fields,
    reply::Reply,
    table::{ENDPOINTS, Endpoint},
};

use crate::{change::Change, state::State};

/// A request.
#[derive(Debug)]
pub(crate) struct Call<'r> {
    pub now_ms: i64,
    pub authorization: Option<&'r [u8]>,
    pub user_agent: Option<&'r str>,
    /// The program in the path, where it has one.
    pub program: &'r str,
    pub query: &'r str,
    /// The JSON object, or why there is none: the key is looked at first.
    pub body: Result<Fields, Reply>,
}

impl Call<'_> {
    pub(crate) fn fields(&self) -> Result<&Fields, Reply> {
        self.body.as_ref().map_err(Clone::clone)
    }

    /// The query's fields, decoded. Of doubles the last wins.
    fn query(&self) -> impl Iterator<Item = (std::borrow::Cow<'_, str>, std::borrow::Cow<'_, str>)> {
        url::form_urlencoded::parse(self.query.as_bytes())
    }
}

/// What a call comes to: an answer, and the changes to make before it is given.
#[derive(Debug)]
pub(crate) struct Decision {
    pub reply: Reply,
    pub changes: Vec<Change>,
}

impl Decision {
    fn changing(change: Change, reply: Reply) -> Self {
        Self { reply, changes: vec![change] }
    }
}

impl From<Reply> for Decision {
    fn from(reply: Reply) -> Self {
        Self { reply, changes: Vec::new() }
    }
}

/// A call: a refusal changes nothing.
pub(crate) type Decide = fn(&State, &Call<'_>) -> Result<Decision, Reply>;
