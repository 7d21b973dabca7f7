//! Something else than a queue.

use affitor_axum::Client;

fn main() {
    let _ = Client::disabled().with_sink(Vec::<affitor_axum::Event>::new());
}
