//! What each webhook leads to, as tables: from signed webhooks and objects of the providers' APIs to sales and refunds.
//! `what-counts.md` explains every row.

mod document;
mod lemon_squeezy;
mod objects;
mod paddle;
mod polar;
mod shared;
mod shop;
mod stripe;
mod stripe_corner_cases;
mod stripe_metadata;
mod stripe_products;
mod stripe_refunds;
mod stripe_tax;
mod support;
mod tables;
mod unknown;
