//! What the errors of all crates have in common: `{:?}` is their sentence with its causes, which is what a failing `main` prints.

use std::{error::Error, fmt};

/// Writes the sentence of an error, and those of its causes that it does not repeat. For implementations of `Debug`.
///
/// ```
/// use affitor_core::{ClickId, error::Sentence};
///
/// let error = ClickId::new("").unwrap_err();
/// assert_eq!(Sentence(&error).to_string(), "a click id must not be empty");
/// assert_eq!(format!("{error:?}"), "a click id must not be empty");
/// ```
#[allow(missing_debug_implementations, reason = "it is for implementations of `Debug`")]
pub struct Sentence<'a>(pub &'a dyn Error);

impl fmt::Display for Sentence<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = self.0.to_string();
        f.write_str(&shown)?;
        let mut source = self.0.source();
        while let Some(cause) = source {
            let sentence = cause.to_string();
            if !shown.contains(&sentence) {
                write!(f, ": {sentence}")?;
                shown = sentence;
            }
            source = cause.source();
        }
        Ok(())
    }
}

/// Implements `Debug` of errors: `{:?}` is the [`Sentence`], `{:#?}` also names the type.
#[macro_export]
macro_rules! debug_as_sentence {
    ($($error:ident),+ $(,)?) => {$(
        /// `{:?}` is what a failing `main` prints.
        impl ::std::fmt::Debug for $error {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                if f.alternate() {
                    let sentence = ::std::string::ToString::to_string(self);
                    return f.debug_tuple(::std::stringify!($error)).field(&sentence).finish();
                }
                ::std::fmt::Display::fmt(&$crate::error::Sentence(self), f)
            }
        }
    )+};
}

/// Defines an error whose only content is a reason: a fixed text, so it contains nothing of the value that is wrong.
#[macro_export]
macro_rules! invalid_value {
    ($(#[$doc:meta])* $visibility:vis $error:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq)]
        pub struct $error($visibility &'static str);

        impl ::std::fmt::Display for $error {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(self.0)
            }
        }

        impl ::std::error::Error for $error {}

        $crate::debug_as_sentence!($error);
    };
}
