//! The end-to-end suites are in `suites`. Here the examples of the project's README are compiled.

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;
