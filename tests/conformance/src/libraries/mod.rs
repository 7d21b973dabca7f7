//! The libraries. Each module begins with the function that an app would write.

#[cfg(feature = "all")]
mod diesel;
#[cfg(feature = "all")]
mod diesel_async;
#[cfg(feature = "all")]
mod diesel_sqlite;
#[cfg(feature = "all")]
mod postgres;
mod rusqlite;
#[cfg(feature = "all")]
mod sea_orm;
#[cfg(feature = "all")]
mod sea_orm_1;
#[cfg(feature = "all")]
mod sqlx_08;
mod tokio_postgres;

#[cfg(feature = "all")]
pub use self::{
    diesel::Diesel, diesel_async::DieselAsync, diesel_sqlite::DieselSqlite, postgres::Postgres, sea_orm::SeaOrm,
    sea_orm_1::SeaOrm1, sqlx_08::Sqlx08,
};
pub use self::{rusqlite::Rusqlite, tokio_postgres::TokioPostgres};
