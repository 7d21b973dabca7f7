//! Users and sessions, in memory.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Name of the cookie with the session's token.
pub(super) const COOKIE: &str = "session";

/// A user.
#[derive(Clone, Debug)]
pub(super) struct User {
    pub(super) id: String,
    pub(super) email: String,
}

#[derive(Debug, Default)]
struct Session {
    csrf: String,
    user: Option<User>,
}

/// All users and sessions.
#[derive(Debug, Default)]
pub(super) struct Users {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    users: usize,
    sessions: HashMap<String, Session>,
}

impl Users {
    /// Begins a session. Returns its token and the token of its forms.
    pub(super) fn begin(&self) -> (String, String) {
        let (token, csrf) = (random(), random());
        self.state().sessions.insert(token.clone(), Session { csrf: csrf.clone(), user: None });
        (token, csrf)
    }

    /// Whether a form belongs to the session.
    pub(super) fn is_form_of(&self, token: Option<&str>, csrf: &str) -> bool {
        token.is_some_and(|token| self.state().sessions.get(token).is_some_and(|session| session.csrf == csrf))
    }

    pub(super) fn count(&self) -> usize {
        self.state().users
    }

    /// The id of whoever signed up last.
    pub(super) fn last_id(&self) -> String {
        format!("user_{}", self.state().users)
    }

    /// Whether a user has this address.
    pub(super) fn has_address(&self, email: &str) -> bool {
        let state = self.state();
        state.sessions.values().filter_map(|session| session.user.as_ref()).any(|user| user.email == email)
    }

    /// Creates a user with a new session. Returns the user and the session's token.
    pub(super) fn create(&self, email: &str) -> (User, String) {
        let mut state = self.state();
        state.users += 1;
        let user = User { id: format!("user_{}", state.users), email: email.to_owned() };
        let token = random();
        state.sessions.insert(token.clone(), Session { csrf: random(), user: Some(user.clone()) });
        (user, token)
    }

    /// The user of a session.
    pub(super) fn user(&self, token: Option<&str>) -> Option<User> {
        self.state().sessions.get(token?)?.user.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A token that suffices for a test. A real shop needs a generator that is cryptographically secure.
fn random() -> String {
    format!("{:032x}", fastrand::u128(..))
}

/// The cookie of a session.
pub(super) fn cookie(token: &str) -> String {
    format!("{COOKIE}={token}; Path=/; HttpOnly; SameSite=Lax")
}

/// Returns the session's token from the `Cookie` header.
pub(super) fn token(cookies: &str) -> Option<&str> {
    names_and_values(cookies).find_map(|(name, value)| (name == COOKIE).then_some(value))
}

/// Returns the cookies of a `Cookie` header.
pub(super) fn names_and_values(cookies: &str) -> impl Iterator<Item = (&str, &str)> {
    cookies.split(';').filter_map(|cookie| cookie.trim().split_once('='))
}
