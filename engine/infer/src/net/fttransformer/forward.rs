//! The forward pass of some rows, block by block.

use super::{FtTransformerNet, NORM_EPSILON, Norm};
use crate::{
    math::exp,
    preprocess::Encoded,
    product::{Bias, Packed},
};
use pulp::{Simd, WithSimd};

/// The rows from `first` on, as many as `result` holds.
pub(super) struct Forward<'a> {
    pub net: &'a FtTransformerNet,
    pub encoded: &'a Encoded,
    pub first: usize,
    pub result: &'a mut [f32],
}

impl WithSimd for Forward<'_> {
    type Output = ();
    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Forward { net, encoded, first, result } = self;
        let w = &net.weights;
        let (tokens, width, hidden, outputs) = (w.tokens(), w.width, w.hidden, w.outputs());
        let rows = result.len() / outputs;
        let count = rows * tokens;
        let room = |wide: usize| vec![0.0f32; count * wide];
        let (mut x, mut normed, mut query, mut seen) = (room(width), room(width), room(width), room(width));
        let (mut key_value, mut up_gate, mut within) = (room(2 * width), room(2 * hidden), room(hidden));
        let mut attention =
            Attention { heads: w.heads, width, keys: vec![0.0; tokens * width], scores: vec![0.0; tokens] };
        for (row, x) in x.chunks_exact_mut(tokens * width).enumerate() {
            net.tokens(encoded, first + row, x);
        }
        for (index, (block, packed)) in w.blocks.iter().zip(&net.packed).enumerate() {
            match &block.before {
                Some(norm) => norm.apply(&x, &mut normed),
                None => normed.copy_from_slice(&x),
            }
            packed.key_value.multiply(simd, &normed, &mut key_value, &Bias(&packed.key_value_bias));
            // In the end [CLS] alone is asked for.
            let last = index + 1 == w.blocks.len();
            if last {
                for row in 0..rows {
                    let cls = row * tokens * width..row * tokens * width + width;
                    x.copy_within(cls.clone(), row * width);
                    normed.copy_within(cls, row * width);
                }
            }
            let asked = if last { 1 } else { tokens };
            let numbers = rows * asked * width;
            packed.query.multiply(simd, &normed[..numbers], &mut query[..numbers], &Bias(&block.query.bias));
            let queries = query[..numbers].chunks_exact(asked * width);
            let keys_and_values = key_value.chunks_exact(2 * tokens * width);
            for ((queries, pairs), seen) in queries.zip(keys_and_values).zip(seen.chunks_exact_mut(asked * width)) {
                attention.attend(queries, pairs, seen);
            }
            added(simd, &packed.out, &block.out.bias, &seen[..numbers], &mut normed[..numbers], &mut x[..numbers]);
            block.between.apply(&x[..numbers], &mut normed[..numbers]);
            let (up_gate, within) = (&mut up_gate[..rows * asked * 2 * hidden], &mut within[..rows * asked * hidden]);
            packed.up_gate.multiply(simd, &normed[..numbers], up_gate, &Bias(&packed.up_gate_bias));
            for (within, pair) in within.chunks_exact_mut(hidden).zip(up_gate.chunks_exact(2 * hidden)) {
                let (up, gate) = pair.split_at(hidden);
                within.iter_mut().zip(up).zip(gate).for_each(|((to, up), gate)| *to = up * gate.max(0.0));
            }
            added(simd, &packed.down, &block.down.bias, within, &mut normed[..numbers], &mut x[..numbers]);
        }
        let cls = &mut normed[..rows * width];
        w.norm.apply(&x[..rows * width], cls);
        cls.iter_mut().for_each(|value| *value = value.max(0.0));
        net.head.multiply(simd, cls, result, &Bias(&w.head.bias));
    }
}

