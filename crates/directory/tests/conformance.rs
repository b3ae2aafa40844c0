//! The suite for directories, on the one inside a process.

use mcp_pool_directory::InMemoryDirectory;

mcp_pool_directory::directory_suite!(InMemoryDirectory::new());
