//! The lines that `affitor init` prints, compiled. A unit test compares them with what is printed.

#![allow(dead_code, non_upper_case_globals)]

mod actix;
mod axum;
mod tower;

/// A user of the app.
struct User {
    id: u64,
    email: &'static str,
}

const user: User = User { id: 7, email: "jo@example.com" };
