//! The end-to-end suites are in `suites`; there is nothing to be had here.