/// Adds `from` times the matrix and the bias to `x`, by way of `room`.
#[inline(always)]
fn added<S: Simd>(simd: S, matrix: &Packed, bias: &[f32], from: &[f32], room: &mut [f32], x: &mut [f32]) {
    matrix.multiply(simd, from, room, &Bias(bias));
    x.iter_mut().zip(room.iter()).for_each(|(x, more)| *x += more);
}

impl FtTransformerNet {
    /// A row's tokens, `tokens x width`.
    #[inline(always)]
    fn tokens(&self, encoded: &Encoded, row: usize, out: &mut [f32]) {
        let w = &self.weights;
        let width = w.width;
        let (cls, rest) = out.split_at_mut(width);
        cls.copy_from_slice(&w.cls);
        let (dense, embedded) = rest.split_at_mut(w.dense * width);
        let (dense_bias, table_bias) = w.bias.split_at(w.dense * width);
        let numbers = &encoded.dense[row * w.dense..(row + 1) * w.dense];
        let parts = dense.chunks_exact_mut(width).zip(w.scale.chunks_exact(width)).zip(dense_bias.chunks_exact(width));
        for (((out, scale), bias), x) in parts.zip(numbers) {
            out.iter_mut().zip(scale).zip(bias).for_each(|((out, scale), bias)| *out = x * scale + bias);
        }
        let codes = &encoded.codes[row * w.tables.len()..(row + 1) * w.tables.len()];
        let parts = embedded.chunks_exact_mut(width).zip(&w.tables).zip(table_bias.chunks_exact(width));
        for (((out, table), bias), &code) in parts.zip(codes) {
            let at = code as usize * width;
            let found = table.get(at..at + width).unwrap_or(&table[..width]);
            out.iter_mut().zip(found).zip(bias).for_each(|((out, value), bias)| *out = value + bias);
        }
    }
}

impl Norm {
    /// Of each token on its own.
    #[inline(always)]
    pub(super) fn apply(&self, x: &[f32], out: &mut [f32]) {
        let width = self.gain.len();
        for (x, out) in x.chunks_exact(width).zip(out.chunks_exact_mut(width)) {
            let center = mean(x, |x| x);
            out.iter_mut().zip(x).for_each(|(out, x)| *out = x - center);
            let variance = mean(out, |x| x * x);
            let factor = 1.0 / (variance + NORM_EPSILON).sqrt();
            let numbers = out.iter_mut().zip(&self.gain).zip(&self.shift);
            numbers.for_each(|((out, gain), shift)| *out = *out * factor * gain + shift);
        }
    }
}

/// The mean of what `f` makes of numbers, summed in 64 bits, so that the order of the sum shows in no digit of the answer.
#[inline(always)]
fn mean(numbers: &[f32], f: impl Fn(f64) -> f64) -> f32 {
    let mut sums = [0.0f64; 8];
    for numbers in numbers.chunks(sums.len()) {
        sums.iter_mut().zip(numbers).for_each(|(sum, number)| *sum += f(f64::from(*number)));
    }
    (sums.iter().sum::<f64>() / numbers.len() as f64) as f32
}

/// Attention of one row's tokens, with room for what it works out on the way.
pub(super) struct Attention {
    pub heads: usize,
    pub width: usize,
    /// `width x tokens`: the keys turned, so that all tokens' scores are added up side by side.
    pub keys: Vec<f32>,
    /// `tokens`.
    pub scores: Vec<f32>,
}

