//! The suite for directories, each promise on keys of its own in one server.

use crate::server::directory;

mcp_pool_directory::directory_suite!(directory().await);
