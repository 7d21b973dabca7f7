//! The HTML tag that loads the browser tracker.

use std::fmt;

/// Where the service's tracker is, unless [`ScriptTag::api_url`] says otherwise.
const API_URL: &str = "https://api.affitor.com";

/// The `<script>` tag of the browser tracker, as HTML. `Display` escapes every value.
///
/// ```
/// use affitor::ScriptTag;
///
/// let tag = ScriptTag::new(42).nonce("r4nd0m").to_string();
/// assert_eq!(
///     tag,
///     r#"<script src="https://api.affitor.com/js/affitor-tracker.js" data-affitor-program-id="42" nonce="r4nd0m" defer></script>"#
/// );
/// ```
///
/// [`Client::script_tag`](crate::Client::script_tag) creates the tag of a
/// client's program and API. With the feature `maud` it is a value of a `maud` template: `(tag)`. With the feature `askama` it is one of
/// an `askama` template: `{{ tag }}`. In other template engines, switch off their escaping for it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[must_use = "the tag does nothing until it is in a page"]
pub struct ScriptTag {
    api_url: String,
    /// `None` in an empty tag.
    program_id: Option<String>,
    nonce: Option<String>,
    cookie_domain: Option<String>,
    debug: bool,
}

impl ScriptTag {
    /// Creates the tag of a program.
    pub fn new(program_id: impl fmt::Display) -> Self {
        Self {
            api_url: API_URL.to_owned(),
            program_id: Some(program_id.to_string()),
            nonce: None,
            cookie_domain: None,
            debug: false,
        }
    }

    /// Creates a tag that renders as nothing.
    pub(crate) fn empty() -> Self {
        Self { api_url: String::new(), program_id: None, nonce: None, cookie_domain: None, debug: false }
    }

    /// Returns whether the tag renders as nothing: its client has no program id or is disabled, or the server captures the click
    /// itself.
    pub fn is_empty(&self) -> bool {
        self.program_id.is_none()
    }

    /// Sets the URL of the API, from which the tracker is loaded and to which it reports. Default: `https://api.affitor.com`.
    pub fn api_url(mut self, url: impl AsRef<str>) -> Self {
        url.as_ref().trim_end_matches('/').clone_into(&mut self.api_url);
        self
    }

    /// Sets the nonce of the page's Content Security Policy. It must be new for each response.
    pub fn nonce(mut self, nonce: impl Into<String>) -> Self {
        self.nonce = Some(nonce.into());
        self
    }

    /// Sets the domain of the tracker's cookies, such as `shop.example`. Default: the widest one that the browser accepts.
    pub fn cookie_domain(mut self, domain: impl Into<String>) -> Self {
        self.cookie_domain = Some(domain.into());
        self
    }

    /// Sets whether the tracker writes what it does to the browser's console. Default: `false`.
    pub fn debug(mut self, on: bool) -> Self {
        self.debug = on;
        self
    }
}

impl fmt::Display for ScriptTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(program_id) = &self.program_id else { return Ok(()) };
        write!(
            f,
            r#"<script src="{}/js/affitor-tracker.js" data-affitor-program-id="{}""#,
            Escaped(&self.api_url),
            Escaped(program_id)
        )?;
        if let Some(domain) = &self.cookie_domain {
            write!(f, r#" data-affitor-cookie-domain="{}""#, Escaped(domain))?;
        }
        if self.debug {
            f.write_str(r#" data-affitor-debug="true""#)?;
        }
        if let Some(nonce) = &self.nonce {
            write!(f, r#" nonce="{}""#, Escaped(nonce))?;
        }
        f.write_str(" defer></script>")
    }
}

/// The value of an attribute in double quotes.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        while let Some(at) = rest.find(['&', '<', '>', '"', '\'']) {
            f.write_str(&rest[..at])?;
            f.write_str(match rest.as_bytes()[at] {
                b'&' => "&amp;",
                b'<' => "&lt;",
                b'>' => "&gt;",
                b'"' => "&quot;",
                _ => "&#39;",
            })?;
            rest = &rest[at + 1..];
        }
        f.write_str(rest)
    }
}

#[cfg(feature = "maud")]
impl maud::Render for ScriptTag {
    fn render_to(&self, buffer: &mut String) {
        use fmt::Write as _;
        // Writing to a string can't fail.
        let _ = write!(buffer, "{self}");
    }
}

#[cfg(feature = "askama")]
impl askama::filters::HtmlSafe for ScriptTag {}
