//! The payment ledger in the app's database: whether it reports Stripe's payments, holds them, or leaves them to Affitor.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use affitor_outbox::{Database, Outbox, PaymentFilter, Retention};

use crate::{
    check::Check,
    database::{AnyOutbox, DatabaseArgs},
    failure::Failure,
    format::count,
};

const NAME: &str = "ledger";

/// Payments that are known for longer were reported under other circumstances.
const RECENT: Duration = Duration::from_secs(7 * 24 * 60 * 60);

const PAGE: u32 = 1_000;
const MAX_PAGES: usize = 100;

/// Checks the ledger, if a database is set. `connected`: whether Stripe is connected to the program.
pub(super) async fn check(database: DatabaseArgs, connected: Option<bool>) -> Check {
    if !database.is_set() {
        return Check::skipped(NAME, "no database: set DATABASE_URL");
    }
    let read = async {
        match database.open().await? {
            AnyOutbox::Sqlite(outbox) => Counts::read(&outbox).await,
            AnyOutbox::Postgres(outbox) => Counts::read(&outbox).await,
        }
    };
    match read.await {
        Ok(counts) => counts.check(connected),
        // The variable may belong to a database without an outbox.
        Err(Failure { message, hint, .. }) => {
            Check::warning(NAME, format!("not checked: {message}"), hint.unwrap_or_default())
        }
    }
}

/// Numbers of Stripe's payments of the last 7 days, except for those that are held, which all count.
#[derive(Clone, Copy)]
struct Counts {
    held: usize,
    reported: usize,
    left_to_affitor: usize,
    retention: Retention,
}

impl Counts {
    async fn read<DB: Database>(outbox: &Outbox<DB>) -> Result<Self, Failure> {
        let recent = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().saturating_sub(RECENT).as_secs();
        Ok(Self {
            held: count_payments(outbox, "conflict", 0).await?,
            reported: count_payments(outbox, "reported", recent).await?,
            left_to_affitor: count_payments(outbox, "read_by_affitor", recent).await?,
            retention: outbox.retention().await.map_err(|error| crate::database::failed(&error))?,
        })
    }

    fn check(self, connected: Option<bool>) -> Check {
        let Self { held, reported, left_to_affitor, retention } = self;
        if held > 0 {
            return Check::warning(
                NAME,
                format!("holds {}: it is unknown whether Affitor reports them itself", payments(held)),
                "decide it with `affitor payments reporter affitor` or `app`",
            );
        }
        match connected {
            Some(true) if reported > 0 => Check::warning(
                NAME,
                format!("reported {} in the last 7 days, which Affitor may read itself", payments(reported)),
                "check in Affitor's dashboard whether they count twice; `affitor payments reporter affitor` \
                 leaves them to Affitor",
            ),
            Some(false) if left_to_affitor > 0 => Check::warning(
                NAME,
                format!(
                    "left {} of the last 7 days to Affitor, but Stripe is not connected",
                    payments(left_to_affitor)
                ),
                "connect Stripe, or let the app report them: `affitor payments reporter app`",
            ),
            _ => Check::passed(
                NAME,
                format!(
                    "holds nothing; of the last 7 days, it reported {} and left {left_to_affitor} to Affitor; it keeps payments for \
                     {} and delivered events for {}",
                    payments(reported),
                    days(retention.payments),
                    days(retention.completed)
                ),
            ),
        }
    }
}

fn days(duration: Duration) -> String {
    count(duration.as_secs() / (24 * 60 * 60), "day")
}

fn payments(number: usize) -> String {
    count(number as u64, "payment") + " of Stripe"
}

/// Counts Stripe's live payments with a status that are known since then.
async fn count_payments<DB: Database>(outbox: &Outbox<DB>, status: &str, since: u64) -> Result<usize, Failure> {
    let (mut total, mut after) = (0, String::new());
    for _ in 0..MAX_PAGES {
        let page = outbox.list_payments(PaymentFilter::default().status(status), &after, PAGE).await;
        let page = page.map_err(|error| crate::database::failed(&error))?;
        let counted = page.iter().filter(|payment| {
            payment.scope.starts_with("stripe/") && payment.scope.ends_with("/live") && payment.since >= since
        });
        total += counted.count();
        match page.last() {
            Some(last) if page.len() == PAGE as usize => after.clone_from(&last.transaction_id),
            _ => break,
        }
    }
    Ok(total)
}
