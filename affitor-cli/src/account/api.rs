//! Calls to the service on behalf of a person: login, programs, and the creation of a program.

use std::{fmt, time::Duration};

use reqwest::{RequestBuilder, StatusCode, Url};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Deserializer, Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::session::Session;
use crate::{
    check::{Check, CheckStatus},
    diagnosis::diagnose,
    exit::Exit,
    failure::Failure,
    http,
    sanitize::printable,
    settings::Settings,
};

const TIMEOUT: Duration = Duration::from_secs(30);
const BODY_LIMIT: usize = 1024 * 1024;
/// Maximum length of a message of the service that is shown.
const MESSAGE_LIMIT: usize = 300;

/// The service, as a person's command line calls it.
pub(crate) struct Api<'s> {
    pub(crate) http: reqwest::Client,
    caller: Caller,
    /// With a trailing slash.
    pub(crate) base: Url,
    pub(crate) settings: &'s Settings,
}

/// Whose credentials the service may refuse.
#[derive(Clone, Copy)]
enum Caller {
    Person,
    ManagementKey,
}

/// Why a call failed, and whether the same call may succeed soon.
pub(crate) struct ApiError {
    pub(crate) failure: Failure,
    pub(crate) is_transient: bool,
}

impl ApiError {
    /// Hides the token, in case the service repeats it in its message.
    pub(crate) fn without(mut self, token: &str) -> Self {
        self.failure.message = self.failure.message.replace(token, "(not shown)");
        self
    }
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        error.failure
    }
}

#[derive(Deserialize)]
pub(crate) struct StartedLogin {
    pub(crate) state: String,
    pub(crate) auth_url: String,
}

#[derive(Deserialize)]
pub(crate) struct PolledLogin {
    pub(crate) status: String,
    pub(crate) token: Option<SecretText>,
    pub(crate) email: Option<String>,
    pub(crate) advertiser_id: Option<Value>,
}

/// A program, as the service lists it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Program {
    #[serde(deserialize_with = "text_or_number")]
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) name: Option<String>,
    #[serde(default)]
    pub(crate) domain: Option<String>,
    #[serde(default)]
    pub(crate) status: Option<String>,
    #[serde(default)]
    pub(crate) commission: Option<Value>,
    #[serde(default)]
    pub(crate) partners: Option<Value>,
    #[serde(default)]
    pub(crate) created_at: Option<String>,
}

/// The programs of a person.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Programs {
    pub(crate) list: Vec<Program>,
    /// Number of entries that are not programs.
    pub(crate) unreadable: usize,
}

/// What a new program is created with.
#[derive(Debug, Serialize)]
pub(crate) struct NewProgram {
    pub(crate) name: String,
    pub(crate) domain: String,
    pub(crate) commission_type: &'static str,
    pub(crate) commission_rate: f64,
    pub(crate) cookie_duration: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) duration_months: Option<u32>,
}

#[derive(Deserialize)]
pub(crate) struct CreatedProgram {
    #[serde(deserialize_with = "text_or_number")]
    pub(crate) program_id: String,
    pub(crate) api_key: SecretText,
    #[serde(default)]
    pub(crate) domain: Option<String>,
}

/// A secret in a response.
#[derive(Deserialize)]
#[serde(from = "String")]
pub(crate) struct SecretText(pub(crate) SecretString);

impl From<String> for SecretText {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText(…)")
    }
}

impl<'s> Api<'s> {
    /// # Errors
    ///
    /// Returns a failure if the URL is unusable.
    pub(crate) fn new(settings: &'s Settings) -> Result<Self, Failure> {
        Self::of(Caller::Person, settings)
    }

    /// # Errors
    ///
    /// Returns a failure if the URL is unusable.
    pub(crate) fn with_management_key(settings: &'s Settings) -> Result<Self, Failure> {
        Self::of(Caller::ManagementKey, settings)
    }

    fn of(caller: Caller, settings: &'s Settings) -> Result<Self, Failure> {
        let (check, base) = settings.check_url();
        let Check { status, message, hint, .. } = check;
        let Some(base) = base.filter(|_| status != CheckStatus::Failed) else {
            return Err(Failure::usage(message, hint.unwrap_or_default()));
        };
        let http = http::client(&base)
            .timeout(TIMEOUT)
            .build()
            .map_err(|error| Failure::usage(error.to_string(), "check this machine's TLS setup"))?;
        Ok(Self { http, caller, base, settings })
    }

