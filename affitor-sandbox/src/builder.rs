//! The builder of a sandbox.

mod start;

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
};

use crate::{
    browser::Origins,
    clock::Clock,
    commission::Commission,
    fault::FaultRule,
    hosts::Hosts,
    interpretations::Interpretations,
    memory,
    policy::{AttributionModel, DEFAULT_GROUP, Policy},
    program::{DEFAULT_API_KEY, LeadAuth, Payout, Profile, Program, Secret},
    request_log::{self},
    secret::StoredKey,
};

/// Builder of a [`Sandbox`](crate::Sandbox).
///
/// ```
/// use affitor_sandbox::{Commission, Sandbox};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> std::io::Result<()> {
/// let sandbox = Sandbox::builder()
///     .program_id(42)
///     .api_key("test_key")
///     .partner("PARTNER123")
///     .partner("abc123")
///     .attribution_window_days(60)
///     .commission(Commission::recurring(20, 12))
///     .start()
///     .await?;
/// assert_eq!(sandbox.program_id(), 42);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until it starts"]
pub struct SandboxBuilder {
    address: SocketAddr,
    program: Program,
    /// Key of `program`, which has only the hash.
    api_key: Secret,
    management_key: Option<Secret>,
    stripe_webhook_secret: Option<Secret>,
    /// Code and group.
    partners: Vec<(String, String)>,
    other_programs: Vec<OtherProgram>,
    origins: Origins,
    hosts: Hosts,
    memory_limit: usize,
    clock: Clock,
    faults: Vec<FaultRule>,
    seed: u64,
    requests_kept: usize,
    data: Option<PathBuf>,
    skip_damaged_lines: bool,
}

/// An additional program with its only partner.
#[derive(Clone, Debug)]
struct OtherProgram {
    id: u64,
    api_key: Secret,
    partner: String,
}

impl Default for SandboxBuilder {
    fn default() -> Self {
        Self {
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            program: Program {
                id: 42,
                name: String::new(),
                domain: "localhost".to_owned(),
                api_key: StoredKey::of(""),
                key_rotated_ms: None,
                created_ms: None,
                lead_auth: LeadAuth::default(),
                attribution_window_days: 60,
                cookie_window_days: 90,
                hold_days: 15,
                commission: Some(Commission::lifetime(20)),
                policies: Vec::new(),
                attribution_model: AttributionModel::default(),
                is_paused: false,
                profile: Profile::complete(),
                payout: None,
                stripe: None,
                interpretations: Interpretations::default(),
            },
            api_key: Secret(DEFAULT_API_KEY.to_owned()),
            management_key: None,
            stripe_webhook_secret: None,
            partners: Vec::new(),
            other_programs: Vec::new(),
            origins: Origins::default(),
            hosts: Hosts::default(),
            memory_limit: memory::DEFAULT_LIMIT,
            clock: Clock::default(),
            faults: Vec::new(),
            seed: 0,
            requests_kept: request_log::DEFAULT_LIMIT,
            data: None,
            skip_damaged_lines: false,
        }
    }
}

impl SandboxBuilder {
    /// Sets the IP address to listen on. Default: 127.0.0.1.
    ///
    /// Under another address, anyone who can reach the port can report clicks and leads, and, with the key, sales and
    /// refunds. With [`allow_host`](Self::allow_host), they can read and change everything, because there is no password:
    /// don't expose a sandbox to the internet.
    pub fn ip(mut self, ip: impl Into<IpAddr>) -> Self {
        self.address.set_ip(ip.into());
        self
    }

    /// Adds a host name under which the page, `/_sandbox/…`, and the calls that return recorded events without a key are
    /// available. Default: only names of this machine, such as `localhost`.
    ///
    /// The name is that in the `Host` header, without the port; an IPv6 address is in brackets. Without this setting, only
    /// clients on this machine are admitted, and web pages that point their own host name at it (DNS rebinding) are not.
    pub fn allow_host(mut self, name: impl Into<String>) -> Self {
        self.hosts.allowed.push(name.into().to_ascii_lowercase());
        self
    }

