//! All orders in which the webhooks of a payment can arrive, as a graph of states.

mod explore;
mod lives;
mod paths;
mod sequences;
mod state;
mod world;

pub use explore::{Graph, explore, judge};
pub use lives::{Story, stories};
pub use paths::{Step, paths};
pub use sequences::ends;
pub use state::{Key, State};
pub use world::World;
