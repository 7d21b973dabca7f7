//! The client uses what the app has, and installs nothing, so the app's own connections work as before.

use affitor::{Client, Lead};
use rustls::{ClientConfig, crypto::CryptoProvider};

#[tokio::main]
async fn main() {
    let client = Client::new("aff_0123456789").expect("https");
    assert!(CryptoProvider::get_default().is_none(), "something was installed for the process");
    // As redis and others do. It panics if two kinds of cryptography are compiled.
    let _ = ClientConfig::builder();
    let client_of_test = Client::builder().api_key("aff_0123456789").api_url("https://127.0.0.1:1").max_attempts(1);
    let error = client_of_test.build().expect("https").track_lead(Lead::new("user_7")).await.unwrap_err();
    assert!(error.is_transport(), "{error}");
    drop(client);
    println!("the app's own cryptography serves both");
}
