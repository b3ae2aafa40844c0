//! Promises about many sessions or long times. `cargo xtask full` runs these tests with all of them,
//! `cargo xtask ci` with a part.

mod paused_server;
mod random_cuts;

/// The size of a test: `full` where every check runs, `usual` otherwise.
fn size<T>(usual: T, full: T) -> T {
    match std::env::var_os("MCP_FULL_SIZE") {
        Some(_) => full,
        None => usual,
    }
}