    /// Sets the memory limit for all records, in bytes. Default: 512 MiB. At least 1 MiB.
    ///
    /// When it is reached, the oldest details of events are dropped first (URLs, `additional_data` and the like), then
    /// provisional leads, then the oldest clicks of visitors who never signed up. Customers, leads, sales, transaction ids,
    /// commissions and refunds are never dropped: if they alone reach the limit, calls that would record something get a
    /// 503. [`Sandbox::memory`](crate::Sandbox::memory) counts what was dropped.
    ///
    /// The limit covers the records. The program and the newest [requests](Self::requests_kept) take up to about 80 MiB
    /// more. At most 1,024 connections are open, and at most 32 bodies of more than 16 KiB are read at a time; others get a
    /// 503.
    pub fn memory_limit(mut self, bytes: usize) -> Self {
        self.memory_limit = bytes.max(1024 * 1024);
        self
    }

    /// Connects a Stripe account, whose webhooks the sandbox then reads itself, as the service does. The secret
    /// (`whsec_…`) signs the events. Default: not connected.
    ///
    /// Deliver the account's events to `POST /webhooks/stripe/<program id>`. If the app tracks those sales too, partners
    /// are paid twice for them: see [`Sandbox::double_payments`](crate::Sandbox::double_payments).
    pub fn stripe_webhook_secret(mut self, secret: impl Into<String>) -> Self {
        self.stripe_webhook_secret = Some(Secret(secret.into()));
        self
    }

    /// Sets the port. Default: a free port.
    pub fn port(mut self, port: u16) -> Self {
        self.address.set_port(port);
        self
    }

    /// Sets the program's id. Default: 42.
    pub fn program_id(mut self, id: u64) -> Self {
        self.program.id = id;
        self
    }

    /// Sets the program's API key. Default: `test_key`.
    pub fn api_key(mut self, key: impl Into<String>) -> Self {
        self.api_key = Secret(key.into());
        self
    }

    /// Adds a key of the Management API with all scopes. Such keys usually begin with `affk_`. Default: none; a call with a person's
    /// session creates one.
    pub fn management_key(mut self, key: impl Into<String>) -> Self {
        self.management_key = Some(Secret(key.into()));
        self
    }

    /// Adds a partner with this link code. Default, if none is added: `PARTNER123`.
    pub fn partner(mut self, code: impl Into<String>) -> Self {
        self.partners.push((code.into(), DEFAULT_GROUP.to_owned()));
        self
    }

    /// Adds a partner in a group, which has [policies](Self::policy) of its own.
    pub fn partner_in_group(mut self, code: impl Into<String>, group: impl Into<String>) -> Self {
        self.partners.push((code.into(), group.into()));
        self
    }

    /// Adds another program with one partner. Its other settings are those of the first program.
    pub fn other_program(mut self, id: u64, api_key: impl Into<String>, partner: impl Into<String>) -> Self {
        self.other_programs.push(OtherProgram { id, api_key: Secret(api_key.into()), partner: partner.into() });
        self
    }

    /// Sets who may report leads. Default: browsers and servers.
    pub fn lead_auth(mut self, lead_auth: LeadAuth) -> Self {
        self.program.lead_auth = lead_auth;
        self
    }

    /// Sets the attribution window: the number of days after a click within which a sale earns a commission. Clamped to 1
    /// to 365 days. The last day is included: with 60, a sale on day 60 earns a commission and one on day 61 does not.
    /// Default: 60.
    pub fn attribution_window_days(mut self, days: u32) -> Self {
        self.program.attribution_window_days = days.clamp(1, 365);
        self
    }

    /// Sets the lifetime of the tracker's cookie, in days. Clamped to 1 to 365. Default: 90.
    pub fn cookie_window_days(mut self, days: u32) -> Self {
        self.program.cookie_window_days = days.clamp(1, 365);
        self
    }

    /// Sets the number of days for which a commission is held. Limited to 31. Default: 15.
    pub fn hold_days(mut self, days: u32) -> Self {
        self.program.hold_days = days.min(31);
        self
    }

    /// Sets the commission policy. Default: 20 % of every sale.
    pub fn commission(mut self, commission: Commission) -> Self {
        self.program.commission = Some(commission);
        self
    }

    /// Adds a policy for a group of partners, a product, or from some moment on. Default: none, so [`commission`](Self::commission)
    /// applies to every sale.
    ///
    /// ```
    /// use affitor_sandbox::{Commission, Policy, Sandbox};
    ///
    /// let sandbox = Sandbox::builder()
    ///     .partner("PARTNER123")
    ///     .partner_in_group("FRIEND1", "Friends")
    ///     .policy(Policy::new(Commission::lifetime(30)).group("Friends"))
    ///     .policy(Policy::new(Commission::lifetime(50)).product("prod_1"));
    /// ```
    pub fn policy(mut self, policy: Policy) -> Self {
        self.program.policies.push(policy);
        self
    }

