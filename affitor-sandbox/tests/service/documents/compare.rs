//! Compares a response with a documented one, key by key.

use serde_json::Value;

#[derive(Default)]
pub(crate) struct Comparison {
    /// Number of values that were compared.
    pub(crate) fields: usize,
    pub(crate) differences: Vec<String>,
}

impl Comparison {
    pub(crate) fn compare_status(&mut self, row: &str, expected: u16, got: u16) {
        self.fields += 1;
        if expected != got {
            self.differences.push(format!("{row}: the status is {got}, documented is {expected}"));
        }
    }

    pub(crate) fn compare(&mut self, row: &str, expected: &Value, got: &Value) {
        self.at(&format!("{row}: "), "", expected, got);
    }

    fn at(&mut self, row: &str, path: &str, expected: &Value, got: &Value) {
        let inner = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
        match (expected, got) {
            (Value::Object(expected), Value::Object(got)) => {
                for (key, value) in expected {
                    match got.get(key) {
                        Some(found) => self.at(row, &inner(key), value, found),
                        None => self.differences.push(format!("{row}{}: missing", inner(key))),
                    }
                }
                for key in got.keys().filter(|key| !expected.contains_key(*key)) {
                    self.differences.push(format!("{row}{}: not documented", inner(key)));
                }
            }
            (Value::Array(expected), Value::Array(got)) => match expected.first() {
                Some(entry) => {
                    for (place, found) in got.iter().enumerate() {
                        self.at(row, &format!("{path}[{place}]"), entry, found);
                    }
                }
                None if got.is_empty() => self.fields += 1,
                None => self.differences.push(format!("{row}{path}: {got:?}, documented is an empty list")),
            },
            _ => {
                self.fields += 1;
                if !matches(expected, got) {
                    self.differences.push(format!("{row}{path}: {got}, documented is {expected}"));
                }
            }
        }
    }
}

fn matches(expected: &Value, got: &Value) -> bool {
    let Some(kind) = expected.as_str().and_then(|kind| kind.strip_prefix('<')?.strip_suffix('>')) else {
        return expected == got;
    };
    match kind.strip_prefix("null or ") {
        Some(kind) => got.is_null() || is(kind, got),
        None => is(kind, got),
    }
}

fn is(kind: &str, got: &Value) -> bool {
    let text = got.as_str();
    match kind {
        "int" => got.is_u64(),
        "number" => got.is_number(),
        "flag" => got.is_boolean(),
        "text" => text.is_some_and(|text| !text.is_empty()),
        "date" => text.is_some_and(|text| has_form(text, "0000-00-00")),
        "time" => text.is_some_and(|text| has_form(text, "0000-00-00T00:00:00.000Z")),
        "click id" => text.is_some_and(|text| {
            let mut parts = text.split('_');
            let number = |part: Option<&str>| part.is_some_and(|part| part.parse::<u64>().is_ok());
            parts.next() == Some("cust") && number(parts.next()) && number(parts.next()) && parts.next().is_none()
        }),
        other => panic!("{other} is not a type"),
    }
}

/// Whether a text has a digit wherever the form has a zero, and is the same elsewhere.
fn has_form(text: &str, form: &str) -> bool {
    let same = |(byte, wanted): (u8, u8)| if wanted == b'0' { byte.is_ascii_digit() } else { byte == wanted };
    text.len() == form.len() && text.bytes().zip(form.bytes()).all(same)
}
