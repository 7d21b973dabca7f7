//! The feature `rustls` relies on the app's cryptography. Without any, the first start says so.

use affitor::Client;

fn main() {
    for url in ["https://api.affitor.com", "http://127.0.0.1:1"] {
        let error = Client::builder().api_key("aff_0123456789").api_url(url).build().unwrap_err();
        assert!(error.is_invalid() && error.to_string().contains("no cryptography in this app"), "{error}");
    }
    println!("an error, and no panic");
}
