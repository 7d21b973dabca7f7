//! A worker of the shop: it delivers what the ledger has enqueued, until it is killed.

use affitor_outbox::affitor::Client;

use crate::Database;

pub(crate) async fn work(database: Database, url: &str, key: &str) -> Result<(), affitor_outbox::Error> {
    let client = Client::builder().api_url(url).api_key(key).build()?;
    macro_rules! work {
        ($outbox:expr) => {{
            let mut worker = $outbox.worker(client).senders(6).start().await?;
            println!("started");
            worker.wait().await
        }};
    }
    match database {
        Database::Sqlite(outbox) => work!(outbox),
        Database::Postgres(outbox) => work!(outbox),
    }
}
