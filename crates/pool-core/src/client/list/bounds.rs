//! The bounds of a list that is read to its end.

use std::collections::HashSet;

use crate::{config::LimitsConfig, error::ListBound};

/// How much of a list has been read, and how much may be.
pub(super) struct ListBounds {
    max_items: usize,
    max_pages: usize,
    items: usize,
    pages: usize,
    cursors: HashSet<String>,
}

impl ListBounds {
    pub(super) fn new(limits: &LimitsConfig) -> Self {
        Self {
            max_items: limits.max_list_items,
            max_pages: limits.max_list_pages,
            items: 0,
            pages: 0,
            cursors: HashSet::new(),
        }
    }

    /// Counts a page with this many items and this cursor to the next one.
    ///
    /// # Errors
    /// The list is longer than it may be, or begins again.
    pub(super) fn add(&mut self, items: usize, cursor: Option<&String>) -> Result<(), ListBound> {
        self.items = self.items.saturating_add(items);
        self.pages += 1;
        if self.max_items != 0 && self.items > self.max_items {
            return Err(ListBound::Items(self.max_items));
        }
        let Some(cursor) = cursor else {
            return Ok(());
        };
        if self.max_pages != 0 && self.pages >= self.max_pages {
            return Err(ListBound::Pages(self.max_pages));
        }
        match self.cursors.insert(cursor.clone()) {
            true => Ok(()),
            false => Err(ListBound::RepeatedCursor),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bounds(items: usize, pages: usize) -> ListBounds {
        ListBounds::new(&LimitsConfig {
            max_list_items: items,
            max_list_pages: pages,
            ..LimitsConfig::default()
        })
    }

    #[test]
    fn a_list_within_its_bounds_ends_by_itself() {
        let mut exact = bounds(4, 2);
        assert_eq!(exact.add(2, Some(&"a".to_owned())), Ok(()));
        assert_eq!(exact.add(2, None), Ok(()));
        let mut unbounded = bounds(0, 0);
        for page in 0..10_000 {
            assert_eq!(unbounded.add(1_000, Some(&page.to_string())), Ok(()));
        }
    }

    #[test]
    fn a_list_that_does_not_end_is_stopped_at_the_bound_that_it_meets_first() {
        let mut pages = bounds(0, 2);
        assert_eq!(pages.add(0, Some(&"a".to_owned())), Ok(()));
        let error = pages.add(0, Some(&"b".to_owned()));
        assert_eq!(error, Err(ListBound::Pages(2)));
        assert_eq!(bounds(4, 0).add(5, None), Err(ListBound::Items(4)));
        let mut circle = bounds(0, 0);
        for cursor in ["a", "b", "c"] {
            assert_eq!(circle.add(1, Some(&cursor.to_owned())), Ok(()));
        }
        let error = circle.add(1, Some(&"a".to_owned()));
        assert_eq!(error, Err(ListBound::RepeatedCursor));
    }
}
