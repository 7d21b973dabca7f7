//! No rustls is needed.

use affitor::{Client, Lead};

#[tokio::main]
async fn main() {
    Client::new("aff_0123456789").expect("https");
    let client = Client::builder().api_key("aff_0123456789").api_url("https://127.0.0.1:1").max_attempts(1);
    let error = client.build().expect("https").track_lead(Lead::new("user_7")).await.unwrap_err();
    assert!(error.is_transport(), "{error}");
    println!("the system's TLS serves");
}
