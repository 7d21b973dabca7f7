//! Reading the settings from environment variables.

use std::{env, ffi::OsString, path::PathBuf};

use super::ClientBuilder;
use crate::{error::Error, key::KeySource};

const API_KEY: [&str; 2] = ["AFFITOR_API_KEY", "AFFITOR_API_TOKEN"];
const API_KEY_FILE: &str = "AFFITOR_API_KEY_FILE";
const API_URL: [&str; 2] = ["AFFITOR_API_URL", "AFFITOR_API_BASE"];
const PROGRAM_ID: &str = "AFFITOR_PROGRAM_ID";

impl ClientBuilder {
    /// Reads the settings from environment variables.
    ///
    /// | variable | other name | sets |
    /// |---|---|---|
    /// | `AFFITOR_API_KEY` | `AFFITOR_API_TOKEN` | [`api_key`](Self::api_key) |
    /// | `AFFITOR_API_KEY_FILE` | | [`api_key_file`](Self::api_key_file) |
    /// | `AFFITOR_API_URL` | `AFFITOR_API_BASE` | [`api_url`](Self::api_url) |
    /// | `AFFITOR_PROGRAM_ID` | | [`program_id`](Self::program_id) |
    ///
    /// The other names are those of some of the service's pages. Blank variables are ignored, and surrounding white space is
    /// removed. [`build`](Self::build) returns an error if the two names of a setting have different values, if both the
    /// key and its file are set, or if a value is not UTF-8. A setter that is called later overrides the variables of its setting:
    ///
    /// ```
    /// use affitor::ClientBuilder;
    ///
    /// let client = ClientBuilder::from_env().api_key("test_key").api_url("http://127.0.0.1:4010").build()?;
    /// # Ok::<(), affitor::Error>(())
    /// ```
    pub fn from_env() -> Self {
        Self::from_variables(|name| env::var_os(name))
    }

    /// Whether nothing is set, right or wrong.
    pub(in crate::client) fn is_unset(&self) -> bool {
        let has_key = self.api_key.is_some() || !matches!(self.key_source, KeySource::Fixed);
        !has_key && self.api_url.is_none() && self.settings.program_id.is_none()
    }

    fn from_variables(variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let get = |name: &str| variable(name).map_or(Ok(None), |value| text(name, value));
        let mut builder = Self::default();
        let (key, file) = (value(API_KEY, get), variable(API_KEY_FILE).and_then(path));
        match (key, file) {
            (Ok(Some((name, _))), Some(_)) => builder.api_key = Some(Err(both_are_set(name))),
            (Ok(Some((_, key))), None) => builder = builder.api_key(key),
            (Ok(None), Some(path)) => builder = builder.api_key_file(path),
            (Ok(None), None) => {}
            (Err(error), _) => builder.api_key = Some(Err(error)),
        }
        builder.api_url = value(API_URL, get).map(|found| found.map(|(_, url)| url)).transpose();
        // An id that is not UTF-8 is rejected for its replacement character.
        let program_id = variable(PROGRAM_ID).map(|id| id.to_string_lossy().trim().to_owned());
        if let Some(program_id) = program_id.filter(|id| !id.is_empty()) {
            builder = builder.program_id(program_id);
        }
        builder
    }
}

/// The value of a variable without surrounding white space, or `None` if it is blank. One that is not UTF-8 is an error: ignoring it
/// could send the key to another service than the one that was meant.
fn text(name: &str, value: OsString) -> Result<Option<String>, Error> {
    let value = value.into_string().map_err(|_| Error::invalid(format!("{name} is not valid UTF-8")))?;
    Ok(Some(value.trim().to_owned()).filter(|value| !value.is_empty()))
}

/// A path may be other than UTF-8.
fn path(value: OsString) -> Option<PathBuf> {
    let path = value.into_string().map_or_else(PathBuf::from, |text| PathBuf::from(text.trim()));
    Some(path).filter(|path| !path.as_os_str().is_empty())
}

