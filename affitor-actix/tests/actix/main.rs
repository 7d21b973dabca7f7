//! Extractors, errors and helpers for tests, in actix-web.

mod extractors;
mod payment;
mod test_util;
