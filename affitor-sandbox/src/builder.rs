//! How a sandbox is made.

use std::{collections::HashSet, io, net::SocketAddr, path::PathBuf, sync::Arc};

use tokio::net::TcpListener;

use crate::{
    Commission, FaultRule, LeadAuth, PartnerState, Payout, Readings, Sandbox,
    browser::Origins,
    clock::Clock,
    fault::Faults,
    program::{ApiKey, Partner, Program},
    request_log::{self, RequestLog},
    service::Service,
    state::State,
};

/// Makes a [`Sandbox`].
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
    partners: Vec<String>,
    others: Vec<(u64, ApiKey, String)>,
    origins: Origins,
    clock: Clock,
    faults: Vec<FaultRule>,
    seed: u64,
    requests_kept: usize,
    data: Option<PathBuf>,
}

/// The partner of a sandbox that was given none.
const PARTNER: &str = "PARTNER123";

/// The key of a sandbox that was given none.
pub(crate) const API_KEY: &str = "test_key";

impl Default for SandboxBuilder {
    fn default() -> Self {
        Self {
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            program: Program {
                id: 42,
                api_key: ApiKey(API_KEY.to_owned()),
                lead_auth: LeadAuth::default(),
                attribution_window_days: 60,
                cookie_window_days: 90,
                hold_days: 15,
                commission: Some(Commission::lifetime(20)),
                profile_complete: true,
                payout: Payout::default(),
                readings: Readings::default(),
            },
            partners: Vec::new(),
            others: Vec::new(),
            origins: Origins::default(),
            clock: Clock::default(),
            faults: Vec::new(),
            seed: 0,
            requests_kept: request_log::KEPT,
            data: None,
        }
    }
}

impl SandboxBuilder {
    /// Listens on this port of 127.0.0.1. Default: a free one.
    pub fn port(mut self, port: u16) -> Self {
        self.address.set_port(port);
        self
    }

    /// Sets the program's id. Default: 42.
    pub fn program_id(mut self, id: u64) -> Self {
        self.program.id = id;
        self
    }

    /// Sets the program's key. Default: `test_key`.
    pub fn api_key(mut self, key: impl Into<String>) -> Self {
        self.program.api_key = ApiKey(key.into());
        self
    }

    /// Adds a partner by the code of their link. Default, when none is added: `PARTNER123`.
    pub fn partner(mut self, code: impl Into<String>) -> Self {
        self.partners.push(code.into());
        self
    }

    /// Adds another program, with one partner of its own.
    pub fn other_program(mut self, id: u64, api_key: impl Into<String>, partner: impl Into<String>) -> Self {
        self.others.push((id, ApiKey(api_key.into()), partner.into()));
        self
    }

    /// Says who may report leads. Default: browsers and servers.
    pub fn lead_auth(mut self, lead_auth: LeadAuth) -> Self {
        self.program.lead_auth = lead_auth;
        self
    }

    /// Sets for how many days after a click a sale makes a commission: 1 to 365 (others are taken for the nearer of the
    /// two). Whole days count: with 60, day 60 is in it and day 61 is not. Default: 60.
    pub fn attribution_window_days(mut self, days: u32) -> Self {
        self.program.attribution_window_days = days.clamp(1, 365);
        self
    }

    /// Sets for how many days the tracker's cookie lives: 1 to 365. Default: 90.
    pub fn cookie_window_days(mut self, days: u32) -> Self {
        self.program.cookie_window_days = days.clamp(1, 365);
        self
    }

    /// Sets for how many days a commission is held: at most 31. Default: 15.
    pub fn hold_days(mut self, days: u32) -> Self {
        self.program.hold_days = days.min(31);
        self
    }

    /// Sets what a sale pays. Default: 20 % of every sale.
    pub fn commission(mut self, commission: Commission) -> Self {
        self.program.commission = Some(commission);
        self
    }

    /// Leaves the program without a commission policy: sales are recorded and pay nothing, and a chain is not attributed.
    pub fn without_commission(mut self) -> Self {
        self.program.commission = None;
        self
    }

    /// Says whether the program's profile is complete. Default: it is.
    pub fn profile_complete(mut self, complete: bool) -> Self {
        self.program.profile_complete = complete;
        self
    }

    /// Says how partners are paid. Default: through Stripe.
    pub fn payout(mut self, payout: Payout) -> Self {
        self.program.payout = payout;
        self
    }

    /// Lets pages of this origin (`https://shop.example`) call *track click* and *track lead*. Default, when none is
    /// named: pages of any origin.
    pub fn allow_origin(mut self, origin: impl Into<String>) -> Self {
        self.origins.allowed.push(origin.into());
        self
    }

