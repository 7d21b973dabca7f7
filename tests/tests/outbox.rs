//! The outbox on real databases against the sandbox: one table of scenarios for SQLite and Postgres.

use std::time::{Duration, Instant};

use affitor::{Click, Client, ClientBuilder, Currency, Lead, Refund, Sale};
use affitor_outbox::{Books, Database, Enqueued, Outbox, Reason, sqlx};
use affitor_sandbox::{ApiCall, Fault, Readings, Sandbox, SandboxBuilder, SecondRefund};

fn builder(sandbox: &Sandbox) -> ClientBuilder {
    Client::builder().api_key(sandbox.api_key()).api_url(sandbox.url())
}

fn sandbox() -> SandboxBuilder {
    let mut readings = Readings::default();
    readings.second_refund = SecondRefund::Taken;
    Sandbox::builder().readings(readings)
}

async fn click(sandbox: &Sandbox) -> affitor::ClickId {
    let landing = format!("https://shop.example/?aff={}", sandbox.partner_code());
    let click = builder(sandbox).build().unwrap().track_click(Click::landing(landing)).await.unwrap();
    click.click_id().unwrap().clone()
}

fn sale(id: &str) -> Sale {
    Sale::new(id, 4_900, Currency::USD).customer_key("user_7")
}

/// Waits until the books say so.
async fn until<DB: Database>(outbox: &Outbox<DB>, so: impl Fn(&Books) -> bool) -> Books {
    let began = Instant::now();
    loop {
        let books = outbox.books().await.unwrap();
        assert!(books.balance(), "{books:?}");
        if so(&books) {
            return books;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "{books:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn commits_and_rolls_back<DB: Database>(outbox: Outbox<DB>) {
    let sandbox = sandbox().start().await.unwrap();
    let click_id = click(&sandbox).await;
    let mut tx = outbox.begin().await.unwrap();
    let lead = Lead::new("user_7").click_id(click_id);
    assert_eq!(outbox.enqueue(&mut tx, lead.clone()).await.unwrap(), Enqueued::New);
    assert_eq!(outbox.enqueue(&mut tx, sale("in_1")).await.unwrap(), Enqueued::New);
    assert_eq!(outbox.enqueue(&mut tx, sale("in_1")).await.unwrap(), Enqueued::Known, "in the same transaction");
    tx.commit().await.unwrap();
    let mut tx = outbox.begin().await.unwrap();
    assert_eq!(outbox.enqueue(&mut tx, sale("in_2")).await.unwrap(), Enqueued::New);
    tx.rollback().await.unwrap();
    assert_eq!(outbox.enqueue_alone(lead).await.unwrap(), Enqueued::Known);
    assert!(outbox.enqueue_alone(Refund::partial("in_1", 100)).await.unwrap_err().is_invalid(), "without its own id");
    let nul = Refund::full("in_1").refund_reason("a\0b");
    assert!(outbox.enqueue_alone(nul).await.unwrap_err().is_invalid(), "Postgres would abort the app's transaction");

    let worker = outbox.worker(builder(&sandbox)).start().await.unwrap();
    for (refund_id, cents) in [("re_1", 1_500), ("re_1", 1_500), ("re_2", 1_500)] {
        outbox.enqueue_alone(Refund::partial("in_1", cents).refund_id(refund_id)).await.unwrap();
    }
    let books = until(&outbox, |books| books.pending == 0).await;
    worker.shutdown().await.unwrap();
    assert_eq!((books.enqueued, books.recorded), (4, 4), "{books:?}");
    assert_eq!(sandbox.sales().await.len(), 1, "what was rolled back is not delivered");
    assert_eq!(
        sandbox.commissions().await[0].deducted_cents,
        600,
        "two refunds of one amount are two, and each is once"
    );
    assert_eq!(outbox.enqueue_alone(sale("in_1")).await.unwrap(), Enqueued::Known, "after it was delivered, too");
}

async fn in_order<DB: Database>(outbox: Outbox<DB>) {
    let sandbox = sandbox().start().await.unwrap();
    let click_id = click(&sandbox).await;
    // The lead fails for a while; the sale and the refund are behind it, and another customer's are not.
    sandbox.inject(Fault::BadGateway.times(3).on(ApiCall::Lead));
    outbox.enqueue_alone(Lead::new("user_7").click_id(click_id)).await.unwrap();
    outbox.enqueue_alone(sale("in_1")).await.unwrap();
    outbox.enqueue_alone(Refund::full("in_1")).await.unwrap();
    outbox.enqueue_alone(Sale::new("in_9", 100, Currency::USD).customer_key("nobody")).await.unwrap();
    let worker = outbox.worker(builder(&sandbox)).start().await.unwrap();
    let books = until(&outbox, |books| books.pending == 0).await;
    worker.shutdown().await.unwrap();
    assert_eq!((books.recorded, books.not_attributed), (3, 1), "{books:?}");
    let calls: Vec<_> =
        sandbox.requests().await.iter().filter(|request| request.changed).filter_map(|r| r.call).collect();
    assert_eq!(calls, [ApiCall::Click, ApiCall::Lead, ApiCall::Sale, ApiCall::Refund]);
}

async fn dies_and_is_replayed<DB: Database>(outbox: Outbox<DB>) {
    let sandbox = sandbox().start().await.unwrap();
    let click_id = click(&sandbox).await;
    let worker = outbox.worker(builder(&sandbox)).start().await.unwrap();
    outbox.enqueue_alone(Lead::new("user_7").click_id(click_id)).await.unwrap();
    outbox.enqueue_alone(sale("in_1")).await.unwrap();
    outbox.enqueue_alone(sale("in_big").amount(u64::MAX)).await.unwrap();
    until(&outbox, |books| books.pending == 0).await;
    // A partial refund that may have arrived waits for a person.
    sandbox.inject(Fault::ResetAfterWrite.times(1).on(ApiCall::Refund));
    outbox.enqueue_alone(Refund::partial("in_1", 1_500).refund_id("re_1")).await.unwrap();
    let books = until(&outbox, |books| books.pending == 0).await;
    assert_eq!((books.recorded, books.rejected, books.uncertain), (2, 2, 1), "{books:?}");
    let dead = outbox.dead(10).await.unwrap();
    assert_eq!(dead.iter().map(|letter| letter.reason).collect::<Vec<_>>(), [Reason::Rejected, Reason::Uncertain]);
    assert!(dead[0].words.as_deref().unwrap().contains("amount_cents"), "{dead:?}");
    assert!(
        matches!(&dead[1].event, Some(affitor::Event::Refund(refund)) if refund.refund_id.as_deref() == Some("re_1"))
    );
    assert!(outbox.discard(dead[0].id).await.unwrap() && !outbox.discard(dead[0].id).await.unwrap());
    assert!(outbox.replay(dead[1].id).await.unwrap());
    assert!(!outbox.replay(dead[1].id).await.unwrap(), "it is on its way");
    let books = until(&outbox, |books| books.pending == 0).await;
    assert_eq!((books.discarded, books.rejected, books.recorded), (1, 0, 3), "{books:?}");
    let sent = sandbox.requests().await.iter().filter(|request| request.call == Some(ApiCall::Refund)).count();
    assert_eq!(sent, 2, "a person has decided that it is sent again");
    sandbox.inject(Fault::ResetAfterWrite.times(1).on(ApiCall::Refund));
    let third = Refund::partial("in_1", 1_500).refund_id("re_2");
    outbox.enqueue_alone(third.clone()).await.unwrap();
    until(&outbox, |books| books.rejected == 1).await;
    assert!(outbox.discard(outbox.dead(1).await.unwrap()[0].id).await.unwrap());
    assert_eq!(outbox.enqueue_alone(third).await.unwrap(), Enqueued::Known, "what was discarded is not sent");
    worker.shutdown().await.unwrap();
}

/// The sale's amount, set after it was made.
trait Amount {
    fn amount(self, cents: u64) -> Self;
}

impl Amount for Sale {
    fn amount(mut self, cents: u64) -> Self {
        self.amount_cents = cents;
        self
    }
}

/// In the reading in which a second partial refund is skipped, its part of the commission still stands.
async fn a_skipped_refund_is_uncertain<DB: Database>(outbox: Outbox<DB>) {
    let sandbox = Sandbox::start().await.unwrap();
    let click_id = click(&sandbox).await;
    outbox.enqueue_alone(Lead::new("user_7").click_id(click_id)).await.unwrap();
    outbox.enqueue_alone(sale("in_1")).await.unwrap();
    let worker = outbox.worker(builder(&sandbox)).start().await.unwrap();
    for refund_id in ["re_1", "re_2"] {
        outbox.enqueue_alone(Refund::partial("in_1", 1_500).refund_id(refund_id)).await.unwrap();
        until(&outbox, |books| books.pending == 0).await;
    }
    let books = outbox.books().await.unwrap();
    worker.shutdown().await.unwrap();
    assert_eq!((books.recorded, books.already_recorded, books.uncertain), (3, 1, 1), "{books:?}");
}

async fn a_wrong_key_destroys_nothing<DB: Database>(outbox: Outbox<DB>) {
    let sandbox = sandbox().start().await.unwrap();
    let click_id = click(&sandbox).await;
    outbox.enqueue_alone(Lead::new("user_7").click_id(click_id)).await.unwrap();
    let wrong = outbox.worker(builder(&sandbox).api_key("wrong_key")).start().await.unwrap();
    let began = Instant::now();
    while !sandbox.requests().await.iter().any(|request| request.status == Some(401)) {
        assert!(began.elapsed() < Duration::from_secs(30));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    wrong.shutdown().await.unwrap();
    let books = outbox.books().await.unwrap();
    assert_eq!((books.pending, books.rejected), (1, 0), "{books:?}");
    let right = outbox.worker(builder(&sandbox)).start().await.unwrap();
    let books = until(&outbox, |books| books.pending == 0).await;
    right.shutdown().await.unwrap();
    assert_eq!(books.recorded, 1);
}

macro_rules! scenarios {
    ($($name:ident)*) => {
        mod sqlite {
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $name() {
                    let (pool, _folder) = affitor_tests::databases::sqlite().await;
                    let outbox = super::Outbox::sqlite(pool).unwrap();
                    outbox.migrate().await.unwrap();
                    outbox.migrate().await.unwrap();
                    super::$name::<super::sqlx::Sqlite>(outbox).await;
                }
            )*
        }

        mod postgres {
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $name() {
                    let Some(server) = affitor_tests::databases::Postgres::start() else { return };
                    let outbox = super::Outbox::postgres(server.pool().await).unwrap();
                    outbox.migrate().await.unwrap();
                    outbox.migrate().await.unwrap();
                    super::$name::<super::sqlx::Postgres>(outbox).await;
                }
            )*
        }
    };
}

scenarios! { commits_and_rolls_back in_order dies_and_is_replayed a_skipped_refund_is_uncertain a_wrong_key_destroys_nothing }

/// A row that another language's ORM has written, in plain SQL; and rows that are no events.
async fn written_by_plain_sql<DB: Database>(outbox: &Outbox<DB>, sandbox: &Sandbox) {
    let worker = outbox.worker(builder(sandbox)).start().await.unwrap();
    let books = until(outbox, |books| books.pending == 0).await;
    worker.shutdown().await.unwrap();
    assert_eq!((books.enqueued, books.recorded, books.rejected), (8, 1, 7), "{books:?}");
    assert_eq!(sandbox.leads().await[0].customer_key.as_deref(), Some("user_7"));
    let dead = outbox.dead(10).await.unwrap();
    assert!(dead.iter().all(|letter| letter.reason == Reason::Unreadable && letter.event.is_none()), "{dead:?}");
}

const NONSENSE: [&str; 7] = [
    "{}",
    "[]",
    "7",
    r#"{"key": 5, "event": 7}"#,
    r#"{"event": "sale"}"#,
    r#"{"event": {"type": "moon"}}"#,
    r#"{"event": {"type": "sale", "amount_cents": "many"}}"#,
];

async fn plain_rows() -> (Sandbox, Vec<String>) {
    let sandbox = sandbox().start().await.unwrap();
    let click_id = click(&sandbox).await;
    let lead = format!(r#"{{"event": {{"type": "lead", "customer_key": "user_7", "click_id": "{click_id}"}}}}"#);
    (sandbox, std::iter::once(lead).chain(NONSENSE.map(str::to_owned)).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_sql_on_sqlite() {
    let (pool, _folder) = affitor_tests::databases::sqlite().await;
    let outbox = Outbox::sqlite(pool.clone()).unwrap();
    outbox.migrate().await.unwrap();
    let (sandbox, rows) = plain_rows().await;
    for row in rows {
        let sql = "INSERT INTO river_job (kind, queue, args, max_attempts) VALUES ('affitor_event', 'affitor', jsonb($1), 10000)";
        sqlx::query(sql).bind(row).execute(&pool).await.unwrap();
    }
    written_by_plain_sql(&outbox, &sandbox).await;
}

/// On SQLite an app's own River has the same tables; and River discards stuck jobs that it does not know.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_does_not_start_among_jobs_of_the_app() {
    let (pool, _folder) = affitor_tests::databases::sqlite().await;
    let outbox = Outbox::sqlite(pool.clone()).unwrap();
    let client = || Client::builder().api_key("a_key").api_url("http://127.0.0.1:9");
    let error = outbox.worker(client()).start().await.unwrap_err();
    assert!(error.is_database(), "not migrated: {error}");
    outbox.migrate().await.unwrap();
    let sql = "INSERT INTO river_job (kind, args, max_attempts) VALUES ('send_mail', jsonb('{}'), 25)";
    sqlx::query(sql).execute(&pool).await.unwrap();
    let error = outbox.worker(client()).start().await.unwrap_err();
    assert!(error.to_string().contains(r#""send_mail""#), "{error}");
    assert!(outbox.books().await.unwrap().balance());
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_sql_on_postgres() {
    let Some(server) = affitor_tests::databases::Postgres::start() else { return };
    let pool = server.pool().await;
    let outbox = Outbox::postgres(pool.clone()).unwrap();
    outbox.migrate().await.unwrap();
    let (sandbox, rows) = plain_rows().await;
    for row in rows {
        let sql = "INSERT INTO affitor.river_job (kind, queue, args, max_attempts) \
                   VALUES ('affitor_event', 'affitor', CAST($1 AS jsonb), 10000)";
        sqlx::query(sql).bind(row).execute(&pool).await.unwrap();
    }
    written_by_plain_sql(&outbox, &sandbox).await;
}

/// The example: a visitor with a click signs up, buys and gets their money back; each is in one transaction with its event.
#[tokio::test(flavor = "multi_thread")]
async fn the_example() {
    let (pool, _folder) = affitor_tests::databases::sqlite().await;
    let sandbox = sandbox().start().await.unwrap();
    let shop = outbox_example::Shop::open(pool).await.unwrap();
    let app = outbox_example::app(shop.clone(), builder(&sandbox).build().unwrap());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });

    let (http, cookie) = (reqwest::Client::new(), format!("affitor_click_id={}", click(&sandbox).await));
    let post = async |path: &str, body: String| {
        let form = http.post(format!("{url}{path}")).header("content-type", "application/x-www-form-urlencoded");
        let answer = form.header("cookie", &cookie).body(body).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let (status, user) = post("/users", "email=jo%40example.com".to_owned()).await;
    assert_eq!(status, 200);
    assert_eq!(post("/users", "email=jo%40example.com".to_owned()).await.0, 500, "rolled back, its event as well");
    let (_, order) = post("/orders", format!("user_id={user}")).await;
    assert_eq!(post(&format!("/orders/{order}/refund"), String::new()).await.0, 204);
    assert_eq!(post(&format!("/orders/{order}/refund"), String::new()).await.0, 404);

    let worker = shop.outbox.worker(builder(&sandbox)).start().await.unwrap();
    let books = until(&shop.outbox, |books| books.pending == 0).await;
    worker.shutdown().await.unwrap();
    assert_eq!((books.enqueued, books.recorded), (3, 3), "{books:?}");
    let held = sandbox.snapshot().await;
    assert_eq!((held.leads.len(), held.sales.len(), held.refunds.len()), (1, 1, 1));
}
