//! Where the API key comes from, and reading it again after it was rotated.
//!
//! The API key can change. `key_source.rs` reads it from a file or a function when the service rejects it, at most every 5 seconds,
//! and within the time limit of the call. A file must have the same content twice, because it may be half-written.

use std::{
    error::Error as StdError,
    fmt, fs,
    future::Future,
    io,
    path::{Path, PathBuf},
    pin::Pin,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use reqwest::header::HeaderValue;
use tokio::time::Instant;

use super::api_key::ApiKey;
use crate::error::{Error, ErrorKind};

/// The key is read at most once in this interval.
const MIN_INTERVAL: Duration = Duration::from_secs(5);
/// A file must have the same content twice, this far apart, because it may be half-written.
const SETTLE: Duration = Duration::from_millis(50);
/// Number of times that a file is read until its content stays the same.
const MAX_READS: u32 = 20;

type BoxError = Box<dyn StdError + Send + Sync>;
type KeyFuture = Pin<Box<dyn Future<Output = Result<String, BoxError>> + Send>>;

/// Where the API key comes from.
#[derive(Clone)]
pub(crate) enum KeySource {
    /// A key that does not change.
    Fixed,
    File(PathBuf),
    Function(Arc<dyn Fn() -> KeyFuture + Send + Sync>),
}

impl fmt::Debug for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed => f.write_str("Fixed"),
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            Self::Function(_) => f.write_str("Function"),
        }
    }
}

impl KeySource {
    pub(crate) fn function<F, Fut, E>(read: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<String, E>> + Send + 'static,
        E: Into<BoxError>,
    {
        Self::Function(Arc::new(move || {
            let reading = read();
            Box::pin(async move { reading.await.map_err(Into::into) })
        }))
    }

    async fn read(&self) -> Result<ApiKey, BoxError> {
        match self {
            Self::Fixed => Err("the key does not change".into()),
            Self::File(path) => read_settled(path).await,
            Self::Function(read) => Ok(ApiKey::new(read().await?)?),
        }
    }
}

/// Reads the key from a file.
pub(crate) fn read_file(path: &Path) -> Result<ApiKey, Error> {
    let text = fs::read_to_string(path)
        .map_err(|error| Error::invalid(format!("the file with the API key can't be read: {}", error.kind())))?;
    ApiKey::new(text)
}

/// Reads a file until its content is a key and stays the same.
async fn read_settled(path: &Path) -> Result<ApiKey, BoxError> {
    let mut last = None;
    for _ in 0..MAX_READS {
        let path = path.to_owned();
        // Reading a file blocks.
        let read = tokio::task::spawn_blocking(move || read_file(&path)).await?;
        match (read, last.take()) {
            (Ok(key), Some(before)) if key == before => return Ok(key),
            (Ok(key), _) => last = Some(key),
            (Err(_), _) => {}
        }
        tokio::time::sleep(SETTLE).await;
    }
    Err(io::Error::other("the file does not contain a key, or changes all the time").into())
}

/// A key, ready to be sent.
pub(crate) struct Credentials {
    pub(crate) key: ApiKey,
    pub(crate) authorization: HeaderValue,
}

impl Credentials {
    fn new(key: ApiKey) -> Result<Arc<Self>, Error> {
        let mut authorization = HeaderValue::try_from(format!("Bearer {}", key.expose()))
            .map_err(|_| Error::invalid("the API key contains characters that a header can't have"))?;
        authorization.set_sensitive(true);
        Ok(Arc::new(Self { key, authorization }))
    }
}

/// The current key.
pub(crate) struct Keys {
    current: RwLock<Option<Arc<Credentials>>>,
    source: KeySource,
    /// Time of the last reading. Held while reading, so that concurrent calls read once.
    last_read: tokio::sync::Mutex<Option<Instant>>,
}

impl Keys {
    /// Starts with this key. Without one, the first call reads it.
    pub(crate) fn new(key: Option<ApiKey>, source: KeySource) -> Result<Self, Error> {
        let current = RwLock::new(key.map(Credentials::new).transpose()?);
        Ok(Self { current, source, last_read: tokio::sync::Mutex::default() })
    }

    fn current(&self) -> Option<Arc<Credentials>> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns the key, and reads it if there is none yet.
    pub(crate) async fn get(&self, deadline: Instant) -> Result<Arc<Credentials>, Error> {
        if let Some(current) = self.current() {
            return Ok(current);
        }
        match tokio::time::timeout_at(deadline, self.read_unless(None)).await {
            Ok(Some(credentials)) => Ok(credentials),
            _ => Err(Error::new(ErrorKind::NoKey)),
        }
    }

    /// Returns another key after this one was rejected. Reads it at most every 5 seconds. Returns `None` if it is still the
    /// same, or can't be read until the deadline.
    pub(crate) async fn replace(&self, rejected: &Credentials, deadline: Instant) -> Option<Arc<Credentials>> {
        if matches!(self.source, KeySource::Fixed) {
            return None;
        }
        tokio::time::timeout_at(deadline, self.read_unless(Some(rejected))).await.ok().flatten()
    }

    /// Reads the key, unless another call has read it meanwhile. Returns `None` if it equals `rejected`.
    async fn read_unless(&self, rejected: Option<&Credentials>) -> Option<Arc<Credentials>> {
        let is_new = |credentials: &Arc<Credentials>| rejected.is_none_or(|old| old.key != credentials.key);
        let mut last_read = self.last_read.lock().await;
        if let Some(current) = self.current().filter(is_new) {
            return Some(current);
        }
        if last_read.is_some_and(|at| at.elapsed() < MIN_INTERVAL) {
            return None;
        }
        *last_read = Some(Instant::now());
        let read = match self.source.read().await {
            Ok(key) => Credentials::new(key).ok()?,
            Err(error) => {
                // The message may contain the key, if a function puts it there.
                tracing::error!(
                    source = ?self.source,
                    invalid = error.downcast_ref::<Error>().is_some(),
                    "the API key could not be read again"
                );
                return None;
            }
        };
        let read = Some(read).filter(is_new)?;
        tracing::info!("the API key has changed");
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&read));
        Some(read)
    }
}
