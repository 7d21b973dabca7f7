//! Helpers for tests of your own app. Enable the feature `test-util` in `[dev-dependencies]`.
//!
//! - [`RecordingSink`] records what a client tracks, without a socket, and has assertions.
//! - [`click_id()`] returns a click id. `affitor_axum::test_util` and `affitor_actix::test_util` put it into a request.
//! - `affitor_payments::test_util` makes the webhooks that a payment provider sends, signed with your app's secret.
//!
//! They tell what your app reports. What the service makes of it is a question for `affitor-sandbox`, which embeds into tests
//! as well: whether a sale finds its partner, what a commission is, or what happens while the service is down.

mod click_id;
mod recording;

pub use self::{
    click_id::{checked_click_id, click_id},
    recording::RecordingSink,
};
