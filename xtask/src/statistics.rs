//! Medians and percentiles.

/// The middle value, or the mean of the two in the middle. Zero for no values.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => 0.0,
        count if count % 2 == 1 => values[middle],
        _ => f64::midpoint(values[middle - 1], values[middle]),
    }
}

/// The smallest value that at least 99 of 100 do not exceed.
///
/// Zero for no values.
pub(crate) fn p99(values: Vec<u64>) -> u64 {
    percentile(values, 99)
}

/// The smallest value that at least `percent` of 100 do not exceed.
///
/// Zero for no values.
pub(crate) fn percentile(mut values: Vec<u64>, percent: usize) -> u64 {
    let rank = (values.len() * percent).div_ceil(100);
    match rank.checked_sub(1) {
        None => 0,
        Some(index) => *values.select_nth_unstable(index).1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_ignores_order_and_outliers() {
        assert_eq!(median([9.0, 1.0, 2.0]), 2.0);
        assert_eq!(median([4.0, 1e9, 1.0, 2.0]), 3.0);
        assert_eq!(median([]), 0.0);
    }

    #[test]
    fn one_value_of_a_hundred_may_exceed_the_p99() {
        assert_eq!(p99((1..=100).rev().collect()), 99);
        assert_eq!(p99((1..=1_000).collect()), 990);
        assert_eq!(p99(vec![7]), 7);
        assert_eq!(p99(vec![1; 99].into_iter().chain([1_000]).collect()), 1);
        assert_eq!(p99(vec![]), 0);
        assert_eq!(percentile((1..=100).collect(), 50), 50);
    }
}