impl Attention {
    /// `seen` (asked x width) = for each head the values' mean, weighted with the softmax of `query · key / √(width / heads)`.
    /// `queries` is `asked x width`, `pairs` each token's key and value, `tokens x 2 · width`.
    #[inline(always)]
    pub(super) fn attend(&mut self, queries: &[f32], pairs: &[f32], seen: &mut [f32]) {
        let (width, each, tokens) = (self.width, self.width / self.heads, self.scores.len());
        for (token, pair) in pairs.chunks_exact(2 * width).enumerate() {
            let keys = self.keys.iter_mut().skip(token).step_by(tokens);
            keys.zip(&pair[..width]).for_each(|(to, key)| *to = *key);
        }
        let scale = 1.0 / (each as f32).sqrt();
        for (query, seen) in queries.chunks_exact(width).zip(seen.chunks_exact_mut(width)) {
            let keys = self.keys.chunks_exact(each * tokens);
            for (head, (keys, seen)) in keys.zip(seen.chunks_exact_mut(each)).enumerate() {
                let scores = &mut self.scores[..];
                scores.fill(0.0);
                for (query, keys) in query[head * each..].iter().zip(keys.chunks_exact(tokens)) {
                    scores.iter_mut().zip(keys).for_each(|(score, key)| *score += query * scale * key);
                }
                softmax(scores);
                seen.fill(0.0);
                for (score, pair) in scores.iter().zip(pairs.chunks_exact(2 * width)) {
                    let values = &pair[width + head * each..][..each];
                    seen.iter_mut().zip(values).for_each(|(seen, value)| *seen += score * value);
                }
            }
        }
    }
}

/// Makes scores shares that add up to 1.
#[inline(always)]
fn softmax(scores: &mut [f32]) {
    let highest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    scores.iter_mut().for_each(|score| *score = exp(*score - highest));
    let total = scores.iter().sum::<f32>();
    scores.iter_mut().for_each(|score| *score /= total);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_tokens_look_at_each_other() {
        // One head of two numbers: keys (1, 0) and (0, 1), values (10, 0) and (0, 20). A query of (√2·ln 3, 0) scores ln 3 and 0,
        // so that the shares are 3/4 and 1/4; one of zeros sees the mean.
        let query = 2.0f32.sqrt() * 3.0f32.ln();
        let pairs = [1.0, 0.0, 10.0, 0.0, 0.0, 1.0, 0.0, 20.0];
        let mut attention = Attention { heads: 1, width: 2, keys: vec![0.0; 4], scores: vec![0.0; 2] };
        let mut seen = [9.0f32; 4];
        attention.attend(&[query, 0.0, 0.0, 0.0], &pairs, &mut seen);
        for (found, expected) in seen.iter().zip([7.5, 5.0, 5.0, 10.0]) {
            assert!((found - expected).abs() < 1e-5, "{seen:?}");
        }
        // Two heads of one number each: the first scores ln 3 and 0 as before, the second 0 and ln 3.
        let mut attention = Attention { heads: 2, ..attention };
        attention.attend(&[3.0f32.ln(), 3.0f32.ln()], &pairs, &mut seen[..2]);
        for (found, expected) in seen.iter().zip([7.5, 15.0]) {
            assert!((found - expected).abs() < 1e-5, "{seen:?}");
        }
    }

    #[test]
    fn a_norm_has_mean_zero_and_variance_one() {
        let norm = Norm { gain: vec![1.0; 4], shift: vec![0.0; 4] };
        let mut out = [0.0f32; 8];
        norm.apply(&[1.0, 2.0, 3.0, 4.0, 7.0, 7.0, 7.0, 7.0], &mut out);
        // The mean is 2.5 and the variance 1.25; numbers that are all alike become 0.
        let unit = 1.0 / (1.25f32 + 1e-5).sqrt();
        let expected = [-1.5 * unit, -0.5 * unit, 0.5 * unit, 1.5 * unit, 0.0, 0.0, 0.0, 0.0];
        assert!(out.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{out:?}");
        let norm = Norm { gain: vec![2.0, 1.0, 1.0, -1.0], shift: vec![0.5, 0.0, 0.0, 1.0] };
        norm.apply(&[1.0, 2.0, 3.0, 4.0], &mut out[..4]);
        assert!((out[0] - (0.5 - 3.0 * unit)).abs() < 1e-6 && (out[3] - (1.0 - 1.5 * unit)).abs() < 1e-6, "{out:?}");
    }
}
