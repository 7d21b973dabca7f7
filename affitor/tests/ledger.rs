//! What each webhook leads to, as tables: from signed webhooks and objects of the providers' APIs to sales and refunds.
//! `docs/what-counts.md` explains every row.

#[path = "ledger/document.rs"]
mod document;
#[path = "ledger/lemon_squeezy.rs"]
mod lemon_squeezy;
#[path = "ledger/objects.rs"]
mod objects;
#[path = "ledger/paddle.rs"]
mod paddle;
#[path = "ledger/polar.rs"]
mod polar;
#[path = "ledger/shared.rs"]
mod shared;
#[path = "ledger/shop.rs"]
mod shop;
#[path = "ledger/stripe.rs"]
mod stripe;
#[path = "ledger/stripe_corner_cases.rs"]
mod stripe_corner_cases;
#[path = "ledger/stripe_refunds.rs"]
mod stripe_refunds;
#[path = "ledger/support.rs"]
mod support;
#[path = "ledger/tables.rs"]
mod tables;
