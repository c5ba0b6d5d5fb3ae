//! How many jobs a worker runs at once, and on which GPU each.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Names the GPU that a process uses where several are there; burn reads it.
pub const GPU: &str = "CUBECL_WGPU_DEFAULT_DEVICE";

/// A worker's places for jobs; clones share them.
#[derive(Clone, Debug)]
pub struct Slots(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    asked: Option<usize>,
    /// Discrete GPUs that answer, once that is known.
    gpus: usize,
    taken: BTreeSet<usize>,
}

/// A job's place; free again when dropped.
#[derive(Debug)]
pub struct Slot {
    number: usize,
    of: Slots,
}

impl Slots {
    /// `asked`: so many; otherwise one a GPU, and one where there is none.
    pub fn new(asked: Option<usize>) -> Self {
        Self(Arc::new(Mutex::new(State { asked, gpus: 0, taken: BTreeSet::new() })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Jobs at the same time, at least 1.
    pub fn count(&self) -> usize {
        let state = self.state();
        state.asked.unwrap_or(state.gpus).max(1)
    }

    pub fn found(&self, gpus: usize) {
        self.state().gpus = gpus;
    }

    /// A free place, if there is one: the lowest, so that jobs spread over all GPUs before two share one.
    pub fn take(&self) -> Option<Slot> {
        let count = self.count();
        let mut state = self.state();
        let number = (0..count).find(|number| !state.taken.contains(number))?;
        state.taken.insert(number);
        Some(Slot { number, of: self.clone() })
    }
}

impl Slot {
    /// What [`GPU`] is to be, where there are several.
    pub fn gpu(&self) -> Option<String> {
        let gpus = self.of.state().gpus;
        (gpus > 1).then(|| discrete(self.number % gpus))
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.of.state().taken.remove(&self.number);
    }
}

/// A discrete GPU by its number, as [`GPU`] takes it.
pub fn discrete(number: usize) -> String {
    format!("DiscreteGpu({number})")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn one_job_a_gpu() {
        let slots = Slots::new(None);
        let first = slots.take().unwrap();
        assert!(first.gpu().is_none() && slots.take().is_none(), "until GPUs are known there is one place");
        slots.found(3);
        let (second, third) = (slots.take().unwrap(), slots.take().unwrap());
        assert!(slots.take().is_none());
        let gpus = [&first, &second, &third].map(|slot| slot.gpu().unwrap());
        assert_eq!(gpus, ["DiscreteGpu(0)", "DiscreteGpu(1)", "DiscreteGpu(2)"]);
        drop(second);
        assert_eq!(slots.take().unwrap().gpu().unwrap(), "DiscreteGpu(1)", "the free one is taken again");
    }

    #[test]
    fn what_is_asked_for_counts() {
        let slots = Slots::new(Some(4));
        slots.found(2);
        let taken: Vec<Slot> = std::iter::from_fn(|| slots.take()).collect();
        let gpus: Vec<String> = taken.iter().map(|slot| slot.gpu().unwrap()).collect();
        assert_eq!(gpus, ["DiscreteGpu(0)", "DiscreteGpu(1)", "DiscreteGpu(0)", "DiscreteGpu(1)"]);
        assert_eq!(Slots::new(Some(0)).count(), 1);
    }
}
