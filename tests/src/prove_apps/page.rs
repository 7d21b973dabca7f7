//! The shop's responses, in no framework's types.

use affitor::ScriptTag;
use serde_json::json;

use super::users::User;

/// A response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) status: u16,
    pub(super) location: Option<String>,
    /// Values of `Set-Cookie`.
    pub(super) cookies: Vec<String>,
    /// Further headers.
    pub(super) headers: Vec<(&'static str, &'static str)>,
    pub(super) html: String,
}

impl Page {
    fn html(title: &str, body: &str) -> Self {
        let html = format!("<!doctype html>\n<html lang=\"en\">\n<title>{title}</title>\n{body}\n</html>\n");
        Self { status: 200, html, ..Self::default() }
    }

    /// A refusal, or an error.
    pub(super) fn refused(status: u16, message: &str) -> Self {
        Self { status, ..Self::html("Sorry", &format!("<p>{message}</p>")) }
    }

    /// A redirect with status 303.
    pub(super) fn see_other(location: impl Into<String>) -> Self {
        Self { status: 303, location: Some(location.into()), ..Self::default() }
    }

    /// A redirect with status 308, which keeps method and body.
    fn moved(location: String) -> Self {
        Self { status: 308, location: Some(location), ..Self::default() }
    }

    pub(super) fn with_header(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Lets the browser report the lead of a user.
    pub(super) fn with_scripted_lead(mut self, tag: &ScriptTag, user: &User) -> Self {
        let call = json!(["signup", user.id, user.email]);
        self.html += &format!("<script>(window.affitorQueue ||= []).push({call})</script>\n{tag}\n");
        self
    }

    /// Sends the browser on, by the page itself.
    pub(super) fn refreshed(to: &str) -> Self {
        Self::html("The shop", &format!("<meta http-equiv=\"refresh\" content=\"0; url={to}\">"))
    }

    pub(super) fn with_cookie(mut self, cookie: String) -> Self {
        self.cookies.push(cookie);
        self
    }

    /// The landing page.
    pub(super) fn landing(tag: &ScriptTag) -> Self {
        Self::html("The shop", &format!("{tag}\n<h1>The shop</h1>\n<p><a href=\"/signup\">Sign up</a></p>"))
    }

    /// The form of the sign-up.
    pub(super) fn sign_up_form(csrf: &str) -> Self {
        let body = format!(
            "<form method=\"post\" action=\"/signup\">\n\
             <input type=\"hidden\" name=\"csrf\" value=\"{csrf}\">\n\
             <label>Name <input name=\"name\" required></label>\n\
             <label>E-mail <input name=\"email\" type=\"email\" required></label>\n\
             <button>Sign up</button>\n</form>"
        );
        Self::html("Sign up", &body)
    }

    /// The page with the log-in.
    pub(super) fn log_in() -> Self {
        Self::html(
            "Log in",
            "<form method=\"post\" action=\"/login\"><input name=\"email\"><button>Log in</button></form>",
        )
    }

    /// The page of a user.
    pub(super) fn account(user_id: &str) -> Self {
        let body = format!(
            "<p>Welcome, {user_id}.</p>\n\
             <form method=\"post\" action=\"/checkout\"><button>Buy once</button></form>\n\
             <form method=\"post\" action=\"/checkout?plan=pro\"><button>Subscribe</button></form>"
        );
        Self::html("Your account", &body)
    }
}

/// A `Cookie` header without the click id.
pub(super) fn without_click_id(cookies: &str) -> String {
    let kept =
        cookies.split("; ").filter(|cookie| !cookie.starts_with("affitor_") && !cookie.starts_with("customer_code="));
    kept.collect::<Vec<_>>().join("; ")
}

/// Redirects the landing page to another name of this machine, as some do in development.
pub(super) fn to_localhost(host: &str, target: &str) -> Option<Page> {
    let port = host.strip_prefix("127.0.0.1:")?;
    Some(Page::moved(format!("http://localhost:{port}{target}")))
}

/// Redirects from the landing page's host to the host of the rest of the shop, as from `www.shop.example` to `app.shop.example`.
pub(super) fn to_app_host(host: &str, target: &str) -> Option<Page> {
    let port = host.strip_prefix("127.0.0.1:")?;
    let path = target.split('?').next().unwrap_or_default();
    let stays = path == "/" || path.starts_with("/webhooks/");
    (!stays).then(|| Page::moved(format!("http://localhost:{port}{target}")))
}
