//! A process with a child of its own, to be killed.

use mcp_pool_core::extend::{ConnectRequest, Connector};
use mcp_pool_transport_stdio::{StdioCommand, StdioConnector};

/// Starts a child of this program with these arguments, prints a line and waits to be killed.
pub(crate) fn run(args: &[String]) {
    let program = std::env::current_exe().expect("a program");
    let command = StdioCommand::new(program).args(args).env_from("MARK");
    let connector = StdioConnector::new().with_command("child", command);
    let connector = connector.expect("a command");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.expect("a runtime").block_on(async {
        let endpoint = StdioConnector::endpoint("child").expect("an endpoint");
        let request = ConnectRequest::detached(&endpoint, http::HeaderMap::new());
        let _session = connector.connect(&request).await.expect("a session");
        println!("ready");
        std::future::pending::<()>().await;
    });
}
