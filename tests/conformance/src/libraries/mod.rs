//! The libraries. Each module begins with the function that an app would write.

mod diesel;
mod diesel_async;
mod diesel_sqlite;
mod postgres;
mod rusqlite;
mod sea_orm;
mod sea_orm_1;
mod sqlx_08;
mod tokio_postgres;

pub use self::{
    diesel::Diesel, diesel_async::DieselAsync, diesel_sqlite::DieselSqlite, postgres::Postgres, rusqlite::Rusqlite,
    sea_orm::SeaOrm, sea_orm_1::SeaOrm1, sqlx_08::Sqlx08, tokio_postgres::TokioPostgres,
};
