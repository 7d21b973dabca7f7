//! The description of a new program: from flags, or from questions on a terminal.

use clap::{Args, ValueEnum};

use super::prompt::ask;
use crate::{
    account::{api::NewProgram, login::is_interactive},
    exit::Exit,
    failure::Failure,
    output::Output,
};

/// Flags that describe a new program.
#[derive(Args, Debug)]
pub(crate) struct NewProgramArgs {
    /// Create a program with this name, unless you have one with the same name and domain
    #[arg(long)]
    name: Option<String>,
    /// Domain of the new program's site
    #[arg(long)]
    domain: Option<String>,
    /// What partners earn in the new program
    #[arg(long, value_name = "TYPE")]
    commission_type: Option<CommissionType>,
    /// Percentage, or amount in dollars
    #[arg(long, value_name = "RATE")]
    commission_rate: Option<f64>,
    /// For recurring commissions: for how many months; 0 is forever
    #[arg(long, value_name = "MONTHS", value_parser = clap::value_parser!(u32).range(0..=1200))]
    duration_months: Option<u32>,
    /// Lifetime of the tracker's cookie, in days
    #[arg(long, value_name = "DAYS", default_value_t = 90, value_parser = clap::value_parser!(u32).range(1..=365))]
    cookie_duration: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
enum CommissionType {
    Percent,
    Fixed,
    RecurringPercent,
    RecurringFixed,
}

impl CommissionType {
    fn name(self) -> &'static str {
        match self {
            Self::Percent => "percent",
            Self::Fixed => "fixed",
            Self::RecurringPercent => "recurring_percent",
            Self::RecurringFixed => "recurring_fixed",
        }
    }

    fn accepts(self, rate: f64) -> bool {
        let most = if matches!(self, Self::Percent | Self::RecurringPercent) { 100.0 } else { 1_000_000.0 };
        (0.0..=most).contains(&rate)
    }
}

impl NewProgramArgs {
    /// Whether a new program is asked for.
    pub(crate) fn is_requested(&self) -> bool {
        self.name.is_some() || self.domain.is_some()
    }

    /// The new program, from flags, or from questions on a terminal.
    ///
    /// # Errors
    ///
    /// Returns a failure if a value is missing or not usable, or if the person cancels.
    pub(crate) async fn describe(&self, output: Output) -> Result<NewProgram, Failure> {
        let interactive = is_interactive(output);
        let missing = |flag: &str| {
            Failure::usage(
                format!("a new program needs {flag}"),
                "for example: --name Shop --domain shop.example --commission-type percent --commission-rate 20",
            )
        };
        let text = |text: &String| !text.trim().is_empty() && text.len() <= 512;
        let name = match &self.name {
            Some(name) => name.clone(),
            None if interactive => ask("Name of the program", None, text).await?,
            None => return Err(missing("--name")),
        };
        let domain = match &self.domain {
            Some(domain) => domain.clone(),
            None if interactive => ask("Domain of the site", None, text).await?,
            None => return Err(missing("--domain")),
        };
        let kind = match self.commission_type {
            Some(kind) => kind,
            None if interactive => {
                let question = "Commission (percent, fixed, recurring_percent, recurring_fixed)";
                let text: String =
                    ask(question, None, |text: &String| CommissionType::from_str(text, true).is_ok()).await?;
                CommissionType::from_str(&text, true).map_err(|_| missing("--commission-type"))?
            }
            None => return Err(missing("--commission-type")),
        };
        let rate = match self.commission_rate {
            Some(rate) => rate,
            None if interactive => ask("Rate, in percent or dollars", None, |rate| kind.accepts(*rate)).await?,
            None => return Err(missing("--commission-rate")),
        };
        if !kind.accepts(rate) {
            return Err(Failure::usage("the commission rate is out of range", "a percentage is from 0 to 100"));
        }
        let domain = domain_of(&domain);
        let is_domain = domain.contains('.') || domain == "localhost";
        if name.trim().is_empty() || !is_domain || domain.contains(char::is_whitespace) {
            return Err(Failure::usage(
                "the name or the domain is not usable",
                "for example: --name Shop --domain shop.example",
            ));
        }
        let is_recurring = matches!(kind, CommissionType::RecurringPercent | CommissionType::RecurringFixed);
        let duration_months = match self.duration_months {
            None if interactive && is_recurring => {
                Some(ask("For how many months (0 is forever)", Some("0"), |months: &u32| *months <= 1200).await?)
            }
            months => months,
        };
        let was_asked = self.name.is_none()
            || self.domain.is_none()
            || self.commission_type.is_none()
            || self.commission_rate.is_none();
        if was_asked {
            let question = format!("Create {:?} for {domain}: {} {rate} (yes or no)", name.trim(), kind.name());
            let reply: String = ask(&question, Some("yes"), |reply: &String| ["yes", "no"].contains(&&**reply)).await?;
            if reply == "no" {
                return Err(Failure::new(
                    Exit::Failed,
                    "cancelled; nothing was created",
                    "run `affitor init` to begin anew",
                ));
            }
        }
        Ok(NewProgram {
            name: name.trim().to_owned(),
            domain,
            commission_type: kind.name(),
            commission_rate: rate,
            cookie_duration: self.cookie_duration,
            duration_months,
        })
    }
}

/// `shop.example` of `https://Shop.example/path`.
fn domain_of(text: &str) -> String {
    let text = text.trim().to_lowercase();
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or(&text);
    host.split('/').next().unwrap_or_default().to_owned()
}
