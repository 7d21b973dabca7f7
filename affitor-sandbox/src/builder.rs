//! The builder of a sandbox.

use std::{collections::HashSet, io, net::SocketAddr, path::PathBuf, sync::Arc};

use tokio::net::TcpListener;

use crate::{
    browser::Origins,
    clock::Clock,
    commission::Commission,
    fault::{ActiveFaults, FaultRule},
    interpretations::Interpretations,
    program::{ApiKey, DEFAULT_API_KEY, LeadAuth, Partner, PartnerState, Payout, Program},
    request_log::{self, RequestLog},
    sandbox::Sandbox,
    service::Service,
    state::State,
};

/// Builder of a [`Sandbox`].
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
    other_programs: Vec<OtherProgram>,
    origins: Origins,
    clock: Clock,
    faults: Vec<FaultRule>,
    seed: u64,
    requests_kept: usize,
    data: Option<PathBuf>,
}

/// An additional program with its only partner.
#[derive(Clone, Debug)]
struct OtherProgram {
    id: u64,
    api_key: ApiKey,
    partner: String,
}

/// Code of the default partner.
const PARTNER: &str = "PARTNER123";

impl Default for SandboxBuilder {
    fn default() -> Self {
        Self {
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            program: Program {
                id: 42,
                api_key: ApiKey(DEFAULT_API_KEY.to_owned()),
                lead_auth: LeadAuth::default(),
                attribution_window_days: 60,
                cookie_window_days: 90,
                hold_days: 15,
                commission: Some(Commission::lifetime(20)),
                profile_complete: true,
                payout: Payout::default(),
                interpretations: Interpretations::default(),
            },
            partners: Vec::new(),
            other_programs: Vec::new(),
            origins: Origins::default(),
            clock: Clock::default(),
            faults: Vec::new(),
            seed: 0,
            requests_kept: request_log::DEFAULT_LIMIT,
            data: None,
        }
    }
}

impl SandboxBuilder {
    /// Sets the port on 127.0.0.1. Default: a free port.
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
        self.program.api_key = ApiKey(key.into());
        self
    }

    /// Adds a partner with this link code. Default, if none is added: `PARTNER123`.
    pub fn partner(mut self, code: impl Into<String>) -> Self {
        self.partners.push(code.into());
        self
    }

    /// Adds another program with one partner. Its other settings are those of the first program.
    pub fn other_program(mut self, id: u64, api_key: impl Into<String>, partner: impl Into<String>) -> Self {
        self.other_programs.push(OtherProgram { id, api_key: ApiKey(api_key.into()), partner: partner.into() });
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

    /// Removes the commission policy. Sales are recorded but pay nothing, and a synthetic chain is not attributed.
    pub fn without_commission(mut self) -> Self {
        self.program.commission = None;
        self
    }

    /// Sets whether the program's profile is complete. Default: `true`.
    pub fn profile_complete(mut self, complete: bool) -> Self {
        self.program.profile_complete = complete;
        self
    }

    /// Sets how partners are paid. Default: through Stripe.
    pub fn payout(mut self, payout: Payout) -> Self {
        self.program.payout = payout;
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
    /// [`Sandbox::advance`], so the same requests get the same responses in each run. Default: the machine's time.
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

    /// Sets how many [requests](Sandbox::requests) are kept. The oldest are dropped first. Default: 10,000.
    pub fn requests_kept(mut self, limit: usize) -> Self {
        self.requests_kept = limit;
        self
    }

    /// Stores all events in this file, and starts with the events that it already contains. Only one sandbox can have
    /// the file open at a time. Default: nothing is stored.
    ///
    /// The file is a journal of JSON lines, one per request. A line is written before the response is sent. It survives
    /// a crash of the process, but not always a power failure.
    ///
    /// The journal does not contain programs, partners and settings (they come from this builder), API keys, fault
    /// rules, or refused queries. A lead's `email` is stored as a hash; all other data is stored as sent, so on Unix only
    /// the owner can read the file. The file grows until [`Sandbox::reset`] empties it. Don't move, truncate or delete it
    /// while a sandbox has it open.
    pub fn data(mut self, file: impl Into<PathBuf>) -> Self {
        self.data = Some(file.into());
        self
    }

    fn check(&self) -> io::Result<()> {
        let invalid = |message: String| Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        let others = |field: fn(&OtherProgram) -> String| self.other_programs.iter().map(field);
        let ids = std::iter::once(self.program.id.to_string()).chain(others(|other| other.id.to_string()));
        let keys = std::iter::once(self.program.api_key.0.clone()).chain(others(|other| other.api_key.0.clone()));
        let codes = self.partners.iter().cloned().chain(others(|other| other.partner.clone()));
        for (what, values) in
            [("program id", ids.collect::<Vec<_>>()), ("API key", keys.collect()), ("partner code", codes.collect())]
        {
            if values.iter().any(|value| value.trim().is_empty()) {
                return invalid(format!("empty {what}"));
            }
            let mut seen = HashSet::new();
            if !values.iter().all(|value| seen.insert(value)) {
                return invalid(format!("duplicate {what}"));
            }
        }
        if self.program.api_key.0.starts_with("affk_") {
            return invalid("affk_… is a management key, which the service refuses for these calls".to_owned());
        }
        if i64::try_from(self.program.id).is_err() {
            return invalid("the program id is larger than 2^63 - 1".to_owned());
        }
        match self.program.commission {
            Some(commission) if commission.percent > 100 => {
                invalid("the commission is more than 100 percent".to_owned())
            }
            _ => Ok(()),
        }
    }

    /// Starts the sandbox.
    ///
    /// # Errors
    ///
    /// Returns an error if the port can't be bound; if two programs have the same id or key, or two partners the same
    /// code; if a key or a code is empty; if the key is a management key (`affk_…`); if the program id is larger than
    /// 2^63 - 1; if the commission is more than 100 percent; if the [data file](Self::data) can't be read or written, or
    /// is open in another sandbox.
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
        for OtherProgram { id, api_key, partner: code } in self.other_programs {
            partners.push(Partner { code, program: programs.len(), state: PartnerState::Active });
            programs.push(Program { id, api_key, ..programs[0].clone() });
        }
        let state = State::new(programs, partners, self.clock);
        let faults = ActiveFaults::new(self.faults, self.seed);
        let mut service = Service::new(state, faults, RequestLog::new(self.requests_kept), self.origins);
        if let Some(file) = &self.data {
            service.open_journal(file)?;
        }
        Ok(Sandbox::serve(listener, address, Arc::new(service), program_id, api_key, partner_code))
    }
}
