//! What is counted, and what is not.

use std::{
    alloc::System,
    future::Future,
    pin::pin,
    task::{Context, Poll, Waker},
};

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

/// Counts allocations: a few instructions for each, in ours and in the peers.
#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// How many requests are counted. A hundred more come before, uncounted, until caches and lazily made things are there.
pub(crate) const REQUESTS: u64 = 200;
const WARM_UP: u64 = 100;

/// How much memory this process has asked for and not given back, in bytes.
pub(crate) fn live_bytes() -> usize {
    let stats = ALLOCATOR.stats();
    stats.bytes_allocated - stats.bytes_deallocated
}

/// One kind of request against one kind of service.
pub(crate) trait Case {
    /// Builds the next request.
    fn prepare(&mut self);

    /// Serves it.
    fn serve(&mut self);
}

/// Serves all requests of a case, and says how many allocations each of them made.
pub(crate) fn run(case: &mut dyn Case) -> f64 {
    for _ in 0..WARM_UP {
        case.prepare();
        case.serve();
    }
    let mut allocations = 0;
    for _ in 0..REQUESTS {
        case.prepare();
        let region = Region::new(ALLOCATOR);
        counted_serve(case);
        let made = region.change();
        allocations += made.allocations + made.reallocations;
    }
    allocations as f64 / REQUESTS as f64
}

/// The counter is on while this function runs: [`crate::callgrind`] knows it by its name.
#[inline(never)]
fn counted_serve(case: &mut dyn Case) {
    case.serve();
}

/// Runs a future that never has to wait for long.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let mut cx = Context::from_waker(Waker::noop());
    for _ in 0..1_000 {
        if let Poll::Ready(done) = future.as_mut().poll(&mut cx) {
            return done;
        }
    }
    panic!("the service waits for something that never comes");
}
