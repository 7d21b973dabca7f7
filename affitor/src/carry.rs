//! Carrying a visitor to another site or browser: a short, signed, expiring text.
//!
//! Attribution is in a cookie, and a cookie stays in one browser and on one domain. A magic link that is opened on the phone, a link
//! from the marketing site to the app's domain, or an invitation leave it behind. They can carry the visitor in a parameter:
//!
//! ```
//! use std::time::{Duration, SystemTime};
//!
//! use affitor::{ClickId, Visitor, carry::{LINK_LIFETIME, VisitorKey}};
//!
//! // Both sites belong to program 42, and have the same secret.
//! let key = VisitorKey::new(42, "0f1e2d3c4b5a69788796a5b4c3d2e1f0")?;
//!
//! // Where the link is made: `affitor` is the extractor, and `visitor()` returns the visitor of the request.
//! let visitor = Visitor::from(ClickId::new("cust_42_1714000000000")?);
//! let now = SystemTime::now();
//! let text = key.sign(&visitor, now, LINK_LIFETIME).ok_or("this visitor was not brought by a partner")?;
//! let link = format!("https://app.example/sign-up?affitor_visitor={text}");
//! assert!(text.len() <= 400);
//!
//! // Where it is opened.
//! assert_eq!(key.verify(&text, now), Some(visitor));
//! assert_eq!(key.verify(&text, now + Duration::from_secs(601)), None); // expired
//! assert_eq!(key.verify("2.forged", now), None);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The signature is necessary: with an unsigned text, anyone could give thousands of visitors one click id without a click. The text
//! can be used by whoever has it until it expires, so it belongs into links that one person gets, and not into public pages. In an
//! OAuth flow, it accompanies the random `state` and never replaces it. To keep a visitor on your own server, store the [`Visitor`],
//! which implements serde's traits: beside the pending sign-up, in the session, or in the identity provider's metadata.
//!
//! The parameter should not be seen by other sites: redirect without it, or set `Referrer-Policy: strict-origin-when-cross-origin`.
//!
//! A carried visitor replaces only an older click. The click id itself tells when it was recorded, if it has the documented form. If
//! it has another form, the visitor keeps the click that they have.

