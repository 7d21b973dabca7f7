//! Running a case and counting its allocations.

use std::{
    alloc::System,
    future::Future,
    pin::pin,
    task::{Context, Poll, Waker},
};

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

/// Counts allocations. This costs a few instructions per allocation, in every service alike.
#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Number of requests that are counted.
pub(crate) const REQUESTS: u64 = 200;
/// Number of requests that are served first, uncounted, to fill caches and lazily created values.
const WARM_UP: u64 = 100;

/// Returns the number of bytes that this process has allocated and not freed.
pub(crate) fn live_bytes() -> usize {
    let stats = ALLOCATOR.stats();
    stats.bytes_allocated - stats.bytes_deallocated
}

/// One kind of request against one kind of service.
pub(crate) trait Case {
    /// Builds the next request.
    fn prepare(&mut self);

    /// Serves the request.
    fn serve(&mut self);
}

/// Serves all requests of a case. Returns the number of allocations per request.
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
        let change = region.change();
        allocations += change.allocations + change.reallocations;
    }
    allocations as f64 / REQUESTS as f64
}

/// Callgrind counts while this function runs. [`crate::callgrind`] refers to it by name.
#[inline(never)]
fn counted_serve(case: &mut dyn Case) {
    case.serve();
}

/// Runs a future that needs no executor. Panics if it is not ready after 1,000 polls.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let mut cx = Context::from_waker(Waker::noop());
    for _ in 0..1_000 {
        if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
            return output;
        }
    }
    panic!("the future is still pending after 1,000 polls");
}
