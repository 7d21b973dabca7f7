//! What `.affitor/config.json` and `.affitor/.env` of the project say: program, key, and the service that they are for.

use reqwest::Url;
use secrecy::SecretString;

use super::{env_file::variable, files};
use crate::{
    account::{api::Api, keys::is_key},
    failure::Failure,
    sanitize::printable,
    settings::DEFAULT_URL,
};

/// What the project's own files say.
#[derive(Debug, Default)]
pub(crate) struct Known {
    pub(crate) program_id: Option<String>,
    pub(crate) key: Option<SecretString>,
    /// Whether the files say that the key is for this service, so that it may be sent there.
    pub(crate) names_service: bool,
}

impl Known {
    /// Reads the texts of `.affitor/config.json` and `.affitor/.env`. With `force`, what can't be used is ignored.
    ///
    /// # Errors
    ///
    /// Returns a failure if one of them belongs to another service, because neither the session nor the key may be sent there; if
    /// the program id or the key is malformed.
    pub(crate) fn read(
        config: Option<&str>,
        secrets: Option<&str>,
        api: &Api<'_>,
        force: bool,
    ) -> Result<Self, Failure> {
        let secrets = secrets.unwrap_or_default();
        match Self::try_read(config, secrets, api) {
            Err(_) if force => Ok(Self::default()),
            known => known,
        }
    }

    fn try_read(config: Option<&str>, secrets: &str, api: &Api<'_>) -> Result<Self, Failure> {
        let config = config.and_then(files::read_config);
        let urls = [
            (files::CONFIG, config.as_ref().and_then(|(_, url)| url.as_deref())),
            (files::SECRETS, service_of(secrets)),
        ];
        for (file, url) in urls {
            if let Some(url) = url.filter(|url| !is_same_service(url, &api.base)) {
                let url = printable(url).chars().take(200).collect::<String>();
                return Err(Failure::usage(
                    format!("{file} is for the service {url:?}, but this command uses {}", api.service()),
                    "if you trust that file, name its service with --api-url; --force replaces it",
                ));
            }
        }
        let names_service = urls.iter().any(|(_, url)| url.is_some()) || api.service() == DEFAULT_URL;
        let Some((id, _)) = config else { return Ok(Self::default()) };
        if !is_program_id(&id) {
            let message = format!("the program id in {} is malformed", files::CONFIG);
            return Err(Failure::usage(message, "correct the file; --force replaces it"));
        }
        let key = Some(secrets)
            .filter(|secrets| variable(secrets, files::PROGRAM_ID) == Some(&*id))
            .and_then(|secrets| variable(secrets, files::API_KEY));
        if key.is_some_and(|key| !is_key(key)) {
            let message = format!("the key in {} has characters that no key has", files::SECRETS);
            return Err(Failure::usage(
                message,
                "copy the key again; it consists of letters, digits, `_`, `.` and `-`",
            ));
        }
        Ok(Self { key: key.map(SecretString::from), program_id: Some(id), names_service })
    }
}

/// The service that an env file names.
pub(crate) fn service_of(secrets: &str) -> Option<&str> {
    variable(secrets, files::API_URL).or_else(|| variable(secrets, files::API_BASE))
}

pub(crate) fn is_same_service(url: &str, base: &Url) -> bool {
    base_url(url).is_some_and(|url| url == *base)
}

/// The URL with a trailing slash.
pub(crate) fn base_url(url: &str) -> Option<Url> {
    Url::parse(&format!("{}/", url.trim().trim_end_matches('/'))).ok()
}

/// Whether an id can be written into files and URLs.
pub(crate) fn is_program_id(id: &str) -> bool {
    (1..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}
