//! A request to a stand-in, and what can be wrong with it.

use axum::http::HeaderMap;
use reqwest::Url;
use serde_json::Value;

use super::page::Pages;

/// A request with the objects that the provider has.
pub(super) struct Request<'a> {
    /// Address of the server.
    pub(super) url: &'a str,
    pub(super) path: &'a str,
    pub(super) headers: &'a HeaderMap,
    pub(super) query: Query,
    pub(super) objects: &'a [Value],
    pub(super) pages: Pages,
}

impl Request<'_> {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Returns the key in the header `Authorization`.
    pub(super) fn bearer(&self) -> Option<&str> {
        self.header("authorization")?.strip_prefix("Bearer ")
    }

    /// Returns the address of another page: the same path with these parameters.
    pub(super) fn link<'b>(&self, parameters: impl IntoIterator<Item = (&'b str, &'b str)>) -> String {
        let address = format!("{}{}", self.url, self.path);
        Url::parse_with_params(&address, parameters).expect("a URL").into()
    }
}

/// The decoded parameters of a request.
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    pub(super) fn of(url: &Url) -> Self {
        Self(url.query_pairs().into_owned().collect())
    }

    pub(super) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Returns all values of a parameter.
    pub(super) fn all(&self, name: &str) -> Vec<&str> {
        self.pairs().filter(|(known, _)| *known == name).map(|(_, value)| value).collect()
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.all(name).last().copied()
    }

    /// Returns a whole number that is at least 1, or the default.
    pub(super) fn number(&self, name: &str, default: usize) -> Result<usize, Failure> {
        let Some(text) = self.get(name) else { return Ok(default) };
        match text.parse() {
            Ok(number) if number > 0 => Ok(number),
            _ => Err(Failure::parameter(name, format!("`{text}` is not a number of at least 1."))),
        }
    }

    /// Returns the bounds of a value, such as `created[gte]=1` with the operators `["lt", "lte", "gt", "gte"]`.
    pub(super) fn bounds(
        &self,
        name: &str,
        operators: [&str; 4],
        parse: fn(&str) -> Option<i64>,
    ) -> Result<Vec<Bound>, Failure> {
        let [lt, lte, gt, gte] = operators.map(|operator| format!("{name}[{operator}]"));
        let known: [(String, Relation); 5] =
            [(name.to_owned(), i64::eq), (lt, i64::lt), (lte, i64::le), (gt, i64::gt), (gte, i64::ge)];
        let mut bounds = Vec::new();
        for (name, holds) in known {
            for text in self.all(&name) {
                let limit = parse(text).ok_or_else(|| Failure::parameter(&name, format!("`{text}` is not a time.")))?;
                bounds.push(Bound { limit, holds });
            }
        }
        Ok(bounds)
    }

    /// Returns an error if there is a parameter that `is_known` rejects.
    pub(super) fn refuse_unknown(&self, is_known: impl Fn(&str) -> bool) -> Result<(), Failure> {
        match self.pairs().find(|(name, _)| !is_known(name)) {
            Some((name, _)) => Err(Failure::parameter(name, format!("Received unknown parameter: {name}"))),
            None => Ok(()),
        }
    }
}

/// How a number must compare with a limit.
type Relation = fn(&i64, &i64) -> bool;

/// A bound of a number.
pub(super) struct Bound {
    limit: i64,
    holds: Relation,
}

impl Bound {
    /// Returns whether a number is within the bound. A missing number never is.
    pub(super) fn contains(&self, number: Option<i64>) -> bool {
        number.is_some_and(|number| (self.holds)(&number, &self.limit))
    }
}

/// A field as text, as filters compare it.
pub(super) fn text(object: &Value, pointer: &str) -> String {
    match object.pointer(pointer) {
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
        None => "null".to_owned(),
    }
}

/// A response that is an error.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) status: u16,
    pub(super) message: String,
    /// Name of the parameter that is wrong.
    pub(super) parameter: Option<String>,
}

impl Failure {
    pub(super) fn new(status: u16, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), parameter: None }
    }

    /// A wrong parameter.
    pub(super) fn parameter(name: &str, message: impl Into<String>) -> Self {
        Self { status: 400, message: message.into(), parameter: Some(name.to_owned()) }
    }
}
