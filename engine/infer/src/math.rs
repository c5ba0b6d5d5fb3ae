//! Elementary functions that compilers vectorise. Training uses the same functions, so that a net predicts with what it was
//! trained with.

/// Added and subtracted, it rounds an `f32` of magnitude below 2²² to the nearest integer; its low mantissa bits then
/// hold that integer.
const ROUND: f32 = 12_582_912.0;

/// Loops that are compiled once for each vector instruction set. Mark `run`, and all that it calls, `#[inline(always)]`:
/// only what is inlined into it uses the wider instructions.
pub trait Loops {
    type Output;
    fn run(self) -> Self::Output;
}

/// Runs loops with the widest vector instructions of this machine (AVX-512, AVX2, NEON, or as compiled).
pub fn vectorised<L: Loops>(loops: L) -> L::Output {
    struct Run<L>(L);
    impl<L: Loops> pulp::WithSimd for Run<L> {
        type Output = L::Output;
        #[inline(always)]
        fn with_simd<S: pulp::Simd>(self, _: S) -> L::Output {
            self.0.run()
        }
    }
    pulp::Arch::new().dispatch(Run(loops))
}

/// e^x, relative error below 3e-7 for x in -87 to 88, held at the ends outside.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    let x = x.clamp(-87.0, 88.0);
    let rounded = x * std::f32::consts::LOG2_E + ROUND;
    let k = rounded - ROUND;
    // ln 2 in two parts, so that the rest is exact (Cody and Waite).
    let r = x - k * 0.693_359_4 + k * 2.121_944_4e-4;
    let mut p = 1.388_888_9e-3;
    p = p * r + 8.333_334e-3;
    p = p * r + 4.166_666_6e-2;
    p = p * r + 1.666_666_7e-1;
    p = p * r + 0.5;
    p = p * r + 1.0;
    p = p * r + 1.0;
    p * f32::from_bits((rounded.to_bits() << 23).wrapping_add(0x3f80_0000))
}

/// cos(2πt), absolute error below 3e-7 for |t| below 2²².
#[inline(always)]
pub fn cos_turns(t: f32) -> f32 {
    let r = t - ((t + ROUND) - ROUND);
    // cos(2πr) = sin(2π(¼ − |r|)), and that angle is within ±π/2.
    let x = (0.25 - r.abs()) * std::f32::consts::TAU;
    let z = x * x;
    let mut p = -2.505_210_8e-8;
    p = p * z + 2.755_731_9e-6;
    p = p * z - 1.984_127e-4;
    p = p * z + 8.333_333e-3;
    p = p * z - 1.666_666_7e-1;
    x + x * z * p
}

/// The two activations of RealMLP: SELU for classification, Mish for regression.
pub const SELU_SCALE: f32 = 1.050_701;
pub const SELU_ALPHA: f32 = 1.673_263_2;

/// SELU (Klambauer et al. 2017).
#[inline(always)]
pub fn selu(x: f32) -> f32 {
    if x > 0.0 { SELU_SCALE * x } else { SELU_SCALE * SELU_ALPHA * (exp(x.min(0.0)) - 1.0) }
}

/// SELU and its derivative.
#[inline(always)]
pub fn selu_slope(x: f32) -> (f32, f32) {
    let low = SELU_SCALE * SELU_ALPHA * exp(x.min(0.0));
    if x > 0.0 { (SELU_SCALE * x, SELU_SCALE) } else { (low - SELU_SCALE * SELU_ALPHA, low) }
}

/// Mish, x·tanh(ln(1 + e^x)) (Misra 2019).
#[inline(always)]
pub fn mish(x: f32) -> f32 {
    let u = exp(x.min(30.0));
    let n = u * (u + 2.0);
    x * n / (n + 2.0)
}

/// Mish and its derivative.
#[inline(always)]
pub fn mish_slope(x: f32) -> (f32, f32) {
    let u = exp(x.min(30.0));
    let n = u * (u + 2.0);
    let tanh = n / (n + 2.0);
    (x * tanh, tanh + x * (1.0 - tanh * tanh) * (u / (1.0 + u)))
}

/// Makes each row of `logits` (rows x `classes`) probabilities that sum to 1.
pub fn softmax(logits: &mut [f32], classes: usize) {
    for row in logits.chunks_exact_mut(classes) {
        let highest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let mut sum = 0.0;
        for value in row.iter_mut() {
            *value = exp(*value - highest);
            sum += *value;
        }
        row.iter_mut().for_each(|value| *value /= sum);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_agree_with_the_standard_library() {
        for i in -8_000..8_000 {
            let x = i as f32 * 0.01;
            let exact = f64::from(x).exp();
            assert!((f64::from(exp(x)) / exact - 1.0).abs() < 5e-7, "exp({x})");
            let exact = (f64::from(x) * std::f64::consts::TAU).cos();
            assert!((f64::from(cos_turns(x)) - exact).abs() < 5e-7, "cos_turns({x})");
            let x64 = f64::from(x);
            let exact = x64 * (1.0 + x64.exp()).ln().tanh();
            assert!((f64::from(mish(x)) - exact).abs() < 1e-5 * (1.0 + exact.abs()), "mish({x})");
            let exact = if x > 0.0 { 1.050_700_987 * x64 } else { 1.050_700_987 * 1.673_263_242 * (x64.exp() - 1.0) };
            assert!((f64::from(selu(x)) - exact).abs() < 1e-5 * (1.0 + exact.abs()), "selu({x})");
        }
        assert!(exp(f32::NAN).is_nan() && exp(-1e9) < 1e-37 && exp(1e9) > 1e38);
    }

    #[test]
    fn slopes_agree_with_finite_differences() {
        for i in -600..600 {
            let x = f64::from(i) * 0.01 + 0.005;
            let exact = |f: fn(f64) -> f64| (f(x + 1e-5) - f(x - 1e-5)) / 2e-5;
            let mish64 = |x: f64| x * (1.0 + x.exp()).ln().tanh();
            let selu64 = |x: f64| {
                if x > 0.0 { 1.050_700_987 * x } else { 1.050_700_987 * 1.673_263_242 * (x.exp() - 1.0) }
            };
            assert!((f64::from(mish_slope(x as f32).1) - exact(mish64)).abs() < 1e-4, "mish at {x}");
            assert!((f64::from(selu_slope(x as f32).1) - exact(selu64)).abs() < 1e-4, "selu at {x}");
        }
    }
}
