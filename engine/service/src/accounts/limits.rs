//! How often signing in may be tried, by address and by name.

use governor::{
    DefaultKeyedRateLimiter, Quota, RateLimiter,
    clock::{Clock, DefaultClock},
};
use std::{
    collections::HashMap,
    fmt,
    num::NonZeroU32,
    sync::{Mutex, PoisonError},
};
use trainyard_types::{Code, Problem};

/// Tries a minute from one address.
const PER_ADDRESS: u32 = 30;
/// Tries a minute for one name; they start anew once the name has signed in.
const PER_NAME: u32 = 10;
/// Beyond so many keys, those that are full again are dropped.
const KEYS: usize = 20_000;

/// Token buckets, in this process's memory.
pub(crate) struct SignInLimits {
    addresses: DefaultKeyedRateLimiter<String>,
    names: DefaultKeyedRateLimiter<(String, u64)>,
    /// How often each name has signed in: part of its bucket's key. Holds only names of accounts.
    successes: Mutex<HashMap<String, u64>>,
    clock: DefaultClock,
}

impl fmt::Debug for SignInLimits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SignInLimits")
    }
}

fn a_minute(tries: u32) -> Quota {
    Quota::per_minute(NonZeroU32::new(tries).unwrap_or(NonZeroU32::MIN))
}

impl Default for SignInLimits {
    fn default() -> Self {
        Self {
            addresses: RateLimiter::keyed(a_minute(PER_ADDRESS)),
            names: RateLimiter::keyed(a_minute(PER_NAME)),
            successes: Mutex::default(),
            clock: DefaultClock::default(),
        }
    }
}

impl SignInLimits {
    /// Counts a try. `name` as compared (lower case).
    ///
    /// # Errors
    /// `TooMany` with the seconds to wait.
    pub(crate) fn check(&self, name: &str, address: &str) -> Result<(), Problem> {
        if self.addresses.len() > KEYS {
            self.addresses.retain_recent();
        }
        if self.names.len() > KEYS {
            self.names.retain_recent();
        }
        let key = (name.to_owned(), self.generation(name));
        let outcome = self.addresses.check_key(&address.to_owned()).and_then(|()| self.names.check_key(&key));
        outcome.map_err(|until| {
            let seconds = until.wait_time_from(self.clock.now()).as_secs() + 1;
            Problem::new(Code::TooMany, format!("Too many tries to sign in. Wait {seconds} s, then try again."))
        })
    }

    /// The name has signed in: its tries start anew.
    pub(crate) fn succeeded(&self, name: &str) {
        let mut successes = self.successes.lock().unwrap_or_else(PoisonError::into_inner);
        *successes.entry(name.to_owned()).or_default() += 1;
    }

    fn generation(&self, name: &str) -> u64 {
        self.successes.lock().unwrap_or_else(PoisonError::into_inner).get(name).copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_eleventh_wrong_try_for_a_name_is_refused_and_a_success_starts_anew() {
        let limits = SignInLimits::default();
        for _ in 0..PER_NAME {
            limits.check("ada", "10.0.0.1").unwrap();
        }
        let refused = limits.check("ada", "10.0.0.2").unwrap_err();
        assert_eq!(refused.code, Code::TooMany);
        assert!(limits.check("bob", "10.0.0.1").is_ok());
        limits.succeeded("ada");
        assert!(limits.check("ada", "10.0.0.1").is_ok());
    }

    #[test]
    fn one_address_cannot_try_many_names() {
        let limits = SignInLimits::default();
        for i in 0..PER_ADDRESS {
            limits.check(&format!("user{i}"), "10.0.0.1").unwrap();
        }
        assert!(limits.check("other", "10.0.0.1").is_err());
        assert!(limits.check("other", "10.0.0.2").is_ok());
    }
}
