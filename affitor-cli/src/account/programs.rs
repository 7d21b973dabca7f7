//! `affitor programs`: lists the programs of the person who is logged in.

use serde_json::{Value, json};

use super::{
    AccountArgs,
    api::{Api, Program, Programs},
    session::Session,
    session_or_failure,
};
use crate::{
    check::CheckStatus,
    exit::Exit,
    failure::Failure,
    format::count,
    output::{BOLD, DIM, Output},
    sanitize::sanitized,
};

pub(crate) async fn run(arguments: &AccountArgs, output: Output) -> Result<Exit, Failure> {
    let settings = arguments.service.settings();
    let api = Api::new(&settings)?;
    let session = session_or_failure(&api)?;
    let Programs { list: programs, unreadable } = list(&api, &session).await?;
    output.document(&json!({ "service": api.service(), "programs": programs, "unreadable": unreadable }));
    if unreadable > 0 {
        output.status(CheckStatus::Warning, &format!("{} could not be read", count(unreadable, "program")));
    }
    if programs.is_empty() && unreadable == 0 {
        output.line(&format!("no programs at {}", api.service()));
        output.hint("create one with `affitor init --name NAME --domain DOMAIN`");
    }
    for program in &programs {
        output.line(&describe(program));
    }
    Ok(Exit::Success)
}

/// The programs, safe to print.
pub(crate) async fn list(api: &Api<'_>, session: &Session) -> Result<Programs, Failure> {
    use secrecy::ExposeSecret as _;
    let programs = api.programs(session).await?;
    Ok(sanitized(programs, Some(session.token.expose_secret())))
}

/// One line: id, name, domain and details.
pub(crate) fn describe(program: &Program) -> String {
    let Program { id, name, domain, status, commission, partners, .. } = program;
    let number = partners.as_ref().and_then(Value::as_u64).map(|number| count(number, "partner"));
    let commission = commission.as_ref().and_then(Value::as_str).map(ToOwned::to_owned);
    let details: Vec<String> = status.clone().into_iter().chain(commission).chain(number).collect();
    let name = name.as_deref().unwrap_or("(no name)");
    let domain = domain.as_deref().map(|domain| format!("  {domain}")).unwrap_or_default();
    format!("{BOLD}{id:>6}{BOLD:#}  {name}{domain}  {DIM}{}{DIM:#}", details.join(", ")).trim_end().to_owned()
}
