//! With both kinds of cryptography compiled, rustls can't choose, and the client does not choose for the app.

use affitor::Client;
use rustls::{ClientConfig, crypto};

fn main() {
    Client::new("aff_0123456789").expect("https before the app has chosen");
    // It fails if somebody was first.
    crypto::ring::default_provider().install_default().expect("the app's own choice");
    let _ = ClientConfig::builder();
    Client::new("aff_0123456789").expect("https with the app's choice");
    println!("the app chooses for itself");
}
