//! The sandbox needs no TLS. The service does, and the error says what to add.

use affitor::{Client, Lead};

#[tokio::main]
async fn main() {
    let error = Client::new("aff_0123456789").unwrap_err();
    assert!(error.is_invalid() && error.to_string().contains("`ring`, `aws-lc-rs` or `native-tls`"), "{error}");
    let client = Client::builder().api_key("aff_0123456789").api_url("http://127.0.0.1:1").max_attempts(1);
    let error = client.build().expect("http to this machine").track_lead(Lead::new("user_7")).await.unwrap_err();
    assert!(error.is_transport(), "{error}");
    println!("http to this machine works, and https is an error: {}", Client::new("aff_0123456789").unwrap_err());
}
