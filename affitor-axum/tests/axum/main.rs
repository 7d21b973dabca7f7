//! Extractors, rejections and helpers for tests, in axum.

mod extractors;
mod payment;
mod test_util;
