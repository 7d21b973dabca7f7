//! The id of an event does not implement `Display`.

use affitor_axum::Lead;

struct User;

fn main() {
    let _ = Lead::new(User);
    let _ = Lead::new(Some("user_7"));
}
