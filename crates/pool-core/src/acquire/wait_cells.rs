//! The cells of callers that wait, used again.

use std::cell::RefCell;

use crate::key::{SessionCell, Waiter};

/// A cell for a caller that is to wait: one that a caller on this thread has left, so that waiting allocates
/// nothing.
#[inline(always)]
pub(super) fn cell_for(caller: impl FnOnce() -> Waiter) -> SessionCell {
    let left = CELLS.try_with(|cells| cells.borrow_mut().pop());
    let mut cell = left.ok().flatten().unwrap_or_default();
    cell.fill(caller);
    cell
}

/// Keeps the cell of a caller that has got what it waited for.
#[inline(always)]
pub(super) fn keep_cell(cell: SessionCell) {
    if !cell.is_free() {
        return;
    }
    // A thread that ends keeps none.
    let _ = CELLS.try_with(|cells| {
        let mut cells = cells.borrow_mut();
        if cells.len() < MOST_KEPT {
            cells.push(cell);
        }
    });
}

thread_local! {
    static CELLS: RefCell<Vec<SessionCell>> = const { RefCell::new(Vec::new()) };
}

/// So many cells are kept for each thread: some 10 KB.
const MOST_KEPT: usize = 64;
