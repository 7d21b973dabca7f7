//! JSON with places for values.

use serde_json::Value;

/// The values of a template, by name.
pub(super) struct Values(Vec<(&'static str, Value)>);

impl<const N: usize> From<[(&'static str, Value); N]> for Values {
    fn from(values: [(&'static str, Value); N]) -> Self {
        Self(values.into())
    }
}

impl Values {
    /// Sets a value for the templates that follow.
    pub(super) fn set(&mut self, name: &'static str, value: impl Into<Value>) {
        self.0.retain(|(known, _)| *known != name);
        self.0.push((name, value.into()));
    }

    /// Parses a template, and replaces `"{name}"` with a value, and `{name}` within a longer text with the text of a value.
    #[allow(clippy::expect_used, reason = "the templates are a part of this crate, and tests parse all of them")]
    pub(super) fn fill(&self, template: &str) -> Value {
        let mut json = serde_json::from_str(template).expect("a valid template");
        self.replace(&mut json);
        json
    }

    fn replace(&self, json: &mut Value) {
        match json {
            Value::String(text) if text.contains('{') => {
                for (name, value) in &self.0 {
                    let place = format!("{{{name}}}");
                    if *text == place {
                        *json = value.clone();
                        return;
                    }
                    if text.contains(&place) {
                        *text = text.replace(&place, &value.as_str().map_or_else(|| value.to_string(), str::to_owned));
                    }
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.replace(item)),
            Value::Object(members) => members.values_mut().for_each(|member| self.replace(member)),
            _ => {}
        }
    }
}
