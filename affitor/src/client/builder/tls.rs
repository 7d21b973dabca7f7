//! Which TLS a client uses: what the app has. Nothing is installed for the process, so the app's own connections stay as they are.
//!
//! TLS is the app's choice (`affitor/src/client/builder/tls.rs`). A client gets its provider explicitly, so that it does not matter
//! who installs one, and when. What the app has compiled is found by name resolution: a glob import inside of a function hides a
//! module of the same name outside of it. Features that forward to rustls' would bring a second provider into apps that have one, and
//! a crate can't see the features of another one. Without a provider, reqwest panics even for `http`; that is why no TLS feature is a
//! default.

use std::sync::Once;

use reqwest::ClientBuilder;

use crate::error::{Error, ErrorKind};

/// What to add if there is no TLS.
const HELP: &str = "enable a feature of the crate affitor, affitor-axum, affitor-actix or affitor-tower: `rustls` if the app has \
                    rustls, else `ring`, `aws-lc-rs` or `native-tls`; or set an http_client";

/// An HTTP client in the making, and whether it has TLS.
pub(super) struct Http {
    builder: ClientBuilder,
    has_tls: bool,
}

impl Http {
    /// Begins a client.
    ///
    /// # Errors
    ///
    /// Returns an error if the feature `rustls` is enabled, and the process has no cryptography for it; if the certificates of
    /// the system can't be loaded.
    pub(super) fn new() -> Result<Self, Error> {
        Self::with_rustls(reqwest::Client::builder())
    }

    #[cfg(feature = "rustls")]
    fn with_rustls(builder: ClientBuilder) -> Result<Self, Error> {
        match provider::find() {
            Some(provider) => {
                let config = provider::config(provider).map_err(|source| failed().with_source(source))?;
                Ok(Self { builder: builder.tls_backend_preconfigured(config), has_tls: true })
            }
            None if cfg!(feature = "native-tls") => Ok(Self::with_native(builder)),
            // Without cryptography, reqwest would panic, even for `http`.
            None => Err(Error::invalid(format!("rustls has no cryptography in this app: {HELP}"))),
        }
    }

    #[cfg(not(feature = "rustls"))]
    #[expect(clippy::unnecessary_wraps, reason = "the same signature with the feature `rustls`")]
    fn with_rustls(builder: ClientBuilder) -> Result<Self, Error> {
        Ok(Self::with_native(builder))
    }

    #[cfg(feature = "native-tls")]
    fn with_native(builder: ClientBuilder) -> Self {
        Self { builder: builder.tls_backend_native(), has_tls: true }
    }

    #[cfg(not(feature = "native-tls"))]
    fn with_native(builder: ClientBuilder) -> Self {
        Self { builder, has_tls: false }
    }

    /// Changes the client.
    pub(super) fn with(self, change: impl FnOnce(ClientBuilder) -> ClientBuilder) -> Self {
        Self { builder: change(self.builder), ..self }
    }

    /// Builds the client for a URL with this scheme.
    ///
    /// # Errors
    ///
    /// Returns an error if the scheme needs TLS, and there is none.
    pub(super) fn build(self, scheme: &str) -> Result<reqwest::Client, Error> {
        static WARNED: Once = Once::new();
        let product = concat!("affitor-rust/", env!("CARGO_PKG_VERSION"));
        if self.has_tls {
            return self.builder.user_agent(product).build().map_err(|source| failed().with_source(source));
        }
        if scheme == "https" {
            return Err(Error::invalid(format!("https needs TLS: {HELP}")));
        }
        WARNED.call_once(|| {
            tracing::warn!("this client has no TLS, so https://api.affitor.com will be an error in production: {HELP}");
        });
        // `affitor prove` reads it, so that nobody learns it in production.
        let builder = self.builder.user_agent(format!("{product} (no TLS)"));
        // The app's reqwest may have the feature `rustls-no-provider`. It then panics unless the app installs one before.
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| builder.build()))
            .map_err(|_| {
                Error::invalid("reqwest has no TLS yet: build the client after the app installs its CryptoProvider")
            })?
            .map_err(|source| failed().with_source(source))
    }
}

