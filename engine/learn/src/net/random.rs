//! Random numbers that depend on the seed and on where they are used, and on nothing that happened before: a resumed
//! run draws the same as an undisturbed one.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A generator for one purpose.
pub struct Random(ChaCha8Rng);

impl Random {
    pub fn new(seed: u64, purpose: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(mix(seed ^ mix(purpose.wrapping_add(0x7261_696e)))))
    }

    /// In [0, 1), 53 bits.
    pub fn uniform(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Below `limit`.
    pub fn below(&mut self, limit: usize) -> usize {
        // The bias is below limit / 2⁶⁴.
        ((u128::from(self.0.next_u64()) * limit as u128) >> 64) as usize
    }

    /// Standard normal (Box and Muller 1958).
    pub fn normal(&mut self) -> f32 {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        (radius * (std::f64::consts::TAU * self.uniform()).cos()) as f32
    }

    /// The numbers below `count`, shuffled (Fisher and Yates).
    pub fn permutation(&mut self, count: usize) -> Vec<u32> {
        let mut order: Vec<u32> = (0..count as u32).collect();
        for i in (1..count).rev() {
            order.swap(i, self.below(i + 1));
        }
        order
    }
}

/// SplitMix64's output function (Steele, Lea and Flood 2014).
pub fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Dropout's decision for one activation: its factor, `kept` or 0. `threshold` is the dropped share times 2²⁴.
/// The hash is Wellons' `lowbias32`-style mix; it costs a few vector instructions and needs no buffer.
#[inline(always)]
pub fn dropout(key: u32, index: u32, threshold: u32, kept: f32) -> f32 {
    let mut x = index.wrapping_mul(0x9e37_79b9).wrapping_add(key);
    x ^= x >> 16;
    x = x.wrapping_mul(0x21f0_aaad);
    x ^= x >> 15;
    x = x.wrapping_mul(0xd35a_2d97);
    x ^= x >> 15;
    if (x >> 8) >= threshold { kept } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_as_they_should_be() {
        let mut random = Random::new(1, 2);
        let normals: Vec<f64> = (0..20_000).map(|_| f64::from(random.normal())).collect();
        let mean = normals.iter().sum::<f64>() / 20_000.0;
        let variance = normals.iter().map(|v| v * v).sum::<f64>() / 20_000.0;
        assert!(mean.abs() < 0.03 && (variance - 1.0).abs() < 0.05);
        let mut order = random.permutation(1000);
        assert_ne!(order[..20], (0..20).collect::<Vec<u32>>()[..]);
        order.sort_unstable();
        assert_eq!(order, (0..1000).collect::<Vec<u32>>());
    }

    #[test]
    fn dropout_drops_its_share_in_each_column() {
        let threshold = (0.15 * f64::from(1u32 << 24)) as u32;
        for column in [0, 17, 255] {
            let dropped = (0..10_000u32).filter(|row| dropout(77, row * 256 + column, threshold, 1.0) == 0.0).count();
            assert!((1_300..1_700).contains(&dropped), "{dropped} of 10,000");
        }
    }
}
