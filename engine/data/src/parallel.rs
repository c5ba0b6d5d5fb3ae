//! Work on the columns of a block, spread over the processor's cores.

use std::{num::NonZero, sync::Mutex, thread};

/// Calls `work` for each item with its index. Every thread has a state of its own, made by `start`; the states come
/// back in no particular order, so combining them must not depend on it.
pub(crate) fn each<T: Send, S: Send>(
    items: &mut [T],
    start: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, usize, &mut T) + Sync,
) -> Vec<S> {
    let threads = thread::available_parallelism().map_or(1, NonZero::get).min(items.len()).min(16);
    if threads <= 1 {
        let mut state = start();
        for (i, item) in items.iter_mut().enumerate() {
            work(&mut state, i, item);
        }
        return vec![state];
    }
    let queue = Mutex::new(items.iter_mut().enumerate());
    // The lock is not held while working, so that only a panic elsewhere could poison it.
    let take = || queue.lock().unwrap_or_else(std::sync::PoisonError::into_inner).next();
    let run = || {
        let mut state = start();
        while let Some((i, item)) = take() {
            work(&mut state, i, item);
        }
        state
    };
    thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(run)).collect();
        let mut states = vec![run()];
        for other in others {
            match other.join() {
                Ok(state) => states.push(state),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        states
    })
}
