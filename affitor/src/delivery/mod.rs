//! Delivering events in the background.

mod enqueue;
mod next_step;
#[cfg(feature = "queue")]
pub mod queue;
mod sink;
mod unqueued;

pub(crate) use unqueued::Unqueued;
pub use {
    next_step::{NextStep, PriorDelivery},
    sink::{EnqueueError, EventSink},
};