    /// Sets which click is credited with a sale. Default: the last one.
    pub fn attribution_model(mut self, model: AttributionModel) -> Self {
        self.program.attribution_model = model;
        self
    }

    /// Removes the commission policy. Sales are recorded but pay nothing, and a synthetic chain is not attributed.
    pub fn without_commission(mut self) -> Self {
        self.program.commission = None;
        self
    }

    /// Sets whether the program's profile is complete: logo, web page, category and descriptions, besides the name. Default: `true`.
    pub fn profile_complete(mut self, complete: bool) -> Self {
        self.program.profile = if complete { Profile::complete() } else { Profile::default() };
        self
    }

    /// Sets how partners are paid, as readiness reports it. Default: through Stripe if it is
    /// [connected](Self::stripe_webhook_secret), otherwise manually.
    pub fn payout(mut self, payout: Payout) -> Self {
        self.program.payout = Some(payout);
        self
    }

    /// Allows pages of this origin (`https://shop.example`) to call *track click* and *track lead*. Default, if none is
    /// added: pages of any origin.
    pub fn allow_origin(mut self, origin: impl Into<String>) -> Self {
        self.origins.allowed.push(origin.into());
        self
    }

    /// Sets the behaviour wherever the service's documents contradict each other.
    pub fn interpretations(mut self, interpretations: Interpretations) -> Self {
        self.program.interpretations = interpretations;
        self
    }

    /// Stops the clock at this time, in milliseconds since 1970 and before the year 9000. The clock then moves only by
    /// [`Sandbox::advance`](crate::Sandbox::advance), so the same requests get the same responses in each run. Default: the machine's time.
    pub fn clock_stopped_at_ms(mut self, ms: i64) -> Self {
        self.clock = Clock::stopped_at(ms);
        self
    }

    /// Adds a fault rule. If several rules apply to a request, the first one is used. Default: no faults.
    ///
    /// ```
    /// use affitor_sandbox::{ApiCall, Fault, Sandbox};
    ///
    /// let flaky = Sandbox::builder()
    ///     .fault(Fault::ErrorAfterWrite.times(1).on(ApiCall::Sale))
    ///     .fault(Fault::ResetBeforeWrite.with_probability(0.05));
    /// ```
    pub fn fault(mut self, rule: FaultRule) -> Self {
        self.faults.push(rule);
        self
    }

    /// Sets the seed of the random numbers for [faults](Self::fault) with a probability. Default: 0.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Sets how many [requests](crate::Sandbox::requests) are kept. The oldest are dropped first. Default: 10,000.
    pub fn requests_kept(mut self, limit: usize) -> Self {
        self.requests_kept = limit;
        self
    }

    /// Stores all events in this file, and starts with the events that it already contains. Start with the same programs
    /// and partners as before. Only one sandbox can have the file open at a time. Default: nothing is stored.
    ///
    /// The file is a journal of JSON lines with checksums, one per request. A line is passed to the operating system before the response
    /// is sent, so an acknowledged event survives if the process is killed. The file is synced to the disk once a second,
    /// so a power failure may lose the last second.
    ///
    /// The journal does not contain the programs, partners and settings of this builder, fault rules, or refused queries.
    /// API keys, session tokens and a lead's `email` are stored as hashes. All other data is stored as sent, including the
    /// webhook secret of a Stripe account that was connected at run time, so on Unix only the owner can read the file. It
    /// grows by about 500 bytes per request until [`Sandbox::reset`](crate::Sandbox::reset) empties it. Don't move, truncate or delete it while a
    /// sandbox has it open.
    pub fn data(mut self, file: impl Into<PathBuf>) -> Self {
        self.data = Some(file.into());
        self
    }

    /// Skips damaged lines of the [data file](Self::data), and lines that depend on them, and logs their numbers. They stay in the file.
    /// Default: `false`, so a damaged line is an error that names it.
    pub fn skip_damaged_lines(mut self, on: bool) -> Self {
        self.skip_damaged_lines = on;
        self
    }
}
