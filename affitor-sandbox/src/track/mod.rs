//! The four tracking calls: pure functions of the state, the time and the request.

mod click;
mod lead;
mod refund;
mod sale;
mod test_mode;

pub(crate) use {click::click, lead::lead, refund::refund, sale::sale};

use crate::fields::Fields;

/// A request of one of the tracking calls.
#[derive(Debug, Default)]
pub(crate) struct Call<'r> {
    pub now_ms: i64,
    pub authorization: Option<&'r [u8]>,
    pub user_agent: Option<&'r str>,
    pub fields: Fields,
}
