//! A shop that commits each order and its Affitor event in one transaction: both are stored or neither is, even if the process
//! is killed.

use affitor_axum::{AffitorClient, AffitorLayer, Client, Currency, Lead, Refund, Sale, TransactionIds};
use affitor_outbox::{
    Outbox,
    sqlx::{self, Sqlite, SqlitePool},
};
use axum::{
    Form, Router,
    extract::{FromRef, Path, State},
    http::{HeaderName, StatusCode, header::SET_COOKIE},
    response::{Html, IntoResponse, Response},
    routing::{get, post},
};
use serde::Deserialize;
use session::{Sessions, User};

const PRICE_CENTS: i64 = 4_900;

/// State shared by the handlers.
#[derive(Clone)]
#[allow(missing_debug_implementations, reason = "it contains a secret")]
pub struct Shop {
    /// The shop's database.
    pub pool: SqlitePool,
    /// The outbox in the shop's database.
    pub outbox: Outbox<Sqlite>,
    /// The transaction ids of its orders.
    pub orders: TransactionIds,
    /// Who is signed in.
    pub sessions: Sessions,
}

impl FromRef<Shop> for Sessions {
    fn from_ref(shop: &Shop) -> Self {
        shop.sessions.clone()
    }
}

impl Shop {
    /// Creates the tables of the shop, unless they exist.
    ///
    /// # Errors
    ///
    /// Returns an error if the database is not available; if the client has no program id.
    pub async fn open(
        pool: SqlitePool,
        outbox: Outbox<Sqlite>,
        client: &Client,
        sessions: Sessions,
    ) -> Result<Self, AnyError> {
        let tables = "CREATE TABLE IF NOT EXISTS users (id integer PRIMARY KEY, email text NOT NULL UNIQUE);
                      CREATE TABLE IF NOT EXISTS orders (id integer PRIMARY KEY, user_id integer NOT NULL REFERENCES users (id),
                                                         cents integer NOT NULL, refunded integer NOT NULL DEFAULT 0)";
        sqlx::raw_sql(tables).execute(&pool).await?;
        // Order numbers begin at 1 in other shops too.
        let orders = TransactionIds::new(client, "order")?;
        Ok(Self { pool, outbox, orders, sessions })
    }
}

/// Builds the app.
pub fn app(shop: Shop, client: Client) -> Router {
    Router::new()
        .route("/", get(page))
        .route("/users", post(sign_up))
        .route("/orders", post(order))
        .route("/orders/{id}/refund", post(refund))
        .layer(AffitorLayer::new(client))
        .with_state(shop)
}

async fn page() -> Html<&'static str> {
    Html(include_str!("page.html"))
}

#[derive(Deserialize)]
struct SignUp {
    email: String,
}

async fn sign_up(
    State(shop): State<Shop>,
    affitor: AffitorClient,
    Form(form): Form<SignUp>,
) -> Result<([(HeaderName, String); 1], String), AppError> {
    let mut tx = shop.outbox.begin().await?;
    let user: i64 = sqlx::query_scalar("INSERT INTO users (email) VALUES ($1) RETURNING id")
        .bind(&form.email)
        .fetch_one(&mut *tx)
        .await?;
    // `attribute` fills in the request's click id and click history.
    let lead = affitor.attribute(Lead::new(user).email(&form.email));
    shop.outbox.enqueue(&mut tx, lead).await?;
    tx.commit().await?;
    Ok(([(SET_COOKIE, shop.sessions.start(&user.to_string()))], user.to_string()))
}

async fn order(State(shop): State<Shop>, User(user_id): User, affitor: AffitorClient) -> Result<String, AppError> {
    let mut tx = shop.outbox.begin().await?;
    let order: i64 = sqlx::query_scalar("INSERT INTO orders (user_id, cents) VALUES ($1, $2) RETURNING id")
        .bind(user_id.parse::<i64>()?)
        .bind(PRICE_CENTS)
        .fetch_one(&mut *tx)
        .await?;
    let sale = Sale::new(shop.orders.of(order), PRICE_CENTS.unsigned_abs(), Currency::USD).customer_key(user_id);
    shop.outbox.enqueue(&mut tx, affitor.attribute(sale)).await?;
    tx.commit().await?;
    Ok(order.to_string())
}

async fn refund(State(shop): State<Shop>, User(user_id): User, Path(order): Path<i64>) -> Result<StatusCode, AppError> {
    let mut tx = shop.outbox.begin().await?;
    let changed = sqlx::query("UPDATE orders SET refunded = 1 WHERE id = $1 AND user_id = $2 AND refunded = 0")
        .bind(order)
        .bind(user_id.parse::<i64>()?)
        .execute(&mut *tx)
        .await?
        .rows_affected();
    if changed == 0 {
        return Ok(StatusCode::NOT_FOUND);
    }
    shop.outbox.enqueue(&mut tx, Refund::full(shop.orders.of(order))).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

type AnyError = Box<dyn std::error::Error + Send + Sync>;

/// An error in a handler. The visitor gets a 500, and nothing is committed.
struct AppError(AnyError);

impl<E: Into<AnyError>> From<E> for AppError {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for AppError {
    fn into_response(self) -> Response {
        tracing::error!(error = %self.0, "a request failed");
        StatusCode::INTERNAL_SERVER_ERROR.into_response()
    }
}
