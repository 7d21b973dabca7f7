//! Typed access to the fields of a request. `null` is treated as missing; a field of the wrong type is refused.

use serde_json::{Map, Value};

use super::Reply;
use crate::memory::{self, ID_LIMIT, JSON_LIMIT};

/// Maximum length of an id in the request log, in characters.
const LOGGED_ID_LENGTH: usize = 128;

/// Maximum nesting depth of a body. It leaves room for the levels that the journal adds, so that replay can parse them.
const MAX_DEPTH: usize = 100;

/// The JSON object in a request body.
#[derive(Debug, Default)]
pub(crate) struct Fields(Map<String, Value>);

impl Fields {
    /// Parses a body. An empty body is an empty object.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, Reply> {
        if body.trim_ascii().is_empty() {
            return Ok(Self::default());
        }
        match serde_json::from_slice(body) {
            Ok(Value::Object(fields)) if fields.values().any(|value| deeper_than(value, MAX_DEPTH)) => {
                Err(Reply::error(400, format!("The body is nested more than {MAX_DEPTH} deep")))
            }
            Ok(Value::Object(fields)) => Ok(Self(fields)),
            Ok(_) => Err(Reply::error(400, "The body must be a JSON object")),
            Err(_) => Err(Reply::error(400, "The body is not valid JSON")),
        }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// Returns a string, cut to the length that is kept. An empty string is treated as missing.
    pub(crate) fn text(&self, name: &str) -> Result<Option<String>, Reply> {
        Ok(self.string(name)?.map(|text| memory::cut(text.to_owned())))
    }

    /// Returns an id. An empty one is treated as missing; one that is too long is refused.
    pub(crate) fn key(&self, name: &str) -> Result<Option<String>, Reply> {
        match self.string(name)? {
            Some(id) if id.chars().nth(ID_LIMIT).is_some() => Err(too_long(name)),
            id => Ok(id.map(str::to_owned)),
        }
    }

    fn string(&self, name: &str) -> Result<Option<&str>, Reply> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok((!text.is_empty()).then_some(text.as_str())),
            Some(_) => Err(invalid_field(name, "a string")),
        }
    }

    /// Returns a JSON value, unless it is too large to be kept.
    pub(crate) fn json(&self, name: &str) -> Option<Value> {
        self.get(name).filter(|value| memory::json(value) <= JSON_LIMIT).cloned()
    }

    /// Returns a hint if one of these values is too large to be kept.
    pub(crate) fn hint_if_too_large(&self, names: &[&str]) -> Option<String> {
        let large = |name: &&&str| self.get(name).is_some_and(|value| memory::json(value) > JSON_LIMIT);
        let name = names.iter().find(large)?;
        Some(format!("{name} is not kept because it takes more than {} KiB of memory", JSON_LIMIT / 1024))
    }

    /// Returns an id for the request log, even if other fields are invalid.
    pub(crate) fn id(&self, name: &str) -> Option<String> {
        Some(self.get(name)?.as_str()?.chars().take(LOGGED_ID_LENGTH).collect())
    }

    /// Returns one of several allowed strings.
    pub(super) fn choice(&self, name: &str, allowed: &[&str], expected: &str) -> Result<Option<String>, Reply> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) if allowed.contains(&text.as_str()) => Ok(Some(text.clone())),
            Some(_) => Err(invalid_field(name, expected)),
        }
    }

    /// Parses an integer from 0 to 2^63 - 1, the range in the OpenAPI document. In JSON, `100.0` is one too.
    pub(super) fn amount(value: &Value) -> Option<u64> {
        /// From here on, a floating-point number may stand for several integers.
        const INEXACT: f64 = 9_007_199_254_740_992.0;
        if let Some(number) = value.as_i64() {
            return u64::try_from(number).ok();
        }
        let whole = value.as_f64().filter(|number| number.fract() == 0.0 && (0.0..INEXACT).contains(number))?;
        format!("{whole:.0}").parse().ok()
    }

    /// Parses the id of a program, which may be a string or a number.
    pub(super) fn program_id(value: &Value) -> Option<u64> {
        value.as_u64().or_else(|| value.as_str()?.parse().ok())
    }

    pub(crate) fn flag(&self, name: &str) -> Result<bool, Reply> {
        match self.get(name) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(_) => Err(invalid_field(name, "a boolean")),
        }
    }

    /// Returns a list of ids.
    pub(crate) fn keys(&self, name: &str) -> Result<Vec<String>, Reply> {
        let invalid = || invalid_field(name, "an array of strings");
        match self.get(name) {
            None => Ok(Vec::new()),
            Some(Value::Array(items)) => items
                .iter()
                .map(|item| match item.as_str() {
                    Some(id) if id.chars().nth(ID_LIMIT).is_some() => Err(too_long(name)),
                    Some(id) => Ok(id.to_owned()),
                    None => Err(invalid()),
                })
                .collect(),
            Some(_) => Err(invalid()),
        }
    }

    /// Returns `additional_data`, which must be an object, unless it is too large to be kept.
    pub(crate) fn additional_data(&self) -> Result<Option<Value>, Reply> {
        match self.get("additional_data") {
            None => Ok(None),
            Some(Value::Object(_)) => Ok(self.json("additional_data")),
            Some(_) => Err(invalid_field("additional_data", "an object")),
        }
    }

    /// Returns the event's name, which clients send at the top level or in `additional_data`.
    pub(crate) fn event_name(&self) -> Result<Option<String>, Reply> {
        let inner = || self.additional("event_name").and_then(Value::as_str).map(|name| memory::cut(name.to_owned()));
        Ok(self.text("event_name")?.or_else(inner))
    }

    /// Returns true if the event is in test mode. This is checked before all other fields.
    pub(crate) fn is_test(&self) -> bool {
        self.additional("test_mode") == Some(&Value::Bool(true))
    }

    pub(crate) fn additional(&self, name: &str) -> Option<&Value> {
        self.get("additional_data")?.get(name)
    }
}

/// The recursion is bounded by the depth limit of the parser.
fn deeper_than(value: &Value, left: usize) -> bool {
    let inner = |value: &Value| left == 0 || deeper_than(value, left - 1);
    match value {
        Value::Array(items) => items.iter().any(inner),
        Value::Object(fields) => fields.values().any(inner),
        _ => false,
    }
}

pub(super) fn too_long(name: &str) -> Reply {
    Reply::error(400, format!("{name} must be at most {ID_LIMIT} characters long"))
}

pub(crate) fn invalid_field(name: &str, expected: &str) -> Reply {
    Reply::error(400, format!("{name} must be {expected}"))
}
