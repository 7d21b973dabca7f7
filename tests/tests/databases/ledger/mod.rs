//! The payment ledger against random shops' lives: payments, refunds and disputes of four providers. A plain model, which shares no
//! code with the project, knows what must have been reported at the end.

mod crash_points;
mod databases;
mod delivery;
mod edges;
mod example;
mod held;
mod later_click;
mod lives;
mod lost_webhooks;
mod processes;
mod route;
mod rules;
mod sabotage;
mod service;
mod store;
mod stripe;
mod transactions;
mod workers;
mod workers_killed;
