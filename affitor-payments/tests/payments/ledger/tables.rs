//! Runs the rows of every provider, and what they share.

use super::{
    lemon_squeezy, paddle, polar, shared, stripe,
    support::{check, check_known},
};

macro_rules! tables {
    ($($provider:ident)*) => {$(
        #[test]
        fn $provider() {
            check(&$provider::rows());
            check_known(&$provider::known_rows());
        }
    )*};
}

tables! { stripe polar lemon_squeezy paddle }

#[test]
fn what_they_share() {
    check(&shared::rows());
}
