//! Work on several items at once.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use xshell::Shell;

use crate::Result;

/// Does the work on each item, on as many threads as the machine has cores. Returns the results in the order
/// of the items.
///
/// For work that other processes do, which leave a core idle while they start and wait.
pub(crate) fn side_by_side<I: Sync, T: Send>(
    sh: &Shell,
    items: &[I],
    work: impl Fn(&Shell, &I) -> Result<T> + Sync,
) -> Vec<Result<T>> {
    let next = AtomicUsize::new(0);
    let work_on = |sh: Shell| {
        let mut done = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(index) else {
                return done;
            };
            // Its text leaves the thread; not every error can.
            done.push((index, work(&sh, item).map_err(|error| error.to_string())));
        }
    };
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let mut done: Vec<_> = thread::scope(|scope| {
        let begin = |_| {
            let sh = sh.clone();
            scope.spawn(|| work_on(sh))
        };
        let threads: Vec<_> = (0..cores).map(begin).collect();
        let ended = threads.into_iter().map(|thread| thread.join());
        ended
            .flat_map(|done| done.expect("no work panics"))
            .collect()
    });
    done.sort_by_key(|(index, _)| *index);
    let results = done.into_iter().map(|(_, result)| result);
    results.map(|result| result.map_err(Into::into)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_item_is_worked_on_once_and_the_results_have_the_order_of_the_items() {
        let items: Vec<usize> = (0..50).collect();
        let results = side_by_side(&Shell::new().unwrap(), &items, |_, item| match item {
            7 => Err("seven".into()),
            item => Ok(item * 2),
        });
        assert_eq!(results.len(), 50);
        for (item, result) in results.into_iter().enumerate() {
            match result {
                Ok(doubled) => assert_eq!(doubled, item * 2),
                Err(error) => assert_eq!((item, error.to_string().as_str()), (7, "seven")),
            }
        }
    }
}
