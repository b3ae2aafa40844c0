//! The result of a command.

use std::error::Error;

/// The result of a command. Its errors are only printed.
pub(crate) type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;
