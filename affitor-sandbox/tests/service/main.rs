//! The sandbox's service over HTTP: tracking, control, page, journal, and what goes wrong.

mod attribution;
mod command_line;
mod control;
mod documented;
mod documents;
mod faults;
mod journal;
mod keys;
mod leads;
mod lifecycle;
mod management;
mod memory;
mod page;
mod program;
mod refusals;
mod restarts;
mod sales;
mod stalls;
mod stripe;
mod support;
mod terms;
mod wire;
