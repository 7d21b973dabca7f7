//! Runs the scenario over every library and database.

use affitor_conformance::{
    database::{postgres::Postgres, sqlite::Sqlite},
    libraries::{Rusqlite, TokioPostgres},
    plain::{PlainRusqlite, Psql, Sqlite3},
    scenario,
    shop::Shop,
};

/// Runs the scenario with each library, and counts them.
macro_rules! run {
    ($shop:expr, $count:ident: $($library:expr),+ $(,)?) => {
        $(
            scenario::run(&$shop, $count, $library).await;
            $count += 1;
        )+
    };
}

#[tokio::test(flavor = "multi_thread")]
async fn conformance() {
    let count = on_postgres().await + on_sqlite().await;
    println!("conformance: {count} libraries and databases");
}

async fn on_postgres() -> usize {
    let Some(server) = Postgres::start() else { return 0 };
    let url = server.url();
    let shop = Shop::open(server.pool().await).await;
    let mut count = 0;
    run!(shop, count: TokioPostgres::connect(&url).await);
    #[cfg(feature = "all")]
    {
        use affitor_conformance::libraries::{Diesel, DieselAsync, Postgres, SeaOrm, SeaOrm1, Sqlx08};
        run!(shop, count:
            SeaOrm::connect(&url, affitor_outbox::Statements::postgres()).await,
            SeaOrm1::connect(&url).await,
            Sqlx08::connect(&url).await,
            Diesel::connect(&url),
            DieselAsync::connect(&url).await,
            Postgres::connect(&url),
        );
    }
    if let Some(psql) = Psql::find(&url) {
        run!(shop, count: psql);
    }
    shop.close().await;
    count
}

async fn on_sqlite() -> usize {
    let database = Sqlite::new();
    let path = database.path();
    let shop = Shop::open(database.pool().await).await;
    let mut count = 0;
    run!(shop, count: Rusqlite::open(&path), PlainRusqlite::open(&path));
    #[cfg(feature = "all")]
    {
        use affitor_conformance::libraries::{DieselSqlite, SeaOrm};
        let text = path.to_str().unwrap();
        run!(shop, count:
            SeaOrm::connect(&format!("sqlite://{text}"), affitor_outbox::Statements::sqlite()).await,
            DieselSqlite::open(text),
        );
    }
    if let Some(sqlite3) = Sqlite3::find(&path) {
        run!(shop, count: sqlite3);
    }
    shop.close().await;
    count
}
