//! Shops that are broken on purpose, and correct ones, in axum and actix-web: what `affitor prove` finds in each of them.

mod apps;
mod command;
mod key_rotation;
mod rows;
mod shop;
mod stripe;
mod visitor;

/// The framework of a shop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framework {
    Axum,
    Actix,
}

impl Framework {
    pub(crate) const ALL: [Self; 2] = [Self::Axum, Self::Actix];

    /// The path of the shop's binary.
    pub(crate) fn binary(self) -> &'static str {
        match self {
            Self::Axum => env!("CARGO_BIN_EXE_prove_axum"),
            Self::Actix => env!("CARGO_BIN_EXE_prove_actix"),
        }
    }
}
