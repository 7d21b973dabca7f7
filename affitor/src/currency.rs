//! The currency of a sale.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The currency of a [`Sale`](crate::Sale): three capital letters, as in ISO 4217.
///
/// The service's documentation lists [`USD`](Currency::USD), [`EUR`](Currency::EUR) and [`VND`](Currency::VND); some of its
/// pages say that it accepts any code. Other currencies can be created with [`Currency::from_code`], but the service may
/// reject them.
///
/// ```
/// use affitor::Currency;
///
/// assert_eq!(Currency::from_code("eur")?, Currency::EUR);
/// assert!(Currency::from_code("euro").is_err());
/// # Ok::<(), affitor::InvalidCurrency>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

impl Currency {
    /// US dollar; amounts are in cents.
    pub const USD: Currency = Currency(*b"USD");
    /// Euro; amounts are in cents.
    pub const EUR: Currency = Currency(*b"EUR");
    /// Vietnamese dong, which has no smaller unit: `amount_cents` is the amount in dong.
    pub const VND: Currency = Currency(*b"VND");

    /// Creates a currency from its code, in upper or lower case.
    ///
    /// # Errors
    ///
    /// Returns an error if the code does not consist of three ASCII letters.
    pub fn from_code(code: &str) -> Result<Self, InvalidCurrency> {
        match <[u8; 3]>::try_from(code.as_bytes()) {
            Ok(code) if code.iter().all(u8::is_ascii_alphabetic) => {
                Ok(Self(code.map(|letter| letter.to_ascii_uppercase())))
            }
            _ => Err(InvalidCurrency("a currency is three letters, such as USD")),
        }
    }

    /// Returns the code in capitals.
    pub fn as_str(&self) -> &str {
        // It consists of ASCII letters, so the default is never used.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Currency {
    type Err = InvalidCurrency;

    fn from_str(code: &str) -> Result<Self, InvalidCurrency> {
        Self::from_code(code)
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let code = std::borrow::Cow::<str>::deserialize(deserializer)?;
        Self::from_code(&code).map_err(de::Error::custom)
    }
}

affitor_core::invalid_value! {
    /// The error for a text that is not a currency code.
    InvalidCurrency
}
