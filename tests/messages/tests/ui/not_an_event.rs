//! Something else than an event.

use affitor_axum::AffitorClient;

async fn sign_up(affitor: AffitorClient) {
    let _ = affitor.attribute("user_7");
}

fn main() {}
