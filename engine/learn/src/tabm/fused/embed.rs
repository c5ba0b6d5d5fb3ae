//! The trunk's input from the rows, and its gradient. A number's embedding is what stands before its bin, the share of what the
//! bin adds, and the score times a slope; what stands before a bin is the sum of what those below add.

use crate::tabm::recipe::{EMBEDDING, Layout, Rows};
use trainyard_infer::math::Loops;

/// Writes the rows' input, `rows x inputs`.
pub struct Embed<'a> {
    pub layout: &'a Layout,
    /// The parameters but for the trunk's weights.
    pub small: &'a [f32],
    pub part: &'a Rows,
    pub rows: &'a [u32],
    /// `numbers * bins x EMBEDDING`: what stands before each bin.
    pub starts: &'a [f32],
    pub out: &'a mut [f32],
}

/// A row's numbers: bin, score and share of each.
#[inline(always)]
fn places(part: &Rows, row: usize, count: usize) -> impl Iterator<Item = (usize, f32, f32)> {
    let span = row * count..(row + 1) * count;
    let values = part.scores[span.clone()].iter().zip(&part.shares[span.clone()]);
    part.bins[span].iter().zip(values).map(|(bin, (score, share))| (*bin as usize, *score, *share))
}

impl Loops for Embed<'_> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Self { layout, small, part, rows, starts, out } = self;
        let (starts, _) = starts.as_chunks::<EMBEDDING>();
        let (steps, _) = small[layout.steps.range()].as_chunks::<EMBEDDING>();
        let (slopes, _) = small[layout.slope.range()].as_chunks::<EMBEDDING>();
        let (count, wide, tables) = (slopes.len(), layout.columns.plain.len(), layout.tables.len());
        let (plain_at, tables_at) = layout.starts();
        for (&row, out) in rows.iter().zip(out.chunks_exact_mut(layout.inputs())) {
            let row = row as usize;
            let (numbers, rest) = out.split_at_mut(plain_at);
            let (plain, embedded) = rest.split_at_mut(tables_at - plain_at);
            let numbers = numbers.as_chunks_mut::<EMBEDDING>().0.iter_mut();
            for (index, (out, (bin, score, share))) in numbers.zip(places(part, row, count)).enumerate() {
                let at = index * layout.bins + bin;
                let (start, step, slope) = (&starts[at], &steps[at], &slopes[index]);
                for k in 0..EMBEDDING {
                    out[k] = start[k] + share * step[k] + score * slope[k];
                }
            }
            plain.copy_from_slice(&part.plain[row * wide..(row + 1) * wide]);
            let codes = &part.part.encoded.codes[row * tables..(row + 1) * tables];
            for ((table, &code), out) in layout.tables.iter().zip(codes).zip(embedded.chunks_exact_mut(EMBEDDING)) {
                out.copy_from_slice(&small[table.start + code as usize * EMBEDDING..][..EMBEDDING]);
            }
        }
    }
}

/// Adds up the gradient in the embeddings.
pub struct EmbedBack<'a> {
    pub layout: &'a Layout,
    pub part: &'a Rows,
    pub rows: &'a [u32],
    /// `rows x inputs`: the gradient in the input.
    pub d: &'a [f32],
    /// The gradient in the parameters but for the trunk's weights.
    pub small: &'a mut [f32],
    /// The gradient in what stands before each bin.
    pub starts: &'a mut [f32],
}

impl Loops for EmbedBack<'_> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Self { layout, part, rows, d, small, starts } = self;
        let (starts, _) = starts.as_chunks_mut::<EMBEDDING>();
        let (count, tables) = (layout.columns.numbers.len(), layout.tables.len());
        let (plain_at, tables_at) = layout.starts();
        // The steps stand first in the vector, then the slopes.
        let (steps, rest) = small.split_at_mut(layout.slope.start);
        let (slopes, others) = rest.split_at_mut(layout.offset.start - layout.slope.start);
        let (steps, _) = steps.as_chunks_mut::<EMBEDDING>();
        let (slopes, _) = slopes.as_chunks_mut::<EMBEDDING>();
        for (&row, d) in rows.iter().zip(d.chunks_exact(layout.inputs())) {
            let row = row as usize;
            let numbers = d[..plain_at].as_chunks::<EMBEDDING>().0.iter();
            for (index, (d, (bin, score, share))) in numbers.zip(places(part, row, count)).enumerate() {
                let at = index * layout.bins + bin;
                let (start, step, slope) = (&mut starts[at], &mut steps[at], &mut slopes[index]);
                for k in 0..EMBEDDING {
                    start[k] += d[k];
                    step[k] += share * d[k];
                    slope[k] += score * d[k];
                }
            }
            let codes = &part.part.encoded.codes[row * tables..(row + 1) * tables];
            for ((table, &code), d) in layout.tables.iter().zip(codes).zip(d[tables_at..].chunks_exact(EMBEDDING)) {
                let at = table.start - layout.offset.start + code as usize * EMBEDDING;
                others[at..at + EMBEDDING].iter_mut().zip(d).for_each(|(sum, d)| *sum += d);
            }
        }
    }
}

/// Gives each bin's step what the bins above it got, and the offset what all got.
pub fn settle(layout: &Layout, starts: &[f32], small: &mut [f32]) {
    let wide = layout.bins * EMBEDDING;
    for (index, starts) in starts.chunks_exact(wide).enumerate() {
        let mut above = [0.0f32; EMBEDDING];
        for (bin, start) in starts.as_chunks::<EMBEDDING>().0.iter().enumerate().rev() {
            let at = layout.steps.start + (index * layout.bins + bin) * EMBEDDING;
            for k in 0..EMBEDDING {
                small[at + k] += above[k];
                above[k] += start[k];
            }
        }
        small[layout.offset.start + index * EMBEDDING..][..EMBEDDING].copy_from_slice(&above);
    }
}
