//! Runs the scenario over every library and database.

use affitor_conformance::{
    database::{postgres::Postgres, sqlite::Sqlite},
    libraries::{self, Diesel, DieselAsync, DieselSqlite, Rusqlite, SeaOrm, SeaOrm1, Sqlx08, TokioPostgres},
    plain::{PlainRusqlite, Psql, Sqlite3},
    scenario,
    shop::Shop,
};
use affitor_outbox::Statements;

#[tokio::test(flavor = "multi_thread")]
async fn conformance() {
    let count = on_postgres().await + on_sqlite().await;
    println!("conformance: {count} libraries and databases");
}

async fn on_postgres() -> usize {
    let Some(server) = Postgres::start() else { return 0 };
    let url = server.url();
    let shop = Shop::open(server.pool().await).await;
    scenario::run(&shop, 0, SeaOrm::connect(&url, Statements::postgres()).await).await;
    scenario::run(&shop, 1, SeaOrm1::connect(&url).await).await;
    scenario::run(&shop, 2, Sqlx08::connect(&url).await).await;
    scenario::run(&shop, 3, Diesel::connect(&url)).await;
    scenario::run(&shop, 4, DieselAsync::connect(&url).await).await;
    scenario::run(&shop, 5, TokioPostgres::connect(&url).await).await;
    scenario::run(&shop, 6, libraries::Postgres::connect(&url)).await;
    let mut count = 7;
    if let Some(psql) = Psql::find(&url) {
        scenario::run(&shop, count, psql).await;
        count += 1;
    }
    shop.close().await;
    count
}

async fn on_sqlite() -> usize {
    let database = Sqlite::new();
    let path = database.path();
    let shop = Shop::open(database.pool().await).await;
    let text = path.to_str().unwrap();
    scenario::run(&shop, 0, SeaOrm::connect(&format!("sqlite://{text}"), Statements::sqlite()).await).await;
    scenario::run(&shop, 1, DieselSqlite::open(text)).await;
    scenario::run(&shop, 2, Rusqlite::open(&path)).await;
    scenario::run(&shop, 3, PlainRusqlite::open(&path)).await;
    let mut count = 4;
    if let Some(sqlite3) = Sqlite3::find(&path) {
        scenario::run(&shop, count, sqlite3).await;
        count += 1;
    }
    shop.close().await;
    count
}
