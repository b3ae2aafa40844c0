//! Which figures of two runs compare.

/// True for a figure that does not depend on how busy the machine is.
pub(super) fn compares(figure: &str) -> bool {
    let words = [
        "ratio",
        "allocs",
        "allocations",
        "bytes",
        "instructions",
        "lines",
        "requests",
    ];
    let is_quartile = figure.ends_with("_q1") || figure.ends_with("_q3");
    !is_quartile && figure.split('_').any(|word| words.contains(&word))
}
