//! The service's calls: pure functions from the state and a request to a response and changes.

mod advertiser_programs;
mod attribution;
mod auth;
mod chain;
mod checks;
mod click;
mod commission;
mod events;
mod fields;
mod lead;
mod login;
mod management;
pub(crate) mod openapi;
mod performance;
mod programs;
mod readiness;
mod refund;
mod sale;
mod status;
mod steps;
mod stripe;
mod table;
mod test_mode;
mod tracker;

pub(crate) use {
    auth::program_of,
    chain::run_chain,
    fields::Fields,
    stripe::sign,
    table::{ENDPOINTS, Endpoint, endpoint},
};

use crate::{change::Change, reply::Reply, state::State};

/// Who makes a call.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Caller<'r> {
    /// A client, with its `Authorization` header.
    Client(Option<&'r [u8]>),
    /// The server of the sandbox's own shop, with the key of the program with this index.
    Shop(usize),
}

/// A request to the service.
#[derive(Debug)]
pub(crate) struct Call<'r> {
    pub now_ms: i64,
    pub caller: Caller<'r>,
    pub user_agent: Option<&'r str>,
    pub stripe_signature: Option<&'r str>,
    /// URL under which the client reaches the sandbox.
    pub base_url: &'r str,
    /// The id in the path, such as that of a program; empty if the path has none.
    pub path_id: &'r str,
    pub query: &'r str,
    /// The JSON object, or the response to an invalid body. It is not sent before the key has been checked.
    pub body: Result<Fields, Reply>,
    /// The body as received; empty if it could not be read.
    pub raw: &'r [u8],
}

impl Call<'_> {
    pub(crate) fn fields(&self) -> Result<&Fields, Reply> {
        self.body.as_ref().map_err(Clone::clone)
    }

    /// Returns the decoded query parameters, in order. `events` and `performance` use the last of repeated ones.
    fn query(&self) -> impl Iterator<Item = (std::borrow::Cow<'_, str>, std::borrow::Cow<'_, str>)> {
        url::form_urlencoded::parse(self.query.as_bytes())
    }
}

/// Result of a call: the response, and the changes to make before it is sent.
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

/// Function that decides a call. An error is a response that changes nothing.
pub(crate) type Decide = fn(&State, &Call<'_>) -> Result<Decision, Reply>;
