//! `additional_data`: the API's field for everything else, test mode included.

use std::fmt;

use affitor_core::redact::Redacted;
use serde_json::{Map, Value};

/// The API's field for everything else.
pub(crate) type AdditionalData = Map<String, Value>;

/// Whether this is the data of a test event.
pub(crate) fn is_test(data: &AdditionalData) -> bool {
    data.get("test_mode") == Some(&Value::Bool(true))
}

/// Shows the keys only: an app's values may be personal.
pub(super) struct Keys<'a>(pub(super) &'a AdditionalData);

impl fmt::Debug for Keys<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys().map(|key| Redacted(key))).finish()
    }
}

/// The methods of events that have `additional_data`.
macro_rules! additional_data_methods {
    ($event:ident) => {
        impl $event {
            /// Adds an entry to `additional_data`.
            pub fn additional(mut self, key: impl Into<String>, value: impl Into<serde_json::Value>) -> Self {
                self.additional_data.insert(key.into(), value.into());
                self
            }

            /// Makes this a test event (default: `false`). The service keeps test events apart: they affect neither attribution
            /// nor commissions.
            pub fn test_mode(mut self, on: bool) -> Self {
                if on {
                    return self.additional("test_mode", true);
                }
                self.additional_data.remove("test_mode");
                self
            }

            /// Returns whether this is a test event.
            pub fn is_test(&self) -> bool {
                super::additional_data::is_test(&self.additional_data)
            }
        }
    };
}
