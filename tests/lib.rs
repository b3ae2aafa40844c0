//! Compiles the examples of the project's README. The end-to-end suites are in `suites`.

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;
