//! Which TLS an app has, from its lock file.

use std::{fs::File, io::Read as _, path::Path};

use serde::Serialize;
use toml_edit::{DocumentMut, Item};

/// The features of the Affitor crates that bring TLS.
pub(crate) const FEATURES: [&str; 5] = ["rustls", "aws-lc-rs", "ring", "native-tls", "native-tls-vendored"];

/// Largest lock file that is read, in bytes.
const LIMIT: u64 = 8 * 1024 * 1024;

/// What a lock file has, whichever crate needs it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Tls {
    /// Cryptography of rustls.
    pub(crate) aws_lc_rs: bool,
    /// Cryptography of rustls.
    pub(crate) ring: bool,
    pub(crate) native_tls: bool,
}

impl Tls {
    /// Reads the lock file of a package: in its folder, or in that of its workspace.
    pub(crate) fn of(folder: &Path) -> Option<Self> {
        let file = folder.ancestors().find_map(|folder| File::open(folder.join("Cargo.lock")).ok())?;
        let mut text = String::new();
        file.take(LIMIT).read_to_string(&mut text).ok()?;
        Some(Self::read(&text.parse().ok()?))
    }

    fn read(lock: &DocumentMut) -> Self {
        let mut found = Self::default();
        let packages = lock.get("package").and_then(Item::as_array_of_tables).into_iter().flatten();
        for package in packages {
            let text = |key: &str| package.get(key).and_then(Item::as_str).unwrap_or_default();
            match text("name") {
                "rustls" if text("version").starts_with("0.23.") => {
                    let needs = package.get("dependencies").and_then(Item::as_array).into_iter().flatten();
                    // A name may be followed by a version.
                    let needs = needs.filter_map(|need| need.as_str()?.split(' ').next());
                    for need in needs {
                        found.aws_lc_rs |= need == "aws-lc-rs";
                        found.ring |= need == "ring";
                    }
                }
                "native-tls" => found.native_tls = true,
                _ => {}
            }
        }
        found
    }

    /// The feature with which the app's own TLS stays as it is.
    pub(crate) fn feature(self) -> &'static str {
        match self {
            Self { aws_lc_rs: true, .. } | Self { ring: true, .. } => "rustls",
            Self { native_tls: true, .. } => "native-tls",
            // It compiles faster than aws-lc-rs.
            _ => "ring",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_apps_own_tls_stays_as_it_is() {
        let package = |name: &str, version: &str, needs: &str| {
            format!("[[package]]\nname = '{name}'\nversion = '{version}'\ndependencies = [{needs}]\n")
        };
        for (packages, expected) in [
            (vec![], "ring"),
            (vec![package("native-tls", "0.2.14", "")], "native-tls"),
            (vec![package("rustls", "0.23.30", "'ring', 'log'")], "rustls"),
            (vec![package("rustls", "0.23.30", "'aws-lc-rs 1.19.0'"), package("native-tls", "0.2.14", "")], "rustls"),
            // Another version of rustls is of no use to the client.
            (vec![package("rustls", "0.21.12", "'ring'")], "ring"),
            (vec![package("rustls", "0.23.30", "'log'")], "ring"),
        ] {
            let lock = packages.concat();
            assert_eq!(Tls::read(&lock.parse().unwrap()).feature(), expected, "{lock}");
        }
    }
}
