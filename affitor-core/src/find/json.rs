//! A field of a JSON body.
//!
//! The rules match those of a handler that parses the same body. The field counts only at the top level of an object. If it
//! occurs more than once the last value counts. An escaped key (`affitor\u0043lickId`) is the same key. A document that is
//! malformed anywhere, even after the field, has no field. A parser that stops at the first match would disagree with the
//! handler on everything except the first rule.
//!
//! Other fields are skipped as serde skips those that a handler's struct lacks. It does not look into them: a number that no type can
//! hold, half of a surrogate pair and deep nesting are no mistakes there, although a `serde_json::Value` rejects them.

use std::fmt;

use memchr::memchr_iter;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::Names;
use crate::click_id::ClickId;

/// Returns the click id from the first field that has a valid one.
///
/// A body without the name of a field costs two substring searches; only other bodies are parsed.
pub(super) fn click_id(body: &[u8], fields: &Names) -> Option<ClickId> {
    let may_be_escaped = || memchr_iter(b'\\', body).any(|at| body.get(at + 1) == Some(&b'u'));
    if fields.is_empty() || !(fields.may_occur_in(body) || may_be_escaped()) {
        return None;
    }
    let body = std::str::from_utf8(body).ok()?;
    let mut deserializer = serde_json::Deserializer::from_str(body);
    let found = deserializer.deserialize_map(Object(fields)).ok()?;
    deserializer.end().ok()?;
    found.into_iter().flatten().next()
}

/// Visits the top level of the document: the last value of each field.
struct Object<'f>(&'f Names);

impl<'de> Visitor<'de> for Object<'_> {
    type Value = Vec<Option<ClickId>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = vec![None; self.0.len()];
        while let Some(field) = map.next_key_seed(Key(self.0))? {
            match field.and_then(|index| found.get_mut(index)) {
                Some(place) => *place = map.next_value_seed(Value)?,
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(found)
    }
}

/// Maps a key to the position of its field.
struct Key<'f>(&'f Names);

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        Ok(self.0.iter().position(|field| field == key))
    }
}

/// Reads the value of a field. Anything except a valid id is skipped.
struct Value;

impl<'de> DeserializeSeed<'de> for Value {
    type Value = Option<ClickId>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value {
    type Value = Option<ClickId>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_str<E>(self, id: &str) -> Result<Self::Value, E> {
        Ok(ClickId::new(id).ok())
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(None)
    }
}
