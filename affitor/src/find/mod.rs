//! Finding the click id of a request, in text and bytes alone: no web framework, no I/O.
//!
//! The layers of `affitor-tower` and `affitor-actix` are thin shells around this module, so that the same request has
//! the same click id in each of them. [`Sources`] holds what is looked at and in which order; the rooms below hold the
//! rules of one place each:
//!
//! - [`header`]: a header that the page's script forwards, [`CLICK_ID_HEADER`].
//! - [`json`] and [`form`]: a field of the body, [`FIELDS`].
//! - [`cookie`]: the tracker's cookies, [`CLICK_ID_COOKIE`] and its old name [`OLD_CLICK_ID_COOKIE`].
//!
//! Whatever is not a valid [`ClickId`](crate::ClickId) is as if absent: never an error, never logged.
//!
//! ```
//! use affitor::find::{Sources, cookie};
//!
//! let sources = Sources::default();
//! let headers: [&[u8]; 1] = [b"theme=dark; affitor_click_id=cust_42_1714000000000"];
//! let id = cookie::click_id(headers, sources.cookie_names());
//! assert_eq!(id.unwrap(), "cust_42_1714000000000");
//! ```

use std::time::Duration;

mod body;
pub mod cookie;
mod deadline;
pub mod form;
pub mod header;
pub mod json;
mod name;
mod prefix;
mod search;
mod sources;

pub use body::BodyKind;
pub use name::Names;
pub use sources::{Source, Sources};

/// What the adapters to web frameworks share. No part of the stable interface.
#[doc(hidden)]
pub mod adapter {
    pub use super::{
        body::BodyHead,
        deadline::Deadline,
        prefix::Prefix,
        search::{Head, Search, Unfinished},
    };
}

/// The header in which a page's script may forward the click id. Name it in the `Access-Control-Allow-Headers` of an
/// API that is called from another origin.
pub const CLICK_ID_HEADER: &str = "x-affitor-click-id";

/// The cookie in which the tracker keeps the last click id.
pub const CLICK_ID_COOKIE: &str = "affitor_click_id";

/// The old name of [`CLICK_ID_COOKIE`]. Others use it too, so it counts only when its value starts with `cust_`.
pub const OLD_CLICK_ID_COOKIE: &str = "customer_code";

/// The cookie in which the tracker keeps the visitor's history of clicks.
pub const HISTORY_COOKIE: &str = "affitor_click_ids";

/// How many clicks a history holds at most: what the tracker keeps and *track lead* takes.
pub const HISTORY_LEN: usize = 20;

/// The body fields that hold a click id, the first one first. Other ad networks call theirs `click_id`, so that name
/// is only looked at when asked for ([`Sources::fields`]).
pub const FIELDS: [&str; 2] = ["affitorClickId", "affitor_click_id"];

/// How long a layer waits for a body that it looks into, unless [`Sources::body_timeout`] says otherwise: 2 seconds.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(2);

/// How much of a body is looked into at most, in bytes, unless [`Sources::body_limit`] says otherwise: 64 KiB.
pub const BODY_LIMIT: usize = 64 * 1024;
