//! Calls of the Management API.

use reqwest::{RequestBuilder, Url};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    account::{
        api::{Api, ApiError, SecretText},
        keys,
    },
    exit::Exit,
    failure::Failure,
    settings::Settings,
};

/// The Management API for one program.
pub(super) struct Management<'s> {
    api: Api<'s>,
    key: SecretString,
    program_id: String,
}

/// A program's new key.
pub(super) struct NewToken {
    pub(super) key: SecretString,
    /// Its beginning and its end, for people.
    pub(super) masked: String,
}

#[derive(Deserialize)]
struct Response {
    api_token: SecretText,
}

impl<'s> Management<'s> {
    /// # Errors
    ///
    /// Returns a failure if the URL is unusable, or the program's id is missing.
    pub(super) fn new(settings: &'s Settings, key: SecretString) -> Result<Self, Failure> {
        let api = Api::with_management_key(settings)?;
        let id = settings.program_id.as_ref().map(|id| id.value().to_owned()).unwrap_or_default();
        if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            let message = if id.is_empty() { "no program id" } else { "the program id is invalid" };
            return Err(Failure::usage(message, "set AFFITOR_PROGRAM_ID, or use --program-id"));
        }
        Ok(Self { api, key, program_id: id })
    }

    pub(super) fn program_id(&self) -> &str {
        &self.program_id
    }

    pub(super) fn service(&self) -> &Url {
        &self.api.base
    }

    /// Checks that the key may see the program, which also says whether it is right at all.
    pub(super) async fn require_program(&self) -> Result<(), Failure> {
        let _: Value = self.send(self.api.http.get(self.url(""))).await?;
        Ok(())
    }

    /// Replaces the program's key. The old one is invalid from then on.
    pub(super) async fn regenerate(&self) -> Result<NewToken, ApiError> {
        let request = self.api.http.post(self.url("/regenerate-api-token"));
        let Response { api_token: SecretText(key) } = self.send(request).await?;
        let text = key.expose_secret();
        if !keys::is_key(text) {
            let message =
                "the service made a key that can't be written: it has other characters than letters, digits and `_.-`";
            let failure = Failure::new(Exit::Failed, message, "make a key in the dashboard");
            return Err(ApiError { failure, is_transient: false });
        }
        let masked = masked(text);
        Ok(NewToken { key, masked })
    }

    fn url(&self, rest: &str) -> Url {
        self.api.url_of(&format!("api/advertiser/affiliate-programs/{}{rest}", self.program_id))
    }

    async fn send<T: serde::de::DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, ApiError> {
        let key = self.key.expose_secret();
        self.api.send(request.bearer_auth(key)).await.map_err(|error| error.without(key))
    }
}

/// What is shown of a key: not what the service says, which could be the key itself.
fn masked(key: &str) -> String {
    let shown = key.find('_').map_or(0, |end| end + 1) + 8;
    match key.len() >= 32 && shown < 20 {
        true => format!("{}****{}", &key[..shown], &key[key.len() - 4..]),
        false => "****".to_owned(),
    }
}
