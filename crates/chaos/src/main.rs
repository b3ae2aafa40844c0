//! `mcp-chaos`: an MCP server that fails on demand.

use std::process::ExitCode;

use clap::Parser;
use mcp_chaos::Options;

#[tokio::main]
async fn main() -> ExitCode {
    match mcp_chaos::run(&Options::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("mcp-chaos: {error}");
            ExitCode::FAILURE
        }
    }
}
