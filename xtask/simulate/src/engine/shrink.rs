//! The shortest list of steps that still fails.

/// Leaves items out as long as the rest still fails, first many at a time, then one by one.
///
/// `fails` runs the rest; it runs at most `runs` times. The result fails, and where the runs
/// sufficed, no single item of it can be left out.
pub(super) fn shrink<T: Clone>(
    items: &[T],
    mut runs: usize,
    mut fails: impl FnMut(&[T]) -> bool,
) -> Vec<T> {
    let mut kept = items.to_vec();
    let mut size = kept.len().div_ceil(2);
    while size > 0 {
        let mut shrunk = false;
        // From the end, since later steps depend on earlier ones.
        let mut end = kept.len();
        while end > 0 {
            if runs == 0 {
                return kept;
            }
            let begin = end.saturating_sub(size);
            let rest = [&kept[..begin], &kept[end..]].concat();
            runs -= 1;
            if fails(&rest) {
                kept = rest;
                shrunk = true;
            }
            end = begin;
        }
        size = match shrunk {
            true => size.min(kept.len()),
            false => size / 2,
        };
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANY: usize = 10_000;

    #[test]
    fn only_the_items_that_a_failure_needs_are_left() {
        let items: Vec<u32> = (0..200).collect();
        let needed = [3, 77, 78, 199];
        let shrunk = shrink(&items, MANY, |rest| needed.iter().all(|n| rest.contains(n)));
        assert_eq!(shrunk, needed);
    }

    #[test]
    fn a_failure_that_needs_any_two_items_is_left_with_two() {
        let items: Vec<u32> = (0..50).collect();
        let shrunk = shrink(&items, MANY, |rest| rest.len() >= 2);
        assert_eq!(shrunk.len(), 2);
    }

    #[test]
    fn a_failure_that_needs_no_item_is_left_with_none() {
        assert!(shrink(&[1, 2, 3], MANY, |_| true).is_empty());
        assert!(shrink(&[0; 0], MANY, |_| true).is_empty());
    }

    #[test]
    fn the_runs_are_bounded() {
        let mut runs = 0;
        let items: Vec<u32> = (0..1_000).collect();
        let shrunk = shrink(&items, 5, |rest| {
            runs += 1;
            rest.contains(&999)
        });
        assert_eq!(runs, 5);
        assert!(shrunk.contains(&999));
    }
}