use std::{
    fmt,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use affitor_core::{ClickHistory, ClickId, Visitor, secret::why_unusable};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;

/// Suggested name of the parameter.
pub const PARAMETER: &str = "affitor_visitor";

/// How long a link is valid that is opened at once: 10 minutes. Invitations need more.
pub const LINK_LIFETIME: Duration = Duration::from_secs(10 * 60);

/// Longest text that is created or accepted, in characters.
pub const MAX_LEN: usize = 400;

/// Shortest secret, in bytes.
const SHORTEST: usize = 32;

/// The version, and what separates this use of the secret from others.
const VERSION: &str = "2";
const PURPOSE: &[u8] = b"affitor visitor 2\0";

/// Length of the signature, in bytes: 128 bits.
const SIGNATURE: usize = 16;

/// Longest content: two times, the program and click ids. What is left of [`MAX_LEN`] without version, dots and signature, in base64.
const LONGEST_CONTENT: usize = (MAX_LEN - VERSION.len() - 2 - 22) * 3 / 4;

/// The secret with which visitors are signed. Both sites have the same one. `Debug` hides it.
#[derive(Clone)]
pub struct VisitorKey {
    /// Clicks of one program mean nothing in another.
    program_id: String,
    /// The first one signs.
    secrets: Vec<SecretString>,
}

affitor_core::invalid_value! {
    /// The reason why a [`VisitorKey`] can't be created.
    InvalidKey
}

impl VisitorKey {
    /// Creates a key for the visitors of a program from a secret of at least 32 random bytes, for example `openssl rand -hex 32`. White
    /// space around the secret is ignored.
    ///
    /// # Errors
    ///
    /// Returns an error if the program id is not 1 to 64 letters, digits, `-` and `_`; if the secret is shorter, or is clearly
    /// not a secret: it is an unexpanded template such as `${SECRET}`, is in quotes, or contains invisible characters.
    pub fn new(program_id: impl fmt::Display, secret: impl Into<String>) -> Result<Self, InvalidKey> {
        let program_id = program_id.to_string();
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        if !(1..=64).contains(&program_id.len()) || !program_id.bytes().all(is_plain) {
            return Err(InvalidKey("a program id consists of 1 to 64 letters, digits, `-` and `_`"));
        }
        Ok(Self { program_id, secrets: vec![checked(secret)?] })
    }

    /// Also accepts texts that were signed with an older secret.
    ///
    /// # Errors
    ///
    /// Returns the same error as [`VisitorKey::new`].
    pub fn or_secret(mut self, secret: impl Into<String>) -> Result<Self, InvalidKey> {
        self.secrets.push(checked(secret)?);
        Ok(self)
    }

    /// Returns a visitor as a URL-safe text of at most 400 characters (letters, digits, `-`, `_` and `.`), which is valid for `valid_for`. Of
    /// a long click history, the newest ids are kept. Returns `None` if the visitor has no click id.
    pub fn sign(&self, visitor: &Visitor, now: SystemTime, valid_for: Duration) -> Option<String> {
        let current = visitor.click_id.as_ref()?;
        let signed = seconds(now);
        let until = signed.saturating_add(valid_for.as_secs());
        let mut content = format!("{until:x}|{signed:x}|{}|{current}", self.program_id);
        let mut history = String::new();
        // The newest ids that fit, oldest first.
        for id in visitor.click_ids.iter().rev().filter(|id| *id != current) {
            if content.len() + history.len() + 1 + id.as_str().len() > LONGEST_CONTENT {
                break;
            }
            history.insert_str(0, &format!("|{id}"));
        }
        content += &history;
        let signature = signature(self.secrets.first()?, content.as_bytes())?;
        let [content, signature] = [content.as_bytes(), &signature].map(|bytes| URL_SAFE_NO_PAD.encode(bytes));
        Some(format!("{VERSION}.{content}.{signature}"))
    }

    /// Returns the visitor in a text. `None` if it is not signed with this key, has expired, or belongs to another program or
    /// version: it is then treated as missing. Signatures are compared in constant time.
    pub fn verify(&self, text: &str, now: SystemTime) -> Option<Visitor> {
        self.verify_with_time(text, now).map(|(visitor, _)| visitor)
    }

    /// The same, with the time at which the text was signed: none of its clicks is newer.
    pub(crate) fn verify_with_time(&self, text: &str, now: SystemTime) -> Option<(Visitor, SystemTime)> {
        if text.len() > MAX_LEN {
            return None;
        }
        let (version, rest) = text.split_once('.')?;
        let (content, given) = rest.split_once('.').filter(|_| version == VERSION)?;
        let content = URL_SAFE_NO_PAD.decode(content).ok()?;
        let given = URL_SAFE_NO_PAD.decode(given).ok().filter(|given| given.len() == SIGNATURE)?;
        let is_signed = |secret| mac(secret, &content).is_some_and(|mac| mac.verify_truncated_left(&given).is_ok());
        if !self.secrets.iter().any(is_signed) {
            return None;
        }
        let mut parts = std::str::from_utf8(&content).ok()?.split('|');
        let until = u64::from_str_radix(parts.next()?, 16).ok()?;
        let signed = u64::from_str_radix(parts.next()?, 16).ok()?;
        if seconds(now) > until || parts.next()? != self.program_id {
            return None;
        }
        let ids: Vec<ClickId> = parts.map(ClickId::new).collect::<Result<_, _>>().ok()?;
        let (current, older) = ids.split_first()?;
        let click_ids: ClickHistory = match older {
            [] => ClickHistory::default(),
            older => older.iter().chain([current]).cloned().collect(),
        };
        let signed = UNIX_EPOCH.checked_add(Duration::from_secs(signed))?;
        Some((Visitor::from(current.clone()).click_ids(click_ids), signed))
    }
}

fn checked(secret: impl Into<String>) -> Result<SecretString, InvalidKey> {
    let secret = SecretString::from(secret.into());
    let trimmed = secret.expose_secret().trim();
    if trimmed.len() < SHORTEST {
        return Err(InvalidKey("the secret of a visitor key needs at least 32 bytes: `openssl rand -hex 32`"));
    }
    match why_unusable(trimmed) {
        Some(reason) => Err(InvalidKey(reason)),
        None => Ok(SecretString::from(trimmed)),
    }
}

fn mac(secret: &SecretString, content: &[u8]) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()).ok()?;
    mac.update(PURPOSE);
    mac.update(content);
    Some(mac)
}

fn signature(secret: &SecretString, content: &[u8]) -> Option<[u8; SIGNATURE]> {
    let mut signature = [0; SIGNATURE];
    signature.copy_from_slice(&mac(secret, content)?.finalize().into_bytes()[..SIGNATURE]);
    Some(signature)
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

impl fmt::Debug for VisitorKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VisitorKey({}, [{} redacted])", self.program_id, self.secrets.len())
    }
}
