//! The four tracking calls: pure functions of the state, the time and the request.

mod click;
mod lead;
mod refund;
mod sale;
mod test_mode;

pub(crate) use {click::click, lead::lead, refund::refund, sale::sale};

use crate::{fields::Fields, reply::Reply};

/// A request of one of the tracking calls.
#[derive(Debug)]
pub(crate) struct Call<'r> {
    pub now_ms: i64,
    pub authorization: Option<&'r [u8]>,
    pub user_agent: Option<&'r str>,
    /// The JSON object, or why there is none: the key is looked at first.
    pub body: Result<Fields, Reply>,
}

impl Call<'_> {
    pub(crate) fn fields(&self) -> Result<&Fields, Reply> {
        self.body.as_ref().map_err(Clone::clone)
    }
}
