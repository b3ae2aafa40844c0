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

/// The median of those values that were measured: of neither zero nor a ratio of zeros.
pub(crate) fn median_of_measured(values: impl IntoIterator<Item = f64>) -> f64 {
    median(measured(values))
}

/// The first and the third quartile of those values that were measured.
pub(crate) fn quartiles_of_measured(values: impl IntoIterator<Item = f64>) -> [f64; 2] {
    let mut values: Vec<f64> = measured(values).collect();
    values.sort_by(f64::total_cmp);
    let half = values.len().div_ceil(2);
    let upper = values.split_off(values.len() - half.min(values.len()));
    let lower = match values.len() {
        0 => upper.clone(),
        _ => values,
    };
    [median(lower), median(upper)]
}

fn measured(values: impl IntoIterator<Item = f64>) -> impl Iterator<Item = f64> {
    let values = values.into_iter();
    values.filter(|value| value.is_finite() && *value != 0.0)
}

/// The smallest value that at least `percent` of 100 do not exceed.
///
/// Zero for no values.
pub(crate) fn percentile(values: Vec<u64>, percent: usize) -> u64 {
    per_mille(values, 10 * percent)
}

/// The smallest value that at least `share` of 1,000 do not exceed.
///
/// Zero for no values.
pub(crate) fn per_mille(mut values: Vec<u64>, share: usize) -> u64 {
    let rank = (values.len() * share).div_ceil(1_000);
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
    fn rounds_without_a_measurement_do_not_count() {
        let rounds = [0.0, 3.0, f64::NAN, 1.0, 0.0, 2.0];
        assert_eq!(median_of_measured(rounds), 2.0);
        assert_eq!(quartiles_of_measured(rounds), [1.0, 2.5]);
        assert_eq!(quartiles_of_measured([4.0]), [4.0, 4.0]);
        assert_eq!(quartiles_of_measured([]), [0.0, 0.0]);
    }

    #[test]
    fn one_value_of_a_hundred_may_exceed_the_99th_percentile() {
        let p99 = |values| percentile(values, 99);
        assert_eq!(p99((1..=100).rev().collect()), 99);
        assert_eq!(p99((1..=1_000).collect()), 990);
        assert_eq!(p99(vec![7]), 7);
        assert_eq!(p99(vec![1; 99].into_iter().chain([1_000]).collect()), 1);
        assert_eq!(p99(vec![]), 0);
        assert_eq!(percentile((1..=100).collect(), 50), 50);
        assert_eq!(per_mille((1..=1_000).collect(), 999), 999);
    }
}
