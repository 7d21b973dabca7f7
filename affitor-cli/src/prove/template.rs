//! Values of an app's own variables, in which names stand for the sandbox's settings.

use serde::Deserialize;

/// The names. The first three are settings of the client, under the app's own variables.
pub(crate) const NAMES: [&str; 7] =
    ["api_url", "api_key", "program_id", "port", "webhook_secret", "stripe_api_url", "oidc_issuer"];

/// A text with names in braces, such as `127.0.0.1:{port}`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub(crate) struct Template(String);

impl Template {
    /// Returns whether a name is in the text.
    pub(crate) fn contains(&self, name: &str) -> bool {
        self.0.contains(&format!("{{{name}}}"))
    }

    /// Returns whether the text is just this name.
    pub(crate) fn is(&self, name: &str) -> bool {
        self.0.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) == Some(name)
    }

    /// Refuses names that are none. Other braces stay as they are.
    pub(crate) fn check(&self) -> Result<(), String> {
        let mut rest = &*self.0;
        while let Some((_, after)) = rest.split_once('{') {
            let name = after.split_once('}').map_or("", |(name, _)| name);
            let looks_like_a_name =
                !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
            if looks_like_a_name && !NAMES.contains(&name) {
                return Err(format!("contains {{{name}}}; the names are {{{}}}", NAMES.join("}, {")));
            }
            rest = after;
        }
        Ok(())
    }

    /// Fills in the values of names. A value is not searched again.
    ///
    /// # Errors
    ///
    /// Returns a name that has no value.
    pub(crate) fn fill(&self, value: impl Fn(&str) -> Option<String>) -> Result<String, &'static str> {
        let mut filled = String::new();
        let mut rest = &*self.0;
        'text: while let Some((before, after)) = rest.split_once('{') {
            filled += before;
            for name in NAMES {
                if let Some(after) = after.strip_prefix(name).and_then(|after| after.strip_prefix('}')) {
                    filled += &value(name).ok_or(name)?;
                    rest = after;
                    continue 'text;
                }
            }
            filled.push('{');
            rest = after;
        }
        Ok(filled + rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_filled_in() {
        let value = |name: &str| match name {
            "port" => Some("3000".to_owned()),
            // A value is not a template.
            "api_key" => Some("{port}".to_owned()),
            _ => None,
        };
        for (text, expected) in [
            ("127.0.0.1:{port}", Ok("127.0.0.1:3000")),
            ("{api_key}", Ok("{port}")),
            ("{port}{port}{", Ok("30003000{")),
            (r#"{"port":{port}}"#, Ok(r#"{"port":3000}"#)),
            ("plain", Ok("plain")),
            ("{webhook_secret}", Err("webhook_secret")),
        ] {
            let template = Template(text.to_owned());
            assert_eq!(template.check(), Ok(()), "{text}");
            assert_eq!(template.fill(value).as_deref(), expected.as_ref().copied(), "{text}");
        }
        assert!(Template("{key}".to_owned()).check().unwrap_err().contains("{api_key}"));
        assert!(Template("{api_key}".to_owned()).is("api_key") && !Template("x{api_key}".to_owned()).is("api_key"));
    }
}
