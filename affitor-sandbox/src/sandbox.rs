//! A running sandbox and the methods by which tests inspect and change it.

mod read;

use std::{
    fmt, io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

pub use read::TimedOut;
use tokio::{net::TcpListener, task::JoinHandle};

use crate::{
    change::Change,
    clock::DAY_MS,
    fault::FaultRule,
    policy::Terms,
    program::{PartnerState, Secret},
    router, server,
    service::Service,
};

/// The service, running until the value is dropped. By default it listens on 127.0.0.1.
///
/// ```
/// use affitor_sandbox::Sandbox;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> std::io::Result<()> {
/// let sandbox = Sandbox::start().await?;
/// assert!(sandbox.url().starts_with("http://127.0.0.1:"));
/// assert!(sandbox.sales().is_empty());
/// # Ok(()) }
/// ```
#[must_use = "a sandbox stops when it is dropped"]
pub struct Sandbox {
    address: SocketAddr,
    url: String,
    program_id: u64,
    api_key: Secret,
    partner_code: String,
    service: Arc<Service>,
    server: JoinHandle<()>,
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.server.abort();
        self.service.close();
    }
}

impl fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sandbox")
            .field("url", &self.url)
            .field("program_id", &self.program_id)
            .field("partner_code", &self.partner_code)
            .finish_non_exhaustive()
    }
}

impl Sandbox {
    pub(crate) fn serve(
        listener: TcpListener,
        address: SocketAddr,
        service: Arc<Service>,
        program_id: u64,
        api_key: Secret,
        partner_code: String,
    ) -> Self {
        let serving = server::serve(listener, router::router(service.clone()));
        let syncing = sync_journal(service.clone());
        // Both run until the sandbox stops.
        let server = tokio::spawn(async {
            tokio::join!(serving, syncing);
        });
        let url = format!("http://{}", reachable(address));
        Self { address, url, program_id, api_key, partner_code, service, server }
    }

    /// Stops the sandbox and waits until its port is free again, which lets a test restart the service under a running
    /// app. Dropping the sandbox stops it too, but a moment later.
    pub async fn stop(mut self) {
        self.service.close();
        self.server.abort();
        // The result is always "cancelled".
        let _ = (&mut self.server).await;
    }

    /// Returns the base URL, for `AFFITOR_API_URL`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the socket address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the program's id.
    pub fn program_id(&self) -> u64 {
        self.program_id
    }

    /// Returns the API key of the [builder](crate::SandboxBuilder::api_key), for `AFFITOR_API_KEY`. It is invalid after
    /// [`rotate_key`](Self::rotate_key), and from the start if the [data file](crate::SandboxBuilder::data) contains a rotation.
    pub fn api_key(&self) -> &str {
        &self.api_key.0
    }

    /// Returns the time of the last rotation of the program's key, in milliseconds since 1970; `None` if it was never
    /// rotated.
    pub fn key_rotated_at_ms(&self) -> Option<i64> {
        let inner = self.service.lock();
        inner.state.first_program().and_then(|program| program.key_rotated_ms)
    }

    /// Gives the program a new API key and returns it. The sandbox keeps only its hash, so it can't be read again. The old
    /// key is invalid from then on: every call with it gets a 401, until a [reset](Self::reset).
    ///
    /// # Errors
    ///
    /// Returns an error if the [data file](crate::SandboxBuilder::data) can't be written, or if the operating system has no random
    /// numbers. The old key then remains valid.
    pub fn rotate_key(&self) -> io::Result<String> {
        let key = self.service.rotate_key(self.program_id)?;
        Ok(key.map(|key| key.0).unwrap_or_default())
    }

    /// Returns the code of the first partner's link, for `?aff=`.
    pub fn partner_code(&self) -> &str {
        &self.partner_code
    }