    /// The URL for people: without the trailing slash.
    pub(crate) fn service(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    pub(crate) async fn start_login(&self) -> Result<StartedLogin, ApiError> {
        self.send(self.http.post(self.url("auth/start"))).await
    }

    /// `state` comes from [`start_login`](Self::start_login). The service's own `poll_url` is ignored, because it could name
    /// another server.
    pub(crate) async fn poll_login(&self, state: &str) -> Result<PolledLogin, ApiError> {
        let mut url = self.url("auth/poll");
        url.query_pairs_mut().append_pair("state", state);
        self.send(self.http.get(url)).await
    }

    pub(crate) async fn programs(&self, session: &Session) -> Result<Programs, ApiError> {
        let request = self.authorized(self.http.get(self.url("programs")), session)?;
        let entries: Vec<Value> =
            self.send(request).await.map_err(|error| error.without(session.token.expose_secret()))?;
        let number = entries.len();
        // One that can't be read must not hide the others.
        let list: Vec<Program> = entries.into_iter().filter_map(|entry| serde_json::from_value(entry).ok()).collect();
        Ok(Programs { unreadable: number - list.len(), list })
    }

    pub(crate) async fn create_program(
        &self,
        session: &Session,
        program: &NewProgram,
    ) -> Result<CreatedProgram, ApiError> {
        let mut body = serde_json::to_value(program)
            .map_err(|error| permanent(Failure::usage(error.to_string(), "check the description of the program")))?;
        if let Some(id) = &session.advertiser_id {
            body["advertiser_id"] = id.clone();
        }
        let request = self.http.post(self.url("init")).header("content-type", "application/json");
        let request = self.authorized(request.body(body.to_string()), session)?;
        self.send(request).await.map_err(|error| error.without(session.token.expose_secret()))
    }

    fn url(&self, path: &str) -> Url {
        self.url_of(&format!("api/v1/cli/{path}"))
    }

    /// The URL of a path below that of the service.
    pub(crate) fn url_of(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{path}", self.base.path()));
        url
    }

    /// Adds the token, but only for the service that issued it.
    fn authorized(&self, request: RequestBuilder, session: &Session) -> Result<RequestBuilder, ApiError> {
        if session.origin != self.base.as_str() {
            let message = format!("the session belongs to {}, not to {}", session.service(), self.service());
            return Err(permanent(Failure::usage(message, "run `affitor login` for this service")));
        }
        Ok(request.bearer_auth(session.token.expose_secret()))
    }

    /// Sends a request, and reads the `data` of the response, or all of it.
    pub(crate) async fn send<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, ApiError> {
        let source = self.settings.url.source;
        let no_response = |error: &reqwest::Error| {
            let found = diagnose(error, &self.base, source);
            ApiError { failure: Failure::new(Exit::Unreachable, found.message, found.hint), is_transient: true }
        };
        let response = request.send().await.map_err(|error| no_response(&error))?;
        let (status, retry_after) = (response.status(), http::retry_after(response.headers()));
        // What is beyond the limit is no response of the service.
        let body =
            http::read_body(response, BODY_LIMIT).await.map_err(|error| no_response(&error))?.unwrap_or_default();
        if !status.is_success() {
            return Err(self.rejected(status, retry_after, &body));
        }
        let json: Option<Value> = serde_json::from_slice(&body).ok();
        let value = json.map(|mut json| match json.get_mut("data") {
            Some(data) if !data.is_null() => data.take(),
            _ => json,
        });
        value.and_then(|value| serde_json::from_value(value).ok()).ok_or_else(|| permanent(self.foreign(status)))
    }

    fn rejected(&self, status: StatusCode, retry_after: Option<Duration>, body: &[u8]) -> ApiError {
        let message = message(body);
        let text = message.clone().unwrap_or_else(|| "no reason given".to_owned());
        match status.as_u16() {
            401 | 403 => {
                let (what, hint) = match self.caller {
                    Caller::Person => ("login", "run `affitor login`"),
                    Caller::ManagementKey => (
                        "management key",
                        "it needs the scopes `program:read` and `program:regenerate-token` for this program, and must be valid",
                    ),
                };
                let message = format!("the service does not accept the {what} (status {}): {text}", status.as_u16());
                permanent(Failure::new(Exit::KeyRejected, message, hint))
            }
            404 if matches!(self.caller, Caller::ManagementKey) && message.is_some() => permanent(Failure::usage(
                format!("the service has no such program: {text}"),
                "check AFFITOR_PROGRAM_ID",
            )),
            429 => {
                let hint = retry_after.is_none().then(|| "retry later".to_owned());
                let failure = Failure { exit: Exit::RetryLater, message: text, hint, retry_after };
                ApiError { failure, is_transient: true }
            }
            500.. => {
                let message = format!("the service failed (status {}): {text}", status.as_u16());
                let hint = retry_after.is_none().then(|| "retry later".to_owned());
                let failure = Failure { exit: Exit::Unreachable, message, hint, retry_after };
                ApiError { failure, is_transient: true }
            }
            400 | 409 | 422 if message.is_some() => permanent(Failure {
                exit: Exit::Failed,
                message: format!("the service rejected this: {text}"),
                hint: None,
                retry_after: None,
            }),
            _ => permanent(self.foreign(status)),
        }
    }

    fn foreign(&self, status: StatusCode) -> Failure {
        Failure::new(
            Exit::Unreachable,
            format!("the response is not from an Affitor service (status {})", status.as_u16()),
            format!(
                "check {} ({}): it may be another server, a proxy or a wrong path",
                self.settings.url.source,
                self.service()
            ),
        )
    }
}

fn permanent(failure: Failure) -> ApiError {
    ApiError { failure, is_transient: false }
}

/// The message of an error, in any of the service's shapes, safe to print.
fn message(body: &[u8]) -> Option<String> {
    let json: Value = serde_json::from_slice(body).ok()?;
    let error = &json["error"];
    let text = [&error["message"], &json["message"], error].into_iter().find_map(Value::as_str)?;
    Some(printable(text).chars().take(MESSAGE_LIMIT).collect())
}

fn text_or_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Id {
        Text(String),
        Number(u64),
    }
    Ok(match Id::deserialize(deserializer)? {
        Id::Text(text) => text,
        Id::Number(number) => number.to_string(),
    })
}
