//! Logins of people, and the sessions that result from them.

use std::collections::VecDeque;

use crate::{clock::DAY_MS, secret::SecretHash};

/// How long a login can be confirmed.
pub(crate) const LOGIN_MS: i64 = 10 * 60 * 1000;

/// How long a session token is valid.
const SESSION_MS: i64 = 90 * DAY_MS;

/// Maximum numbers of logins and sessions. Anyone can start a login, so the oldest are dropped first.
const LOGIN_LIMIT: usize = 1_000;
const SESSION_LIMIT: usize = 1_000;

/// Id of the only advertiser of a sandbox.
pub(crate) const ADVERTISER_ID: u64 = 1;

#[derive(Debug, Default)]
pub(crate) struct Accounts {
    logins: VecDeque<Login>,
    sessions: VecDeque<Session>,
}

/// A login that the command line started and that a person confirms in the browser.
#[derive(Debug)]
struct Login {
    state: String,
    started_ms: i64,
    progress: Progress,
}

#[derive(Debug)]
enum Progress {
    Pending,
    Confirmed { email: String },
    Consumed,
}

#[derive(Debug)]
struct Session {
    token: SecretHash,
    started_ms: i64,
}

/// Status of a login, as the command line polls it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LoginStatus {
    Pending,
    Confirmed { email: String },
    Expired,
    Consumed,
}

impl Accounts {
    pub(crate) fn start_login(&mut self, state: String, started_ms: i64) {
        self.logins.retain(|login| started_ms.saturating_sub(login.started_ms) <= LOGIN_MS);
        self.logins.push_back(Login { state, started_ms, progress: Progress::Pending });
        if self.logins.len() > LOGIN_LIMIT {
            let consumed = self.logins.iter().position(|login| matches!(login.progress, Progress::Consumed));
            self.logins.remove(consumed.unwrap_or_default());
        }
    }

    /// Returns the status of a login. An unknown one has expired.
    pub(crate) fn login_status(&self, state: &str, now_ms: i64) -> LoginStatus {
        let Some(login) = self.logins.iter().find(|login| login.state == state) else { return LoginStatus::Expired };
        match &login.progress {
            Progress::Consumed => LoginStatus::Consumed,
            _ if now_ms.saturating_sub(login.started_ms) > LOGIN_MS => LoginStatus::Expired,
            Progress::Pending => LoginStatus::Pending,
            Progress::Confirmed { email } => LoginStatus::Confirmed { email: email.clone() },
        }
    }

    pub(crate) fn confirm_login(&mut self, state: &str, email: String) {
        if let Some(login) = self.login_mut(state)
            && matches!(login.progress, Progress::Pending)
        {
            login.progress = Progress::Confirmed { email };
        }
    }

    /// Ends a login with a session.
    pub(crate) fn start_session(&mut self, state: &str, token: SecretHash, started_ms: i64) {
        if let Some(login) = self.login_mut(state) {
            login.progress = Progress::Consumed;
        }
        self.sessions.push_back(Session { token, started_ms });
        if self.sessions.len() > SESSION_LIMIT {
            self.sessions.pop_front();
        }
    }

    pub(crate) fn has_session(&self, token: SecretHash, now_ms: i64) -> bool {
        let valid = |session: &Session| now_ms.saturating_sub(session.started_ms) < SESSION_MS;
        self.sessions.iter().any(|session| session.token == token && valid(session))
    }

    fn login_mut(&mut self, state: &str) -> Option<&mut Login> {
        self.logins.iter_mut().find(|login| login.state == state)
    }
}
