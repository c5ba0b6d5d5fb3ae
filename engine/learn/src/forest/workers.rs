//! All trees of a forest, grown side by side.

use super::grow::{Ground, Grower, Tree};
use crate::{FitError, Observer};
use std::{
    sync::{
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
        mpsc,
    },
    thread,
    time::Duration,
};
use trainyard_types::Problem;

/// Cores to grow on.
pub fn threads() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// So many trees, in the order of their numbers: the same ones however many threads there are. Tells how far it is, and ends
/// between two splits where the observer says so.
pub fn grow(
    ground: &Ground<'_>,
    trees: usize,
    threads: usize,
    observer: &mut dyn Observer,
) -> Result<Vec<Tree>, FitError> {
    let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    let mut grown: Vec<Option<Tree>> = Vec::new();
    grown.resize_with(trees, || None);
    let mut done = 0u32;
    thread::scope(|scope| {
        let (sender, receiver) = mpsc::channel();
        for _ in 0..threads.clamp(1, trees.max(1)) {
            let (sender, next, stop) = (sender.clone(), &next, &stop);
            scope.spawn(move || {
                let mut grower = Grower::new(ground);
                loop {
                    let number = next.fetch_add(1, Relaxed);
                    if number >= trees {
                        break;
                    }
                    let Some(tree) = grower.grow(number, stop) else { break };
                    if sender.send((number, tree)).is_err() {
                        break;
                    }
                }
            });
        }
        drop(sender);
        loop {
            match receiver.recv_timeout(Duration::from_millis(100)) {
                Ok((number, tree)) => {
                    grown[number] = Some(tree);
                    done += 1;
                    observer.progress(0.9 * f64::from(done) / trees as f64, "growing trees", None);
                }
                Err(mpsc::RecvTimeoutError::Timeout) => {}
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
            }
            if observer.cancelled() {
                stop.store(true, Relaxed);
                // The threads see it at their next split, and after the tree at hand take no other.
                next.store(trees, Relaxed);
            }
        }
    });
    if stop.load(Relaxed) {
        return Err(FitError::Cancelled);
    }
    let whole: Option<Vec<Tree>> = grown.into_iter().collect();
    whole.ok_or_else(|| FitError::Problem(Problem::internal("A tree of the forest is missing. Train again.")))
}
