//! Checks the settings and starts the sandbox.

use std::{collections::HashSet, io, sync::Arc};

use tokio::net::TcpListener;
use url::Url;

use super::{OtherProgram, SandboxBuilder};
use crate::{
    fault::ActiveFaults,
    management::{ManagementKey, ManagementKeys},
    percent::Percent,
    policy::DEFAULT_GROUP,
    program::{MAX_PROGRAM_ID, Partner, PartnerState, Program, Secret, StripeConnection},
    request_log::RequestLog,
    sandbox::Sandbox,
    secret::{StoredKey, random},
    service::Service,
    state::{Configured, State},
};

/// Code of the default partner.
const PARTNER: &str = "PARTNER123";

impl Sandbox {
    /// Starts a sandbox with the defaults: a free port, program 42, key `test_key`, partner `PARTNER123`.
    ///
    /// # Errors
    ///
    /// Returns an error if no port can be bound.
    pub async fn start() -> io::Result<Self> {
        Self::builder().start().await
    }

    /// Returns a builder with the defaults.
    pub fn builder() -> SandboxBuilder {
        SandboxBuilder::default()
    }
}

impl SandboxBuilder {
    fn check(&self) -> io::Result<()> {
        let invalid = |message: String| Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        let others = |field: fn(&OtherProgram) -> String| self.other_programs.iter().map(field);
        let ids = std::iter::once(self.program.id.to_string()).chain(others(|other| other.id.to_string()));
        let keys = std::iter::once(self.api_key.0.clone()).chain(others(|other| other.api_key.0.clone()));
        let codes = self.partners.iter().map(|(code, _)| code.clone()).chain(others(|other| other.partner.clone()));
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
        if self.stripe_webhook_secret.as_ref().is_some_and(|secret| secret.0.trim().is_empty()) {
            return invalid("empty Stripe webhook secret".to_owned());
        }
        if self.management_key.as_ref().is_some_and(|key| key.0.trim().is_empty()) {
            return invalid("empty management key".to_owned());
        }
        if self.api_key.0.starts_with("affk_") {
            return invalid("affk_… is a management key, which the service refuses for these calls".to_owned());
        }
        let mut ids = std::iter::once(self.program.id).chain(self.other_programs.iter().map(|other| other.id));
        if ids.any(|id| id >= MAX_PROGRAM_ID) {
            return invalid("a program id is not smaller than 2^53".to_owned());
        }
        let is_host = |name: &String| {
            Url::parse(&format!("http://{name}/")).is_ok_and(|url| url.host_str() == Some(name) && url.port().is_none())
        };
        if let Some(name) = self.hosts.allowed.iter().find(|name| !is_host(name)) {
            let form = "give the name without a port, and an IPv6 address in brackets";
            return invalid(format!("{name:?} is not a host name: {form}"));
        }
        match self.program.commission {
            Some(commission) if commission.percent > Percent::HUNDRED => {
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
    /// code; if a key, a code or the webhook secret is empty; if the key is a management key (`affk_…`); if a program id is not smaller than
    /// 2^53; if a host name is invalid; if the commission is more than 100 percent; if the [data file](Self::data) can't be read or written, or
    /// is open in another sandbox.
    pub async fn start(mut self) -> io::Result<Sandbox> {
        if self.partners.is_empty() {
            self.partners.push((PARTNER.to_owned(), DEFAULT_GROUP.to_owned()));
        }
        self.check()?;
        let listener = TcpListener::bind(self.address)
            .await
            .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", self.address)))?;
        let address = listener.local_addr()?;
        let codes = self.partners;
        let (program_id, api_key, partner_code) = (self.program.id, self.api_key, codes[0].0.clone());
        let partner =
            |code, group, program| Partner { code, program, group, state: PartnerState::Active, created_ms: None };
        let mut partners: Vec<Partner> = codes.into_iter().map(|(code, group)| partner(code, group, 0)).collect();
        let program = |id: u64, api_key: &Secret, settings: Program| Program {
            id,
            name: format!("Sandbox program {id}"),
            api_key: StoredKey::of(&api_key.0),
            ..settings
        };
        let others = self.program.clone();
        let mut programs = vec![program(program_id, &api_key, self.program)];
        programs[0].stripe = self.stripe_webhook_secret.map(|webhook_secret| StripeConnection {
            account_id: "acct_sandbox".to_owned(),
            webhook_endpoint_id: "we_sandbox".to_owned(),
            webhook_secret,
            connected_ms: self.clock.now_ms(),
        });
        for OtherProgram { id, api_key, partner: code } in self.other_programs {
            partners.push(partner(code, DEFAULT_GROUP.to_owned(), programs.len()));
            programs.push(program(id, &api_key, others.clone()));
        }
        let mut management = ManagementKeys::default();
        if let Some(key) = self.management_key {
            management.add(ManagementKey::new(management.next_id(), "builder".to_owned(), &key.0));
        }
        let configured = Configured { programs, partners, management };
        let mut state = State::new(configured, self.clock, self.memory_limit);
        state.generation = random("")?;
        let faults = ActiveFaults::new(self.faults, self.seed);
        let log = RequestLog::new(self.requests_kept);
        let mut service = Service::new(state, faults, log, self.origins, self.hosts);
        if let Some(file) = &self.data {
            service.open_journal(file, self.skip_damaged_lines)?;
        }
        Ok(Sandbox::serve(listener, address, Arc::new(service), program_id, api_key, partner_code))
    }
}
