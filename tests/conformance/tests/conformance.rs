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

/// The functions that `affitor init` prints: without the outbox's tables, and later with them, every sign-up is stored.
#[tokio::test(flavor = "multi_thread")]
async fn tracking_can_not_fail_a_sign_up() {
    let Some(server) = Postgres::start() else { return };
    let (url, pool) = (server.url(), server.pool().await);
    affitor_outbox::sqlx::query("CREATE TABLE orders (id text PRIMARY KEY)").execute(&pool).await.unwrap();
    let outbox = affitor_outbox::Outbox::postgres(pool.clone());
    for (round, has_tables) in [("before", false), ("after", true)] {
        if has_tables {
            outbox.migrate().await.unwrap();
        }
        let stored = sign_ups(&url, round).await;
        let users = affitor_outbox::sqlx::query_scalar::<_, i64>("SELECT count(*) FROM orders WHERE id LIKE $1");
        let users: i64 = users.bind(format!("%{round}")).fetch_one(&pool).await.unwrap();
        assert_eq!(users as usize, stored.len(), "a sign-up failed {round} the tables were there");
        for (library, result) in &stored {
            assert_eq!(result.is_ok(), has_tables, "{library} {round}: {result:?}");
        }
        let pending = if has_tables { outbox.stats().await.unwrap().pending } else { 0 };
        assert_eq!(pending as usize, if has_tables { stored.len() } else { 0 });
        println!("printed: {} libraries {round} the tables were there", stored.len());
    }
}

/// Signs a user up with each library. Returns whether the lead was stored.
async fn sign_ups(url: &str, round: &str) -> Vec<(&'static str, affitor_conformance::printed::Stored)> {
    use affitor_conformance::printed;

    let (mut client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let user = |library: &str| format!("{library} {round}");
    let mut stored = vec![("tokio-postgres", printed::tokio_postgres_07::sign_up(&mut client, &user("tokio")).await)];
    #[cfg(feature = "all")]
    {
        stored.push(("SQLx 0.8", printed::sqlx_08::sign_up(url, &user("sqlx")).await));
        stored.push(("SeaORM 2", printed::sea_orm_2::sign_up(url, &user("sea-orm")).await));
        let (url, diesel) = (url.to_owned(), user("diesel"));
        let task = tokio::task::spawn_blocking(move || printed::diesel_2::sign_up(&url, &diesel));
        stored.push(("Diesel 2", task.await.unwrap()));
    }
    stored
}
