//! A sign-up app that reports leads. [`axum`] and [`actix`] are the two versions; the other modules are what both share.

pub mod actix;
pub mod axum;
pub mod consent;
mod input;
mod page;
mod users;
