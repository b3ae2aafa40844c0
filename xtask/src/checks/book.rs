//! The pages below `docs` as a book.

use xshell::{Shell, cmd};

use super::tools::{Tool, with_tools};
use crate::Result;

/// Builds the book into `target/book`.
///
/// # Errors
/// A page that the summary names is missing, or mdbook cannot be installed.
pub(crate) fn build(sh: &Shell) -> Result {
    with_tools(sh, &[Tool::Mdbook], || {
        cmd!(sh, "mdbook build docs").run()?;
        let index = sh.current_dir().join("target/book/index.html");
        if !index.is_file() {
            return Err("mdbook built no first page".into());
        }
        println!("book: {}", index.display());
        Ok(())
    })
}
