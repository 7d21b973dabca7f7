//! The id of a visitor's click.

use std::{
    fmt,
    hash::{Hash, Hasher},
    num::NonZeroU8,
    str::FromStr,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The id of a visitor's click: returned by *track click* and stored by the browser in the cookie `affitor_click_id`.
///
/// The id is opaque. Today the service creates ids of the form `cust_<customer>_<epoch ms>`, but this crate only checks that an id
/// is safe in a header, a cookie and JSON: 1 to [`ClickId::MAX_LEN`] visible ASCII characters except white space, quotes, and
/// `,` `;` `\` `|` `%`.
///
/// It is stored inline, so finding one in a request allocates nothing.
///
/// ```
/// use affitor_core::ClickId;
///
/// let id = ClickId::new("cust_42_1714000000000")?;
/// assert_eq!(id.as_str(), "cust_42_1714000000000");
/// assert!(ClickId::new("").is_err());
/// assert!(ClickId::new("\"quoted\"").is_err());
/// # Ok::<(), affitor_core::InvalidClickId>(())
/// ```
#[derive(Clone)]
pub struct ClickId {
    /// Not zero, so that an `Option<ClickId>` has the same size and layout.
    len: NonZeroU8,
    bytes: [u8; ClickId::MAX_LEN],
}

impl ClickId {
    /// Maximum length of an id, in bytes.
    pub const MAX_LEN: usize = 128;

    /// Creates an id.
    ///
    /// # Errors
    ///
    /// Returns an error if the id is empty, longer than [`ClickId::MAX_LEN`], or contains a character that is not allowed. The error
    /// does not contain the text, because it is untrusted.
    pub fn new(id: impl AsRef<[u8]>) -> Result<Self, InvalidClickId> {
        let id = id.as_ref();
        if id.len() > Self::MAX_LEN {
            return Err(InvalidClickId(Reason::TooLong(id.len())));
        }
        // At most 128, so the cast is exact.
        let len = NonZeroU8::new(id.len() as u8).ok_or(InvalidClickId(Reason::Empty))?;
        // Without a branch per byte, which is faster for such short texts.
        if !id.iter().fold(true, |valid, byte| valid & ALLOWED[usize::from(*byte)]) {
            return Err(InvalidClickId(Reason::Character));
        }
        let mut bytes = [0; Self::MAX_LEN];
        bytes[..id.len()].copy_from_slice(id);
        Ok(Self { len, bytes })
    }

    /// Returns the id as text.
    pub fn as_str(&self) -> &str {
        // It consists of ASCII, so the default is never used. It is here because this must not panic.
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len.get())]
    }
}

/// Which bytes an id may contain. A table, because this check runs for each request with a click.
const ALLOWED: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0x21;
    while byte <= 0x7e {
        table[byte] = !matches!(byte as u8, b'"' | b'\'' | b',' | b';' | b'\\' | b'|' | b'%');
        byte += 1;
    }
    table
};

impl PartialEq for ClickId {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for ClickId {}

impl Hash for ClickId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl PartialEq<str> for ClickId {
    fn eq(&self, other: &str) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl PartialEq<&str> for ClickId {
    fn eq(&self, other: &&str) -> bool {
        self == *other
    }
}

impl AsRef<str> for ClickId {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for ClickId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for ClickId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ClickId").field(&self.as_str()).finish()
    }
}

impl FromStr for ClickId {
    type Err = InvalidClickId;

    fn from_str(id: &str) -> Result<Self, InvalidClickId> {
        Self::new(id)
    }
}

impl TryFrom<&str> for ClickId {
    type Error = InvalidClickId;

    fn try_from(id: &str) -> Result<Self, InvalidClickId> {
        Self::new(id)
    }
}

impl TryFrom<String> for ClickId {
    type Error = InvalidClickId;

    fn try_from(id: String) -> Result<Self, InvalidClickId> {
        Self::new(id)
    }
}

impl Serialize for ClickId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for ClickId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl de::Visitor<'_> for Visitor {
            type Value = ClickId;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a click id")
            }

            fn visit_str<E: de::Error>(self, id: &str) -> Result<ClickId, E> {
                ClickId::new(id).map_err(E::custom)
            }
        }

        deserializer.deserialize_str(Visitor)
    }
}

/// The reason why a text is not a [`ClickId`]. It does not contain the text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct InvalidClickId(Reason);

crate::debug_as_sentence!(InvalidClickId);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Reason {
    Empty,
    TooLong(usize),
    Character,
}

impl fmt::Display for InvalidClickId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Reason::Empty => f.write_str("a click id must not be empty"),
            Reason::TooLong(len) => {
                write!(f, "a click id has at most {} bytes, this one has {len}", ClickId::MAX_LEN)
            }
            Reason::Character => f.write_str(
                "a click id consists of visible ASCII characters except white space, quotes, comma, semicolon, backslash, bar and percent",
            ),
        }
    }
}

impl std::error::Error for InvalidClickId {}
