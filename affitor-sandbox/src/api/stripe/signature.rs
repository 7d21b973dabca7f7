//! Signatures of Stripe's events: `t=<seconds>,v1=<hex>`, HMAC-SHA256 of `t.body` with the endpoint's whole secret.

use std::time::{SystemTime, UNIX_EPOCH};

use hmac::{Hmac, Mac};
use sha2::Sha256;

/// Maximum age of a signature, in seconds. Stripe's libraries use the same.
const TOLERANCE_SECONDS: u64 = 300;

/// Verifies the signature of a body by the machine's clock, because the sender signs with its own.
pub(super) fn verify(secret: &str, header: Option<&str>, body: &[u8]) -> Result<(), &'static str> {
    let header = header.ok_or("The Stripe-Signature header is missing")?;
    let mut time = None;
    let mut signatures = Vec::new();
    for (name, value) in header.split(',').filter_map(|part| part.trim().split_once('=')) {
        match name {
            "t" => time = value.parse::<u64>().ok(),
            "v1" => signatures.extend(hex::decode(value)),
            _ => {}
        }
    }
    let time = time.ok_or("The Stripe-Signature header has no time")?;
    let mac = mac(secret, time, body).ok_or("The webhook secret is invalid")?;
    if !signatures.iter().any(|signature| mac.clone().verify_slice(signature).is_ok()) {
        return Err("The signature is invalid. Check the webhook secret, and sign the unmodified body.");
    }
    if now_seconds().abs_diff(time) > TOLERANCE_SECONDS {
        return Err("The signature's time differs from this machine's clock by more than 5 minutes");
    }
    Ok(())
}

/// Returns the header with the signature of a body, made now.
pub(crate) fn sign(secret: &str, body: &[u8]) -> String {
    let time = now_seconds();
    let signature = mac(secret, time, body).map(|mac| hex::encode(mac.finalize().into_bytes()));
    format!("t={time},v1={}", signature.unwrap_or_default())
}

fn mac(secret: &str, time: u64, body: &[u8]) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).ok()?;
    mac.update(format!("{time}.").as_bytes());
    mac.update(body);
    Some(mac)
}

fn now_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_secret_and_the_same_body_verify() {
        let header = sign("whsec_a", b"{}");
        assert_eq!(verify("whsec_a", Some(&header), b"{}"), Ok(()));
        let rotated = format!("{header},v1=00");
        assert_eq!(verify("whsec_a", Some(&rotated), b"{}"), Ok(()), "any of several signatures");
        for (secret, header, body) in [
            ("whsec_b", Some(header.as_str()), b"{}".as_slice()),
            ("whsec_a", Some(&header), b"{ }"),
            ("whsec_a", None, b"{}"),
            ("whsec_a", Some("t=1"), b"{}"),
            ("whsec_a", Some("v1=00"), b"{}"),
            ("whsec_a", Some(""), b"{}"),
        ] {
            assert!(verify(secret, header, body).is_err(), "{secret} {header:?}");
        }
        let old = now_seconds() - TOLERANCE_SECONDS - 1;
        let signature = hex::encode(mac("whsec_a", old, b"{}").unwrap().finalize().into_bytes());
        assert!(verify("whsec_a", Some(&format!("t={old},v1={signature}")), b"{}").unwrap_err().contains("5 minutes"));
    }
}
