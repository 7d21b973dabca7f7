//! The API key: what it may be, where it comes from, and reading it again after it was rotated.

mod api_key;
mod key_source;

pub(crate) use self::{
    api_key::ApiKey,
    key_source::{Credentials, KeySource, Keys, read_file},
};
