//! Reading the fields of a request. `null` is as if absent; another type is refused by name.

use serde_json::{Map, Value};

use super::Reply;

/// How many characters of an id the log of requests keeps.
const ID_KEPT: usize = 256;

/// How deep a body may be nested: the journal puts a little around it, and must be able to read it again.
const DEEPEST: usize = 100;

/// The JSON object of a request.
#[derive(Debug, Default)]
pub(crate) struct Fields(Map<String, Value>);

impl Fields {
    /// The object in a body. An empty body is an empty object.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, Reply> {
        if body.trim_ascii().is_empty() {
            return Ok(Self::default());
        }
        match serde_json::from_slice(body) {
            Ok(Value::Object(fields)) if fields.values().any(|value| deeper_than(value, DEEPEST)) => {
                Err(Reply::error(400, format!("The body is nested more than {DEEPEST} deep")))
            }
            Ok(Value::Object(fields)) => Ok(Self(fields)),
            Ok(_) => Err(Reply::error(400, "The body must be a JSON object")),
            Err(_) => Err(Reply::error(400, "The body is not valid JSON")),
        }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// A text; an empty one is as if absent.
    pub(crate) fn text(&self, name: &str) -> Result<Option<String>, Reply> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok((!text.is_empty()).then(|| text.clone())),
            Some(_) => Err(wrong(name, "a string")),
        }
    }

    /// An id as it was sent, whatever is wrong with the rest, cut to what is worth keeping.
    pub(crate) fn id(&self, name: &str) -> Option<String> {
        Some(self.get(name)?.as_str()?.chars().take(ID_KEPT).collect())
    }

    /// One of a few words.
    pub(super) fn choice(&self, name: &str, words: &[&str], expected: &str) -> Result<Option<String>, Reply> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(word)) if words.contains(&word.as_str()) => Ok(Some(word.clone())),
            Some(_) => Err(wrong(name, expected)),
        }
    }

    /// A whole number from 0 to 2^63 - 1, as the document says.
    pub(super) fn amount(value: &Value) -> Option<u64> {
        value.as_i64().and_then(|number| u64::try_from(number).ok())
    }

    /// An id of a program, as a text or a number.
    pub(super) fn program_id(value: &Value) -> Option<u64> {
        value.as_u64().or_else(|| value.as_str()?.parse().ok())
    }

    pub(crate) fn flag(&self, name: &str) -> Result<bool, Reply> {
        match self.get(name) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(_) => Err(wrong(name, "a boolean")),
        }
    }

    pub(crate) fn texts(&self, name: &str) -> Result<Vec<String>, Reply> {
        let wrong = || wrong(name, "an array of strings");
        match self.get(name) {
            None => Ok(Vec::new()),
            Some(Value::Array(items)) => {
                items.iter().map(|item| item.as_str().map(str::to_owned).ok_or_else(wrong)).collect()
            }
            Some(_) => Err(wrong()),
        }
    }

    /// `additional_data`: an object.
    pub(crate) fn additional_data(&self) -> Result<Option<Value>, Reply> {
        match self.get("additional_data") {
            None => Ok(None),
            Some(data @ Value::Object(_)) => Ok(Some(data.clone())),
            Some(_) => Err(wrong("additional_data", "an object")),
        }
    }

    /// The event's name, which some send at the top level and some in `additional_data`.
    pub(crate) fn event_name(&self) -> Result<Option<String>, Reply> {
        let inner = || self.additional("event_name").and_then(Value::as_str).map(str::to_owned);
        Ok(self.text("event_name")?.or_else(inner))
    }

    /// Whether the event is in test mode, which is asked before anything else is checked.
    pub(crate) fn is_test(&self) -> bool {
        self.additional("test_mode") == Some(&Value::Bool(true))
    }

    pub(crate) fn additional(&self, name: &str) -> Option<&Value> {
        self.get("additional_data")?.get(name)
    }
}

/// It is no deeper than the parser has gone.
fn deeper_than(value: &Value, left: usize) -> bool {
    let inner = |value: &Value| left == 0 || deeper_than(value, left - 1);
    match value {
        Value::Array(items) => items.iter().any(inner),
        Value::Object(fields) => fields.values().any(inner),
        _ => false,
    }
}

pub(crate) fn wrong(name: &str, expected: &str) -> Reply {
    Reply::error(400, format!("{name} must be {expected}"))
}
