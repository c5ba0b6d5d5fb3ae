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
    taken: u64,
    ended: bool,
}

/// Gets items one after the other from `next`, works on them on all cores, and hands the results to `take` on this
/// thread, in the items' order. Each thread has a state of its own, made by `start`. An error of any of the three ends it;
/// what `take` has got by then does not depend on timing. Few items are under way at a time.
///
/// # Panics
/// As `next` and `work` do.
pub(crate) fn in_order<S, I, T: Send, E: Send>(
    next: impl FnMut(&mut S) -> Result<Option<I>, E> + Send,
    start: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, I) -> Result<T, E> + Sync,
    mut take: impl FnMut(T) -> Result<(), E>,
) -> Result<(), E> {
    let threads = cores();
    let most = 2 * threads as u64 + 1;
    let feed = Mutex::new(Feed { next, given: 0, taken: 0, ended: false });
    let changed = Condvar::new();
    /// Ends the work when its thread ends, for whatever reason.
    struct End<'a, N>(&'a Mutex<Feed<N>>, &'a Condvar);
    impl<N> Drop for End<'_, N> {
        fn drop(&mut self) {
            lock(self.0).ended = true;
            self.1.notify_all();
        }
    }
    let run = |send: mpsc::Sender<(u64, Result<T, E>)>| {
        let _end = End(&feed, &changed);
        let mut state = start();
        loop {
            let (number, item) = {
                let mut feed = lock(&feed);
                while !feed.ended && feed.given - feed.taken >= most {
                    feed = changed.wait(feed).unwrap_or_else(PoisonError::into_inner);
                }
                if feed.ended {
                    return;
                }
                let item = (feed.next)(&mut state).transpose();
                feed.ended = !matches!(item, Some(Ok(_)));
                feed.given += 1;
                (feed.given - 1, item)
            };
            let Some(item) = item else { return };
            let done = item.and_then(|item| work(&mut state, item));
            if send.send((number, done)).is_err() {
                return;
            }
        }
    };
    thread::scope(|scope| {
        let (send, receive) = mpsc::channel::<(u64, Result<T, E>)>();
        let run = &run;
        let worker = |send: mpsc::Sender<_>| scope.spawn(move || run(send));
        let workers: Vec<_> = (0..threads).map(|_| worker(send.clone())).collect();
        drop(send);
        let end = End(&feed, &changed);
        let mut early = BTreeMap::new();
        let mut wanted = 0;
        for (number, done) in receive {
            early.insert(number, done);
            while let Some(done) = early.remove(&wanted) {
                take(done?)?;
                wanted += 1;
                lock(&feed).taken = wanted;
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
