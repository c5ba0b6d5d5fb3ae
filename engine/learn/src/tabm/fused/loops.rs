//! What stands between the matrix products.

use crate::net::cpu::Drop;
use trainyard_infer::math::Loops;

/// The width of a layer is a multiple of this, the lanes of the widest vector register.
const LANES: usize = 16;

/// Makes a matrix product the activation after dropout.
pub struct Rectify<'a> {
    pub z: &'a mut [f32],
    pub bias: &'a [f32],
    pub drop: Option<Drop>,
    /// Dropout's index of the first number.
    pub offset: u32,
}

impl Loops for Rectify<'_> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let width = self.bias.len();
        for (index, row) in self.z.chunks_exact_mut(width).enumerate() {
            row.iter_mut().zip(self.bias).for_each(|(z, bias)| *z = (*z + bias).max(0.0));
            if let Some(drop) = self.drop {
                drop.apply(row, self.offset.wrapping_add((index * width) as u32));
            }
        }
    }
}

/// Makes `d`, the gradient in an activation after dropout, that in its sum. What is 0 was below 0 or was dropped.
pub struct Unrectify<'a> {
    pub d: &'a mut [f32],
    /// The activation after dropout.
    pub x: &'a [f32],
    /// Dropout's factor of what it keeps.
    pub kept: f32,
    pub bias_sums: &'a mut [f32],
}

impl Loops for Unrectify<'_> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let width = self.bias_sums.len();
        for (d, x) in self.d.chunks_exact_mut(width).zip(self.x.chunks_exact(width)) {
            for ((d, x), sum) in d.iter_mut().zip(x).zip(self.bias_sums.iter_mut()) {
                *d = if *x > 0.0 { *d * self.kept } else { 0.0 };
                *sum += *d;
            }
        }
    }
}

/// A member's last layer.
pub struct Answer<'a> {
    /// `rows x width`.
    pub x: &'a [f32],
    /// `outputs x width`.
    pub heads: &'a [f32],
    pub bias: &'a [f32],
    /// `rows x outputs`.
    pub out: &'a mut [f32],
}

impl Loops for Answer<'_> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let width = self.heads.len() / self.bias.len();
        let rows = self.x.chunks_exact(width).zip(self.out.chunks_exact_mut(self.bias.len()));
        for (x, out) in rows {
            for ((out, head), bias) in out.iter_mut().zip(self.heads.chunks_exact(width)).zip(self.bias) {
                let mut lanes = [0.0f32; LANES];
                for (x, head) in x.as_chunks::<LANES>().0.iter().zip(head.as_chunks::<LANES>().0) {
                    for lane in 0..LANES {
                        lanes[lane] += x[lane] * head[lane];
                    }
                }
                for half in [8, 4, 2, 1] {
                    for lane in 0..half {
                        lanes[lane] += lanes[lane + half];
                    }
                }
                *out = lanes[0] + bias;
            }
        }
    }
}

/// Its gradient: in its weights, and, in place of the activations, in the sums of the layer before.
pub struct AnswerBack<'a> {
    /// `rows x width`.
    pub x: &'a mut [f32],
    /// `outputs x width`.
    pub heads: &'a [f32],
    /// `rows x outputs`: the gradient in the outputs.
    pub d: &'a [f32],
    /// Dropout's factor of what it keeps.
    pub kept: f32,
    /// `outputs x width`.
    pub head_sums: &'a mut [f32],
    pub bias_sums: &'a mut [f32],
}

impl Loops for AnswerBack<'_> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Self { x, heads, d, kept, head_sums, bias_sums } = self;
        let width = bias_sums.len();
        let mut back = vec![0.0f32; width];
        for (x, d) in x.chunks_exact_mut(width).zip(d.chunks_exact(heads.len() / width)) {
            back.fill(0.0);
            for ((head, sum), d) in heads.chunks_exact(width).zip(head_sums.chunks_exact_mut(width)).zip(d) {
                let numbers = sum.iter_mut().zip(x.iter()).zip(back.iter_mut().zip(head));
                for ((sum, x), (back, head)) in numbers {
                    *sum += d * x;
                    *back += d * head;
                }
            }
            for ((x, back), sum) in x.iter_mut().zip(&back).zip(bias_sums.iter_mut()) {
                *x = if *x > 0.0 { back * kept } else { 0.0 };
                *sum += *x;
            }
        }
    }
}

/// From the gradient in the scaled input to that in the scale, and, in place, to that in the input.
pub struct Unscale<'a> {
    /// `rows x inputs`.
    pub d: &'a mut [f32],
    pub input: &'a [f32],
    pub scale: &'a [f32],
    pub sums: &'a mut [f32],
}

impl Loops for Unscale<'_> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let width = self.scale.len();
        for (d, x) in self.d.chunks_exact_mut(width).zip(self.input.chunks_exact(width)) {
            for (((d, x), scale), sum) in d.iter_mut().zip(x).zip(self.scale).zip(self.sums.iter_mut()) {
                *sum += *d * x;
                *d *= scale;
            }
        }
    }
}
