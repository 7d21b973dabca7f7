//! What the extractors and rejections have in common: each wraps one value.

/// Implements `into_inner` and `Deref` for a type with one field.
macro_rules! wrapper {
    ($name:ident $(<$provider:ident>)?, $inner:ty, $what:literal) => {
        impl $(<$provider>)? $name $(<$provider>)? {
            #[doc = concat!("Returns ", $what, ".")]
            pub fn into_inner(self) -> $inner {
                self.0
            }
        }

        impl $(<$provider>)? std::ops::Deref for $name $(<$provider>)? {
            type Target = $inner;

            fn deref(&self) -> &$inner {
                &self.0
            }
        }
    };
}
pub(crate) use wrapper;
