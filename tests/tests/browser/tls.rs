//! TLS in front of an app, with a certificate of its own. It keeps what browsers send.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, crypto::aws_lc_rs, pki_types::PrivatePkcs8KeyDer},
};

/// A listener for a host name, before there is an app behind it.
pub(crate) struct Tls {
    listener: TcpListener,
    acceptor: TlsAcceptor,
    pub(crate) origin: String,
}

/// What browsers sent, by connection.
#[derive(Clone, Default)]
pub(crate) struct Requests(Arc<Mutex<Vec<Vec<u8>>>>);

impl Tls {
    pub(crate) async fn bind(host: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let certificate = rcgen::generate_simple_self_signed([host.to_owned()]).unwrap();
        let key = PrivatePkcs8KeyDer::from(certificate.signing_key.serialize_der());
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.cert.der().clone()], key.into())
            .unwrap();
        Self { listener, acceptor: TlsAcceptor::from(Arc::new(config)), origin: format!("https://{host}:{port}") }
    }

    /// Forwards all connections to an app.
    pub(crate) fn forward(self, to: SocketAddr) -> Requests {
        let requests = Requests::default();
        let sent = requests.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = self.listener.accept().await {
                tokio::spawn(connection(self.acceptor.clone(), stream, to, sent.clone()));
            }
        });
        requests
    }
}

/// Browsers close connections whenever they want, so errors are ignored.
async fn connection(acceptor: TlsAcceptor, stream: TcpStream, to: SocketAddr, sent: Requests) -> Option<()> {
    let (mut from_browser, mut to_browser) = tokio::io::split(acceptor.accept(stream).await.ok()?);
    let (mut from_app, mut to_app) = TcpStream::connect(to).await.ok()?.into_split();
    let number = {
        let mut connections = sent.0.lock().unwrap();
        connections.push(Vec::new());
        connections.len() - 1
    };
    let requests = async {
        let mut buffer = [0; 8_192];
        while let Ok(len @ 1..) = from_browser.read(&mut buffer).await {
            sent.0.lock().unwrap()[number].extend_from_slice(&buffer[..len]);
            to_app.write_all(&buffer[..len]).await.ok()?;
        }
        to_app.shutdown().await.ok()
    };
    let responses = tokio::io::copy(&mut from_app, &mut to_browser);
    tokio::join!(requests, responses).0
}

impl Requests {
    /// Returns whether any request contains a text.
    pub(crate) fn contain(&self, text: &str) -> bool {
        let connections = self.0.lock().unwrap();
        connections.iter().any(|sent| String::from_utf8_lossy(sent).contains(text))
    }

    /// Returns the names of the cookies of the only request that begins like this.
    pub(crate) fn cookies(&self, begin: &str) -> Vec<String> {
        let connections = self.0.lock().unwrap();
        let texts: Vec<_> = connections.iter().map(|sent| String::from_utf8_lossy(sent)).collect();
        let mut heads = texts.iter().flat_map(|text| text.match_indices(begin).map(|(at, _)| &text[at..]));
        let head = heads.next().unwrap_or_else(|| panic!("no {begin}"));
        assert!(heads.next().is_none(), "several {begin}");
        let lines = head.lines().take_while(|line| !line.is_empty());
        let cookies =
            lines.filter_map(|line| line.split_once(": ").filter(|(name, _)| name.eq_ignore_ascii_case("cookie")));
        let pairs = cookies.flat_map(|(_, pairs)| pairs.split("; "));
        pairs.map(|pair| pair.split_once('=').unwrap().0.to_owned()).collect()
    }
}
