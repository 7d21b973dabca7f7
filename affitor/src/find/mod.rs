//! Finding the click id of a request: pure functions of text and bytes, without a web framework and without I/O.
//!
//! [`Sources`] is the configuration: which places are searched, in which order. Each place has a module with its rules:
//!
//! - [`header`]: a header that the page's script forwards, [`CLICK_ID_HEADER`].
//! - [`json`] and [`form`]: a field of the body, [`FIELDS`].
//! - [`cookie`]: the tracker's cookies, [`CLICK_ID_COOKIE`] and its old name [`OLD_CLICK_ID_COOKIE`].
//!
//! An invalid [`ClickId`](crate::ClickId) is treated as missing. It is neither an error nor logged.
//!
//! The module [`adapter`](crate::adapter) applies these rules to a request. The layers of `affitor-tower` and
//! `affitor-actix` use it, so the same request has the same click id in every framework.
//!
//! ```
//! use affitor::find::{Sources, cookie};
//!
//! let sources = Sources::default();
//! let headers: [&[u8]; 1] = [b"theme=dark; affitor_click_id=cust_42_1714000000000"];
//! let id = cookie::click_id(headers, sources.get_cookies());
//! assert_eq!(id.unwrap(), "cust_42_1714000000000");
//! ```

use std::time::Duration;

mod body;
pub mod cookie;
pub mod form;
pub mod header;
pub mod json;
mod name;
mod sources;

pub use body::BodyKind;
pub use name::Names;
pub use sources::{Source, Sources};

/// Name of the header in which a page's script may forward the click id. An API that is called from another origin must list
/// it in `Access-Control-Allow-Headers`.
pub const CLICK_ID_HEADER: &str = "x-affitor-click-id";

/// Name of the cookie in which the tracker stores the last click id.
pub const CLICK_ID_COOKIE: &str = "affitor_click_id";

/// Old name of [`CLICK_ID_COOKIE`]. Other software uses it too, so it counts only if its value starts with `cust_`.
pub const OLD_CLICK_ID_COOKIE: &str = "customer_code";

/// Name of the cookie in which the tracker stores the click history.
pub const HISTORY_COOKIE: &str = "affitor_click_ids";

/// Names of the body fields that can contain a click id, in order of precedence. Other ad networks use the name `click_id`, so
/// it is searched only if you add it with [`Sources::fields`].
pub const FIELDS: [&str; 2] = ["affitorClickId", "affitor_click_id"];

/// Default of [`Sources::body_timeout`]: 2 seconds.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(2);

/// Default of [`Sources::body_limit`], in bytes: 64 KiB.
pub const BODY_LIMIT: usize = 64 * 1024;
