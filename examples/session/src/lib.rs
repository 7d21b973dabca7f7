//! Sessions of the example apps: a signed cookie with the user's id, so the browser can't choose whose it is. A shop has sessions of
//! its own.

#[cfg(feature = "actix")]
mod actix;
#[cfg(feature = "axum")]
mod axum;

use std::env;

use cookie::{Cookie, CookieJar, Key, SameSite};

const NAME: &str = "session";

/// Starts sessions, and reads them.
#[derive(Clone)]
#[allow(missing_debug_implementations, reason = "it contains a secret")]
pub struct Sessions(Key);

/// The user who is signed in. As an extractor, it rejects everybody else with status 401.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User(
    /// The user's id.
    pub String,
);

impl Sessions {
    /// Reads the key from `SESSION_KEY`: at least 64 characters, the same in each process. Without it, sessions end with the process.
    ///
    /// # Errors
    ///
    /// Returns an error if the key is too short.
    pub fn from_env() -> Result<Self, String> {
        match env::var("SESSION_KEY") {
            Ok(key) => {
                Key::try_from(key.as_bytes()).map(Self).map_err(|_| "SESSION_KEY needs 64 characters".to_owned())
            }
            Err(_) => {
                tracing::info!("SESSION_KEY is not set, so sessions end with this process");
                Ok(Self::generate())
            }
        }
    }

    /// Makes a key of its own.
    pub fn generate() -> Self {
        Self(Key::generate())
    }

    /// Starts a session. Returns the value of the header `Set-Cookie`.
    pub fn start(&self, user_id: &str) -> String {
        let mut jar = CookieJar::new();
        jar.signed_mut(&self.0).add(Cookie::new(NAME, user_id.to_owned()));
        let mut cookie = jar.get(NAME).cloned().unwrap_or_else(|| Cookie::new(NAME, ""));
        cookie.set_path("/");
        cookie.set_http_only(true);
        // Other sites can't post a form in the user's name.
        cookie.set_same_site(SameSite::Lax);
        cookie.to_string()
    }

    /// Returns the user of a header `Cookie`. `None` if there is no session, or if somebody else has written it.
    pub fn user(&self, cookies: &str) -> Option<User> {
        let mut jar = CookieJar::new();
        for cookie in Cookie::split_parse(cookies.to_owned()).filter_map(Result::ok) {
            jar.add_original(cookie.into_owned());
        }
        jar.signed(&self.0).get(NAME).map(|cookie| User(cookie.value().to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_browser_cannot_choose_the_user() {
        let sessions = Sessions::generate();
        let header = sessions.start("user_7");
        let cookie = header.split(';').next().unwrap();
        assert_eq!(sessions.user(&format!("a=b; {cookie}; c=d")), Some(User("user_7".to_owned())));
        for forged in ["session=user_7".to_owned(), cookie.replace("user_7", "user_8"), String::new()] {
            assert_eq!(sessions.user(&forged), None, "{forged}");
        }
        assert_eq!(Sessions::generate().user(cookie), None, "another app's");
    }
}