/// The value of a setting with two names, and the name that has it. They may both be set if they agree.
fn value(
    names: [&'static str; 2],
    get: impl Fn(&str) -> Result<Option<String>, Error>,
) -> Result<Option<(&'static str, String)>, Error> {
    let [first, second] = names;
    match (get(first)?, get(second)?) {
        // The values may be secret.
        (Some(one), Some(other)) if one != other => Err(Error::invalid(format!(
            "{first} and {second} have different values, but are two names of one setting: set one of them"
        ))),
        (Some(found), _) => Ok(Some((first, found))),
        (None, other) => Ok(other.map(|found| (second, found))),
    }
}

fn both_are_set(name: &str) -> Error {
    Error::invalid(format!("both {name} and {API_KEY_FILE} are set: use one of them"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Client;

    fn with(variables: &'static [(&'static str, &'static str)]) -> ClientBuilder {
        ClientBuilder::from_variables(move |name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).into())
        })
    }

    #[test]
    fn the_environment() {
        assert!(with(&[]).build().unwrap_err().is_invalid());
        assert!(with(&[]).is_unset() && with(&[("AFFITOR_API_KEY", " ")]).is_unset());
        for set in [("AFFITOR_API_KEY", "aff_1"), ("AFFITOR_API_KEY_FILE", "/key"), ("AFFITOR_API_URL", "x")] {
            assert!(!ClientBuilder::from_variables(|name| (name == set.0).then(|| set.1.into())).is_unset(), "{set:?}");
        }
        assert!(!with(&[("AFFITOR_PROGRAM_ID", "42")]).is_unset());
        assert!(with(&[("AFFITOR_API_KEY", " ")]).build().unwrap_err().is_invalid());
        assert!(with(&[("AFFITOR_API_KEY", "affk_1")]).build().unwrap_err().is_invalid());
        assert!(with(&[("AFFITOR_API_TOKEN", "aff_1")]).build().is_ok());
        let both = with(&[("AFFITOR_API_TOKEN", "aff_1"), ("AFFITOR_API_KEY_FILE", "/key")]).build().unwrap_err();
        assert!(both.to_string().contains("both AFFITOR_API_TOKEN and AFFITOR_API_KEY_FILE"), "{both}");
        let missing = with(&[("AFFITOR_API_KEY_FILE", "/does/not/exist")]).build().unwrap_err();
        assert!(missing.is_invalid() && missing.to_string().contains("can't be read"), "{missing}");
        for id in ["abc", "4 2", "-1"] {
            let error = Client::builder().api_key("aff_1").program_id(id).build().unwrap_err();
            assert!(error.is_invalid() && error.to_string().contains("AFFITOR_PROGRAM_ID"), "{id}: {error}");
        }
        let all = with(&[
            ("AFFITOR_API_KEY", "aff_secret\n"),
            ("AFFITOR_API_URL", "http://127.0.0.1:4010\n"),
            ("AFFITOR_PROGRAM_ID", "42"),
        ]);
        assert!(!format!("{all:?}").contains("aff_secret"));
        let client = all.build().unwrap();
        assert_eq!(client.program_id(), Some("42"));
        assert!(!format!("{client:?}").contains("aff_secret"));
    }

    #[cfg(unix)]
    #[test]
    fn values_that_are_not_utf_8_are_not_ignored() {
        use std::os::unix::ffi::OsStringExt as _;

        for wrong in
            ["AFFITOR_API_KEY", "AFFITOR_API_TOKEN", "AFFITOR_API_URL", "AFFITOR_API_BASE", "AFFITOR_PROGRAM_ID"]
        {
            let builder = ClientBuilder::from_variables(|name| match name {
                name if name == wrong => Some(OsString::from_vec(b"aff_secret\xff".to_vec())),
                "AFFITOR_API_KEY" => Some("aff_1".into()),
                _ => None,
            });
            let error = builder.build().unwrap_err();
            let message = error.to_string();
            assert!(error.is_invalid() && message.contains(wrong) && !message.contains("secret"), "{wrong}: {message}");
        }
        assert_eq!(path(OsString::from_vec(b"/\xff".to_vec())).unwrap().as_os_str().len(), 2);
    }

    #[test]
    fn two_names_of_a_setting() {
        let key = ("AFFITOR_API_KEY", "aff_secret");
        for (variables, url) in [
            (vec![("AFFITOR_API_BASE", " https://one.example\n")], Some("https://one.example")),
            (vec![("AFFITOR_API_URL", " "), ("AFFITOR_API_BASE", "https://one.example")], Some("https://one.example")),
            (
                vec![("AFFITOR_API_URL", "https://one.example"), ("AFFITOR_API_BASE", "https://one.example ")],
                Some("https://one.example"),
            ),
            (vec![("AFFITOR_API_URL", "https://one.example"), ("AFFITOR_API_BASE", "https://two.example")], None),
        ] {
            let found = value(API_URL, |name| {
                let found = variables.iter().find(|(known, _)| *known == name);
                found.map_or(Ok(None), |(name, value)| text(name, (*value).into()))
            });
            assert_eq!(found.as_ref().ok().map(|found| found.as_ref().map(|(_, url)| url.as_str())), url.map(Some));
        }
        let urls = with(&[
            ("AFFITOR_API_KEY", "aff_secret"),
            ("AFFITOR_API_URL", "https://one.example"),
            ("AFFITOR_API_BASE", "https://two.example"),
        ]);
        let error = urls.build().unwrap_err();
        let message = error.to_string();
        assert!(error.is_invalid() && message.contains("AFFITOR_API_URL and AFFITOR_API_BASE"), "{message}");
        assert!(!message.contains("example"), "{message}");
        let keys = [key, ("AFFITOR_API_TOKEN", "aff_other")];
        let keys =
            || ClientBuilder::from_variables(|name| keys.iter().find(|(k, _)| *k == name).map(|(_, v)| (*v).into()));
        let message = keys().build().unwrap_err().to_string();
        assert!(message.contains("AFFITOR_API_KEY and AFFITOR_API_TOKEN") && !message.contains("aff_"), "{message}");
        assert!(!format!("{:?}", keys()).contains("aff_"), "{:?}", keys());
        assert!(keys().api_key("aff_1").build().is_ok(), "a setter overrides the variables");
    }
}