    /// Sets what it does where the service's documents disagree.
    pub fn readings(mut self, readings: Readings) -> Self {
        self.program.readings = readings;
        self
    }

    /// Lets the clock stand still at this time, in milliseconds since 1970 and before the year 9000, until it is
    /// [moved](Sandbox::advance): then the same requests get the same answers in each run. Default: the machine's time.
    pub fn clock_standing_at_ms(mut self, ms: i64) -> Self {
        self.clock = Clock::standing_at(ms);
        self
    }

    /// Adds a rule of what goes wrong. Of several rules the first that hits counts. Default: nothing goes wrong.
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

    /// Sets what the probabilities of [faults](Self::fault) are drawn from. Default: 0.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Sets how many [requests](Sandbox::requests) are kept; of more, the oldest go. Default: 10,000.
    pub fn requests_kept(mut self, most: usize) -> Self {
        self.requests_kept = most;
        self
    }

    /// Keeps all that happens in this file, and starts with what it holds. Only one sandbox can have it open at a time.
    /// Default: nothing outlives the sandbox.
    ///
    /// It is a journal of JSON lines, one a request, each written before its request is answered; they survive the
    /// process, and not always a loss of power. The programs, partners and settings are not in it: they are those of
    /// this builder. Nor are keys; of a lead's `email` it holds the hash. What else an app sends is in it as it was sent, so
    /// on Unix only its owner can read the file. It grows until a [reset](Sandbox::reset) empties it; don't move, cut or
    /// delete it while a sandbox has it open. Refused questions are not in it, nor are faults.
    pub fn data(mut self, file: impl Into<PathBuf>) -> Self {
        self.data = Some(file.into());
        self
    }

    fn check(&self) -> io::Result<()> {
        let invalid = |why: String| Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        let all = |others: fn(&(u64, ApiKey, String)) -> String| self.others.iter().map(others);
        let ids = std::iter::once(self.program.id.to_string()).chain(all(|other| other.0.to_string()));
        let keys = std::iter::once(self.program.api_key.0.clone()).chain(all(|other| other.1.0.clone()));
        let codes = self.partners.iter().cloned().chain(all(|other| other.2.clone()));
        for (what, values) in
            [("program id", ids.collect::<Vec<_>>()), ("API key", keys.collect()), ("partner", codes.collect())]
        {
            if values.iter().any(|value| value.trim().is_empty()) {
                return invalid(format!("an empty {what}"));
            }
            let mut seen = HashSet::new();
            if !values.iter().all(|value| seen.insert(value)) {
                return invalid(format!("two of the same {what}"));
            }
        }
        if self.program.api_key.0.starts_with("affk_") {
            return invalid("affk_… is a management key, which the service refuses here".to_owned());
        }
        if i64::try_from(self.program.id).is_err() {
            return invalid("a program id of more than 2^63 - 1".to_owned());
        }
        match self.program.commission {
            Some(commission) if commission.percent > 100 => invalid("a commission of more than 100 percent".to_owned()),
            _ => Ok(()),
        }
    }

    /// Starts it.
    ///
    /// # Errors
    ///
    /// When it can't listen (the port is taken); when two programs have the same id or key, or two partners the same
    /// code, when a key or a code is empty, or a commission is over 100 percent; and when the [data](Self::data) can't be read, written, or had alone.
    pub async fn start(mut self) -> io::Result<Sandbox> {
        if self.partners.is_empty() {
            self.partners.push(PARTNER.to_owned());
        }
        self.check()?;
        let listener = TcpListener::bind(self.address)
            .await
            .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", self.address)))?;
        let address = listener.local_addr()?;
        let codes = self.partners;
        let (program_id, api_key, partner_code) = (self.program.id, self.program.api_key.clone(), codes[0].clone());
        let mut partners: Vec<Partner> =
            codes.into_iter().map(|code| Partner { code, program: 0, state: PartnerState::Active }).collect();
        let mut programs = vec![self.program];
        for (id, api_key, code) in self.others {
            partners.push(Partner { code, program: programs.len(), state: PartnerState::Active });
            programs.push(Program { id, api_key, ..programs[0].clone() });
        }
        let state = State::new(programs, partners, self.clock);
        let faults = Faults::new(self.faults, self.seed);
        let mut service = Service::new(state, faults, RequestLog::new(self.requests_kept), self.origins);
        if let Some(file) = &self.data {
            service.keep_in(file)?;
        }
        Ok(Sandbox::serve(listener, address, Arc::new(service), program_id, api_key, partner_code))
    }
}
