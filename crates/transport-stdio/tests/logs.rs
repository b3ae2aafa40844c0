//! The output of children in the log.

use http::{HeaderMap, header};
use mcp_pool_core::extend::{ConnectRequest, Connector};
use mcp_pool_testkit::logs::LogCapture;
use mcp_pool_transport_stdio::{StdioCommand, StdioConnector};
use tokio::time::{Duration, Instant, sleep};

const PROGRAM: &str = env!("CARGO_BIN_EXE_mcp-pool-stdio-child");

async fn run(connector: &StdioConnector, lines: u64) {
    let endpoint = StdioConnector::endpoint("child").expect("an endpoint");
    let mut headers = HeaderMap::new();
    let value = "Bearer pl4nted-token".parse().expect("a value");
    headers.insert(header::AUTHORIZATION, value);
    let request = ConnectRequest::detached(&endpoint, headers);
    let session = connector.connect(&request).await.expect("a session");
    for _ in 0..6_000 {
        if connector.stats().error_lines >= lines {
            drop(session);
            return;
        }
        sleep(Duration::from_millis(10)).await;
    }
    panic!("no lines");
}

#[tokio::test]
async fn the_output_of_children_is_logged_redacted_and_bounded() {
    let logs = LogCapture::begin();
    let command = StdioCommand::new(PROGRAM)
        .args(["serve", "--show-env", "--banner"])
        .env("DATABASE", "pl4nted-variable")
        .env("HOME", "a-folder-of-a-user")
        .credential_env(header::AUTHORIZATION, "WHOLE")
        .bearer_env("API_TOKEN");
    let connector = StdioConnector::new().with_command("child", command);
    run(&connector.expect("a command"), 4).await;
    let text = logs.text();
    assert!(text.contains("DATABASE is [redacted]"), "{text}");
    assert!(text.contains("WHOLE is [redacted]"), "{text}");
    assert!(text.contains("API_TOKEN is [redacted]"), "{text}");
    assert!(text.contains("HOME is a-folder-of-a-user"), "{text}");
    assert!(
        text.contains("key: [redacted]"),
        "the standard output too: {text}"
    );
    assert!(!text.contains("pl4nted"), "{text}");

    let command = StdioCommand::new(PROGRAM).args(["serve", "--flood"]);
    let connector = StdioConnector::new().with_command("child", command);
    let began = Instant::now();
    run(&connector.expect("a command"), 500).await;
    let seconds = usize::try_from(began.elapsed().as_secs()).expect("a minute");
    let text = logs.text();
    let lines = text.lines().filter(|line| line.contains("eeee"));
    let lengths: Vec<_> = lines.map(str::len).collect();
    assert!(!lengths.is_empty() && lengths.iter().all(|length| *length < 4_500));
    // 16 lines in each second that had begun, of each output.
    let most = 2 * 16 * (seconds + 3);
    assert!(lengths.len() <= most, "{} lines", lengths.len());
}
