//! Work on parts of a slice, on all cores where that pays.

/// Units of work (a row through a tree, say) below which threads cost more than they save.
const WORTH_A_THREAD: usize = 200_000;

/// Calls `work(index, part)` for each part of `size` values (the last may be shorter). The parts are independent, so the
/// result does not depend on how many threads there are. One thread on WebAssembly and where `effort` is small.
pub(crate) fn chunks<T: Send>(values: &mut [T], size: usize, effort: usize, work: impl Fn(usize, &mut [T]) + Sync) {
    let size = size.max(1);
    let wanted = effort / WORTH_A_THREAD + 1;
    let threads = if wanted < 2 { 1 } else { threads().min(wanted) };
    if threads < 2 {
        values.chunks_mut(size).enumerate().for_each(|(index, part)| work(index, part));
        return;
    }
    let each = values.len().div_ceil(size).div_ceil(threads);
    std::thread::scope(|scope| {
        for (share, part) in values.chunks_mut(each.max(1) * size).enumerate() {
            let work = &work;
            scope.spawn(move || {
                part.chunks_mut(size).enumerate().for_each(|(index, part)| work(share * each + index, part));
            });
        }
    });
}

#[cfg(target_arch = "wasm32")]
fn threads() -> usize {
    1
}

#[cfg(not(target_arch = "wasm32"))]
fn threads() -> usize {
    // Asking reads files, which takes longer than predicting a row.
    static THREADS: std::sync::OnceLock<usize> = std::sync::OnceLock::new();
    *THREADS.get_or_init(|| std::thread::available_parallelism().map_or(1, usize::from))
}
