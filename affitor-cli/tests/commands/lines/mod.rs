//! The lines that `affitor init` prints, compiled. A unit test compares them with what is printed.

#![allow(dead_code, non_upper_case_globals)]
// The lines are for users that are not `Copy`, and for apps that have not imported `HeaderValue`.
#![allow(clippy::needless_borrows_for_generic_args, clippy::redundant_closure_for_method_calls)]

mod actix;
mod axum;
mod tower;

/// A user of the app.
struct User {
    id: u64,
    email: &'static str,
}

const user: User = User { id: 7, email: "jo@example.com" };
