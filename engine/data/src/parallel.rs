//! Work spread over the processor's cores: the columns of a block, or the blocks of a file.

use std::{
    collections::BTreeMap,
    num::NonZero,
    sync::{Condvar, Mutex, MutexGuard, PoisonError, mpsc},
    thread,
};

pub(crate) fn cores() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get).min(16)
}

/// Calls `work` for each item with its index. Every thread has a state of its own, made by `start`; the states come
/// back in no particular order, so combining them must not depend on it.
pub(crate) fn each<T: Send, S: Send>(
    items: &mut [T],
    start: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, usize, &mut T) + Sync,
) -> Vec<S> {
    let threads = cores().min(items.len());
    if threads <= 1 {
        let mut state = start();
        for (i, item) in items.iter_mut().enumerate() {
            work(&mut state, i, item);
        }
        return vec![state];
    }
    let queue = Mutex::new(items.iter_mut().enumerate());
    // The lock is not held while working, so that only a panic elsewhere could poison it.
    let take = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
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

/// Does both at the same time, the first on this thread.
pub(crate) fn both<A, B: Send>(one: impl FnOnce() -> A, other: impl FnOnce() -> B + Send) -> (A, B) {
    thread::scope(|scope| {
        let other = scope.spawn(other);
        let one = one();
        match other.join() {
            Ok(other) => (one, other),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// What hands out the items of [`in_order`].
struct Feed<N> {
    next: N,
    given: u64,
    /// Of the items that are under way.
    bytes: usize,
    ended: bool,
}

/// Bytes of items under way, for each core. One item more may be under way, however large it is.
const BYTES_UNDER_WAY: usize = 4 << 20;

/// Gets items one after the other from `next`, works on them on all cores, and hands the results to `take` on this
/// thread, in the items' order. Each thread has a state of its own, made by `start`. An error of any of the three ends it;
/// what `take` has got by then does not depend on timing. How many items are under way depends on their bytes, which
/// `weigh` tells.
///
/// # Panics
/// As `next` and `work` do.
pub(crate) fn in_order<S, I, T: Send, E: Send>(
    next: impl FnMut(&mut S) -> Result<Option<I>, E> + Send,
    weigh: impl Fn(&I) -> usize + Sync,
    start: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, I) -> Result<T, E> + Sync,
    mut take: impl FnMut(T) -> Result<(), E>,
) -> Result<(), E> {
    let threads = cores();
    let most = threads * BYTES_UNDER_WAY;
    let feed = Mutex::new(Feed { next, given: 0, bytes: 0, ended: false });
    let changed = Condvar::new();
    /// Ends the work when its thread ends, for whatever reason.
    struct End<'a, N>(&'a Mutex<Feed<N>>, &'a Condvar);
    impl<N> Drop for End<'_, N> {
        fn drop(&mut self) {
            lock(self.0).ended = true;
            self.1.notify_all();
        }
    }
    let run = |send: mpsc::Sender<(u64, usize, Result<T, E>)>| {
        let _end = End(&feed, &changed);
        let mut state = start();
        loop {
            let (number, bytes, item) = {
                let mut feed = lock(&feed);
                while !feed.ended && feed.bytes >= most {
                    feed = changed.wait(feed).unwrap_or_else(PoisonError::into_inner);
                }
                if feed.ended {
                    return;
                }
                let item = (feed.next)(&mut state).transpose();
                feed.ended = !matches!(item, Some(Ok(_)));
                let bytes = item.as_ref().and_then(|item| item.as_ref().ok()).map_or(0, &weigh);
                feed.bytes += bytes;
                feed.given += 1;
                (feed.given - 1, bytes, item)
            };
            let Some(item) = item else { return };
            let done = item.and_then(|item| work(&mut state, item));
            if send.send((number, bytes, done)).is_err() {
                return;
            }
        }
    };
    thread::scope(|scope| {
        let (send, receive) = mpsc::channel::<(u64, usize, Result<T, E>)>();
        let run = &run;
        let worker = |send: mpsc::Sender<_>| scope.spawn(move || run(send));
        let workers: Vec<_> = (0..threads).map(|_| worker(send.clone())).collect();
        drop(send);
        let end = End(&feed, &changed);
        let mut early = BTreeMap::new();
        let mut wanted = 0;
        for (number, bytes, done) in receive {
            early.insert(number, (bytes, done));
            while let Some((bytes, done)) = early.remove(&wanted) {
                take(done?)?;
                wanted += 1;
                lock(&feed).bytes -= bytes;
                changed.notify_all();
            }
        }
        drop(end);
        for worker in workers {
            if let Err(panic) = worker.join() {
                std::panic::resume_unwind(panic);
            }
        }
        Ok(())
    })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

    /// Numbers up to `count`, in order, where the number `fails` does.
    fn numbers(count: u64, fails: u64, bytes: usize) -> (Vec<u64>, Result<(), u64>, usize) {
        let (mut next, mut taken) = (0, Vec::new());
        let (under_way, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let outcome = in_order(
            |()| {
                next += 1;
                most.fetch_max(under_way.fetch_add(1, SeqCst) + 1, SeqCst);
                Ok((next <= count).then_some(next - 1))
            },
            |_| bytes,
            || (),
            |(), item| {
                // The later ones of a few are ready first.
                thread::sleep(std::time::Duration::from_micros(50 * (3 - item % 4)));
                if item == fails { Err(item) } else { Ok(item) }
            },
            |item| {
                under_way.fetch_sub(1, SeqCst);
                taken.push(item);
                Ok(())
            },
        );
        (taken, outcome, most.into_inner())
    }

    #[test]
    fn items_come_in_order_up_to_the_first_that_fails() {
        for bytes in [0, 1 << 10, BYTES_UNDER_WAY, 1 << 40] {
            let (taken, outcome, most) = numbers(200, 1_000, bytes);
            assert_eq!((taken.len(), outcome), (200, Ok(())));
            assert!(taken.is_sorted());
            if bytes == 1 << 40 {
                assert!(most <= 2, "one item, and the end: {most}");
            }
            let (taken, outcome, _) = numbers(200, 77, bytes);
            assert_eq!((taken, outcome), ((0..77).collect(), Err(77)));
        }
    }

    #[test]
    fn both_are_done() {
        assert_eq!(both(|| 1, || "two"), (1, "two"));
    }
}
