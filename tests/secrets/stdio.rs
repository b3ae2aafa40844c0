//! Credentials of children are shown nowhere.

use std::time::Duration;

use mcp_session_pool::{
    CommandError, Endpoint, SessionPool, StdioCommand, StdioConnector, StdioError, TransportKind,
    extend::{ConnectRequest, Connector},
};

use crate::{
    common::{close, eventually, headers},
    shell_server::{answer, command, connector, request},
    shown::{ShowingConnector, Shown},
};

/// Shows a child that prints its token, calls that fail, and commands that do not start.
pub(crate) async fn show(shown: &Shown) {
    let stdio = connector();
    let with_secrets = command().arg("pl4nted-argument").env("KEY", "pl4nted-key");
    shown.show(&with_secrets);
    let ends = StdioCommand::new("/bin/sh")
        .args(["-c", "echo $TOKEN $TOKEN >&2; echo $TOKEN; exit 4"])
        .bearer_env("TOKEN");
    let stdio = stdio.with_command("ends", ends).expect("a command");
    let missing = StdioCommand::new("/nonexistent").arg("pl4nted-argument");
    let stdio = stdio.with_command("missing", missing).expect("a command");
    shown.show(&stdio);
    let pool = SessionPool::builder()
        .connector(ShowingConnector(stdio.clone(), shown.clone()))
        .observer(shown.clone())
        .build()
        .expect("a pool");
    let client = pool
        .client(request("pl4nted-principal", "pl4nted-token"))
        .await;
    let client = client.expect("a client");
    let token = answer(&client, "count").await.expect("an answer");
    assert_eq!(token, "pl4nted-token", "the child has it");
    shown.fail(&answer(&client, "end").await.expect_err("it ends"));
    eventually("its lines are read", || stdio.stats().error_lines > 0).await;
    show_refused(&stdio, shown).await;
    shown.show(&stdio.stats());
    close(&pool).await;
    let registered = stdio.with_command("shell", command());
    let error: CommandError = registered.expect_err("it is registered");
    shown.fail(&error);
}

async fn show_refused(stdio: &StdioConnector, shown: &Shown) {
    let secret = headers(&[("authorization", "Bearer pl4nted-token")]);
    for (url, secret) in [
        ("stdio:ends", &secret),
        ("stdio:missing", &secret),
        ("stdio:other", &secret),
        ("stdio:shell?key=pl4nted-query", &secret),
        (
            "stdio:shell",
            &headers(&[("authorization", "pl4nted-token")]),
        ),
    ] {
        let endpoint = Endpoint::new(url, TransportKind::new("stdio")).expect("a url");
        let request = ConnectRequest::detached(&endpoint, secret.clone());
        let error = stdio.connect(&request).await.expect_err("no session");
        shown.fail(&error);
        let source = std::error::Error::source(&error);
        if let Some(cause) = source.and_then(|it| it.downcast_ref::<StdioError>()) {
            shown.fail(cause);
        }
    }
    let endpoint = StdioConnector::endpoint("ends").expect("an endpoint");
    let request = ConnectRequest::detached(&endpoint, secret);
    let soon = tokio::time::Instant::now() + Duration::from_millis(30);
    let paused = stdio.connect(&request.with_deadline(soon)).await;
    shown.fail(&paused.expect_err("a pause"));
}
