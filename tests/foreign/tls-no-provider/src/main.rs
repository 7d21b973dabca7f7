//! reqwest panics in such an app if a client is built too early. Ours returns an error, and works afterwards.

use affitor::Client;

fn main() {
    let build = || Client::builder().api_key("aff_0123456789").api_url("http://127.0.0.1:1").build();
    let error = build().unwrap_err();
    assert!(error.to_string().contains("after the app installs its CryptoProvider"), "{error}");
    rustls::crypto::ring::default_provider().install_default().expect("the app's own choice");
    build().expect("http to this machine");
    println!("an error instead of a panic");
}