    /// Returns the first partner's link to a small shop to click through. The sandbox's page shows the events that the
    /// shop reports.
    pub fn shop_url(&self) -> String {
        let query =
            url::form_urlencoded::Serializer::new(String::new()).append_pair("aff", &self.partner_code).finish();
        format!("{}/_sandbox/shop?{query}", self.url)
    }

    /// Adds a fault rule. It applies to all further requests.
    pub fn inject(&self, rule: FaultRule) {
        self.service.lock().faults.add(rule);
        self.service.notify();
    }

    /// Removes all fault rules.
    pub fn clear_faults(&self) {
        self.service.lock().faults.clear();
        self.service.notify();
    }

    /// Returns the fault rules in force, with their remaining counts.
    pub fn faults(&self) -> Vec<FaultRule> {
        self.service.lock().faults.rules().to_vec()
    }

    /// Deletes every event and request, and restores the initial state: the clock, and the programs and keys of the
    /// builder. Fault rules are kept.
    ///
    /// # Errors
    ///
    /// Returns an error if the [data file](crate::SandboxBuilder::data) can't be written.
    pub fn reset(&self) -> io::Result<()> {
        self.service.reset()
    }

    /// Sets the state of a partner. Returns `false` if there is no partner with this code.
    pub fn set_partner_state(&self, code: &str, state: PartnerState) -> bool {
        if self.service.lock().state.partner(code).is_none() {
            return false;
        }
        log_error(self.service.change(|_| Change::Partner { code: code.to_owned(), state }));
        true
    }

    /// Pauses or resumes the program. The service pauses a program whose invoice is overdue. Clicks and leads are still recorded. What a
    /// sale earns meanwhile is not documented: see [`PausedSale`](crate::PausedSale).
    pub fn set_paused(&self, is_paused: bool) {
        let program_id = self.program_id();
        log_error(self.service.change(|_| Change::Terms { program_id, terms: Terms::Paused(is_paused) }));
    }

    /// Pays every commission of the program whose hold is over. A refund after that makes the partner's balance negative, which the next
    /// payout takes into account.
    pub fn pay_out(&self) {
        let program_id = self.program_id();
        log_error(self.service.change(|state| Change::PaidOut { program_id, at_ms: state.clock.now_ms() }));
    }

    /// Moves the clock ahead. The total is limited to a thousand years. Only a [reset](Self::reset) moves it back.
    pub fn advance(&self, by: Duration) {
        log_error(self.service.change(|state| Change::Clock { ahead_ms: state.clock.ahead_after(by) }));
    }

    /// Moves the clock ahead by a number of days.
    pub fn advance_days(&self, days: u32) {
        self.advance(Duration::from_millis(u64::from(days) * DAY_MS.unsigned_abs()));
    }

    /// Returns the time of the clock, in milliseconds since 1970.
    pub fn now_ms(&self) -> i64 {
        self.service.lock().state.clock.now_ms()
    }
}

/// How often the journal is synced to the disk.
const SYNC_INTERVAL: Duration = Duration::from_secs(1);

/// Syncs the journal to the disk, if there is one.
async fn sync_journal(service: Arc<Service>) {
    loop {
        tokio::time::sleep(SYNC_INTERVAL).await;
        let synced = match service.take_unsynced() {
            Ok(None) => Ok(()),
            Ok(Some(file)) => {
                let synced = tokio::task::spawn_blocking(move || file.sync_data()).await;
                synced.unwrap_or_else(|error| Err(io::Error::other(error)))
            }
            Err(error) => Err(error),
        };
        if let Err(error) = synced {
            tracing::error!(%error, "the journal can't be synced to the disk");
        }
    }
}

/// Returns the address under which this machine reaches the sandbox.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}

/// Logs a failed change. Only a sandbox with a [data file](crate::SandboxBuilder::data) can fail here.
fn log_error(changed: io::Result<()>) {
    if let Err(error) = changed {
        tracing::error!(%error, "the data file can't be written; nothing was changed");
    }
}