fn failed() -> Error {
    Error::new(ErrorKind::Transport).with_message("TLS could not be set up")
}

/// The cryptography of rustls.
#[cfg(feature = "rustls")]
mod provider {
    use std::sync::Arc;

    use rustls::{ClientConfig, crypto::CryptoProvider};
    use rustls_platform_verifier::BuilderVerifierExt as _;

    /// Finds the cryptography for a client.
    pub(super) fn find() -> Option<Arc<CryptoProvider>> {
        let of_process = CryptoProvider::get_default().cloned();
        let prefers_ring = cfg!(feature = "ring") && !cfg!(feature = "aws-lc-rs");
        choose(of_process, compiled::aws_lc_rs().map(Arc::new), compiled::ring().map(Arc::new), prefers_ring)
    }

    /// The process's own choice comes first. If an app has compiled both, and chose none, it is that of our feature, else that of
    /// rustls itself.
    fn choose<P>(of_process: Option<P>, aws_lc_rs: Option<P>, ring: Option<P>, prefers_ring: bool) -> Option<P> {
        let compiled = if prefers_ring { ring.or(aws_lc_rs) } else { aws_lc_rs.or(ring) };
        of_process.or(compiled)
    }

    /// The configuration of a client that trusts the certificates of the system.
    pub(super) fn config(provider: Arc<CryptoProvider>) -> Result<ClientConfig, rustls::Error> {
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        let mut config = builder.with_platform_verifier()?.with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }

    /// What the app has compiled, whichever crate asked for it. Cargo does not tell a crate the features of another one. But a module
    /// that a glob imports in a function hides one of the same name outside of it, so a module of rustls that exists is used here.
    mod compiled {
        use rustls::crypto::CryptoProvider;

        mod aws_lc_rs {
            #[allow(dead_code, reason = "used if rustls has no such module")]
            pub(super) fn default_provider() -> Option<rustls::crypto::CryptoProvider> {
                None
            }
        }

        mod ring {
            #[allow(dead_code, reason = "used if rustls has no such module")]
            pub(super) fn default_provider() -> Option<rustls::crypto::CryptoProvider> {
                None
            }
        }

        #[allow(clippy::wildcard_imports, clippy::useless_conversion, unused_imports, reason = "see above")]
        pub(super) fn aws_lc_rs() -> Option<CryptoProvider> {
            use rustls::crypto::*;
            aws_lc_rs::default_provider().into()
        }

        #[allow(clippy::wildcard_imports, clippy::useless_conversion, unused_imports, reason = "see above")]
        pub(super) fn ring() -> Option<CryptoProvider> {
            use rustls::crypto::*;
            ring::default_provider().into()
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn the_app_chooses() {
            let (process, aws, ring) = (Some("process"), Some("aws-lc-rs"), Some("ring"));
            for (of_process, aws_lc_rs, of_ring, prefers_ring, expected) in [
                (process, aws, ring, true, process),
                (process, None, None, false, process),
                (None, aws, None, true, aws),
                (None, None, ring, false, ring),
                (None, aws, ring, false, aws),
                (None, aws, ring, true, ring),
                (None, None, None, true, None),
            ] {
                assert_eq!(choose(of_process, aws_lc_rs, of_ring, prefers_ring), expected);
            }
        }

        #[test]
        fn nothing_is_installed_for_the_process() {
            assert!(find().is_some(), "the tests compile aws-lc-rs");
            assert_eq!(compiled::ring().is_some(), cfg!(feature = "ring"), "only this crate could ask for ring");
            super::super::Http::new().and_then(|http| http.build("https")).unwrap();
            assert!(CryptoProvider::get_default().is_none());
        }
    }
}
