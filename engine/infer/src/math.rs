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

/// e^x, relative error below 2e-7 for x in -87 to 88, held at the ends outside.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    let x = x.clamp(-87.0, 88.0);
    let rounded = x * std::f32::consts::LOG2_E + ROUND;
    let k = rounded - ROUND;
    // ln 2 in two parts, so that the rest is exact (Cody and Waite).
    let r = x - k * 0.693_359_4 + k * 2.121_944_4e-4;
    let mut p = 1.984_127e-4;
    p = p * r + 1.388_888_9e-3;
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

/// The normal distribution's quantile at `share`, in (0, 1) but no nearer to its ends than 1e-10, to 15 digits (Wichura
/// 1988, algorithm AS 241).
pub fn normal_quantile(share: f64) -> f64 {
    let ratio = |x: f64, above: [f64; 8], below: [f64; 7]| {
        let sum = |list: &[f64], last: f64| list.iter().rev().fold(0.0, |sum, c| (sum + c) * x) + last;
        sum(&above[1..], above[0]) / sum(&below, 1.0)
    };
    let q = share - 0.5;
    if q.abs() <= 0.425 {
        let above = [
            3.387_132_872_796_366_5,
            133.141_667_891_784_38,
            1_971.590_950_306_551_3,
            13_731.693_765_509_46,
            45_921.953_931_549_87,
            67_265.770_927_008_7,
            33_430.575_583_588_13,
            2_509.080_928_730_122_7,
        ];
        let below = [
            42.313_330_701_600_91,
            687.187_007_492_057_9,
            5_394.196_021_424_751,
            21_213.794_301_586_597,
            39_307.895_800_092_71,
            28_729.085_735_721_943,
            5_226.495_278_852_854,
        ];
        return q * ratio(0.180_625 - q * q, above, below);
    }
    let tail = if q < 0.0 { share } else { 1.0 - share };
    let r = (-tail.ln()).sqrt() - 1.6;
    let above = [
        1.423_437_110_749_683_5,
        4.630_337_846_156_546,
        5.769_497_221_460_691,
        3.647_848_324_763_204_5,
        1.270_458_252_452_368_4,
        0.241_780_725_177_450_6,
        0.022_723_844_989_269_184,
        0.000_774_545_014_278_341_4,
    ];
    let below = [
        2.053_191_626_637_759,
        1.676_384_830_183_803_8,
        0.689_767_334_985_1,
        0.148_103_976_427_480_08,
        0.015_198_666_563_616_457,
        0.000_547_593_808_499_534_5,
        1.050_750_071_644_416_9e-9,
    ];
    ratio(r, above, below).copysign(q)
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
            assert!((f64::from(exp(x)) / exact - 1.0).abs() < 2e-7, "exp({x})");
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
    fn normal_quantiles_are_those_of_python() {
        // python 3.11: statistics.NormalDist().inv_cdf(p)
        for (share, expected) in [
            (1e-7, -5.199_337_582_192_817),
            (0.001, -3.090_232_306_167_813),
            (0.05, -1.644_853_626_951_472_6),
            (0.074_9, -1.440_238_267_527_963_2),
            (0.075_1, -1.438_825_392_752_539_8),
            (0.25, -0.674_489_750_196_081_7),
            (0.4, -0.253_347_103_135_799_8),
            (0.5, 0.0),
        ] {
            assert!((normal_quantile(share) - expected).abs() < 1e-12, "at {share}");
            assert!((normal_quantile(1.0 - share) + expected).abs() < 1e-8, "at 1 - {share}");
        }
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
