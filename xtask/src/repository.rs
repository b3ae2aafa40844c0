//! The repository on disk.

/// The root of the repository, independent of the current folder.
pub(crate) fn root() -> &'static str {
    concat!(env!("CARGO_MANIFEST_DIR"), "/..")
}
