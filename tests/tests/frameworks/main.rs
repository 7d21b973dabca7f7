//! Every framework, and every page of the documentation: the same tables over real sockets.

mod capture;
mod contract;
mod contract_mock;
mod documents;
mod extractors;
mod flows;
mod flows_apps;
mod guide;
mod guide_apps;
mod products;
mod scenarios;
mod tonic;
mod webhook_test;
