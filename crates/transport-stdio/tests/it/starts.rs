//! Children that do not start, and how many may run.

use std::{error::Error, io, time::Duration};

use mcp_pool_core::{
    Endpoint, TransportKind,
    error::{ConnectError, Evidence, FaultKind, Retry},
    extend::{ConnectRequest, Connector, Support},
};
use mcp_pool_transport_stdio::{CommandError, StdioCommand, StdioConnector, StdioError};
use tokio::time::Instant;

use crate::common::{LONG, Marked, PROGRAM};

fn cause(error: &ConnectError) -> &StdioError {
    let source = error.source().expect("a cause");
    source.downcast_ref().expect("a cause of this crate")
}

#[tokio::test]
async fn a_child_that_ends_while_it_starts_is_an_error_with_its_status() {
    for args in [&["--exit", "7"][..], &["--exit-in-initialize", "7"]] {
        let child = Marked::serving(args);
        let error = child.try_open().await.unwrap_err();
        assert_eq!(error.kind(), &FaultKind::Unreachable);
        assert_eq!(error.evidence(), Evidence::None);
        let StdioError::Ended { command, status } = cause(&error) else {
            panic!("{error:?}");
        };
        assert_eq!((command.as_str(), status.code()), ("child", Some(7)));
        assert_eq!(child.connector.stats().failed_starts, 1);
        child.none_left().await;
    }
}

#[tokio::test]
async fn starts_of_a_child_that_always_ends_are_paused_longer_and_longer() {
    let child = Marked::serving(&["--exit", "7"]);
    let began = Instant::now();
    for _ in 0..6 {
        let error = child.try_open().await.unwrap_err();
        assert!(
            matches!(cause(&error), StdioError::Ended { .. }),
            "{error:?}"
        );
    }
    // 100, 200, 400, 800 and 1,600 ms, each with up to 25 % less.
    assert!(
        began.elapsed() >= Duration::from_millis(2_325),
        "{:?}",
        began.elapsed()
    );
    let started = child.connector.stats().started;
    // The pause is 2.4 s at least by now, so that no slow machine is beyond it here.
    let hasty = child
        .request()
        .with_deadline(Instant::now() + Duration::from_millis(50));
    let error = child.connector.connect(&hasty).await.unwrap_err();
    let StdioError::Paused { wait, cause, .. } = cause(&error) else {
        panic!("{error:?}");
    };
    assert!(matches!(**cause, StdioError::Ended { .. }), "{cause:?}");
    assert_eq!(error.retry(), Retry::Later(Some(*wait)));
    assert_eq!(
        child.connector.stats().started,
        started,
        "nothing was started"
    );
}

#[tokio::test]
async fn one_start_at_a_time_follows_a_failed_one() {
    let child = Marked::serving(&["--exit", "7"]);
    child.try_open().await.unwrap_err();
    let deadline = Instant::now() + Duration::from_secs(3);
    let connects = (0..50).map(async |_| {
        let request = child.request().with_deadline(deadline);
        child.connector.connect(&request).await.unwrap_err()
    });
    futures::future::join_all(connects).await;
    let stats = child.connector.stats();
    // The first one, and one after each of up to five pauses: of the two requests that may have
    // ended it, each gets a child. The deadline may come while the last one starts.
    assert!((2..=6).contains(&stats.failed_starts), "{stats:?}");
    let started = 2 * stats.failed_starts..=2 * stats.failed_starts + 2;
    assert!(started.contains(&stats.started), "{stats:?}");
    child.none_left().await;
}

#[tokio::test]
async fn a_program_that_does_not_start_is_unreachable() {
    let child = Marked::of(StdioCommand::new("/nonexistent/program"));
    let error = child.try_open().await.unwrap_err();
    assert_eq!(error.kind(), &FaultKind::Unreachable);
    assert_eq!(error.evidence(), Evidence::Absent);
    let kind = io::ErrorKind::NotFound;
    let command = "child".to_owned();
    assert_eq!(cause(&error), &StdioError::NotStarted { command, kind });
    child.none_left().await;
}

#[tokio::test]
async fn a_program_is_looked_up_in_the_path_of_its_command() {
    let folder = std::path::Path::new(PROGRAM).parent().unwrap();
    let name = std::path::Path::new(PROGRAM).file_name().unwrap();
    let child = Marked::of(StdioCommand::new(name).arg("serve").env("PATH", folder));
    drop(child.open().await);
    let child = Marked::of(StdioCommand::new(name).arg("serve"));
    let error = child.try_open().await.unwrap_err();
    assert!(
        matches!(cause(&error), StdioError::NotStarted { .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_command_has_the_working_directory_that_it_names() {
    let child = Marked::of(StdioCommand::new(PROGRAM).arg("serve").current_dir("/usr"));
    let session = child.open().await;
    let id = child.processes()[0];
    let directory = std::fs::read_link(format!("/proc/{id}/cwd")).unwrap();
    assert_eq!(directory, std::path::Path::new("/usr"));
    session.driver().close(LONG).await;
}

#[tokio::test]
async fn the_processes_of_a_command_and_of_all_commands_are_limited() {
    let serve = || StdioCommand::new(PROGRAM).arg("serve");
    let child = Marked::of(serve().with_max_processes(1));
    let connector = child.connector.with_max_processes(2);
    let connector = connector.with_command("other", serve()).unwrap();
    let open = async |name: &str| {
        let endpoint = StdioConnector::endpoint(name).unwrap();
        let request = ConnectRequest::detached(&endpoint, http::HeaderMap::new());
        let deadline = Instant::now() + LONG;
        connector.connect(&request.with_deadline(deadline)).await
    };
    let refused = |error: &ConnectError, expected: usize| {
        let StdioError::TooManyProcesses { limit, .. } = cause(error) else {
            panic!("{error:?}");
        };
        assert_eq!(*limit, expected);
        assert_eq!(error.evidence(), Evidence::None);
        assert_eq!(error.retry(), Retry::Later(None));
    };
    let first = open("child").await.unwrap();
    refused(&open("child").await.unwrap_err(), 1);
    let second = open("other").await.unwrap();
    refused(&open("other").await.unwrap_err(), 2);
    assert_eq!(connector.stats().processes, 2);
    second.driver().close(LONG).await;
    let third = open("other").await.unwrap();
    first.driver().close(LONG).await;
    third.driver().close(LONG).await;
}

#[tokio::test]
async fn a_name_that_is_not_registered_is_an_error_that_names_it() {
    let child = Marked::serving(&[]);
    let connect = async |url: &str| {
        let endpoint = Endpoint::new(url, TransportKind::new("stdio")).unwrap();
        let request = ConnectRequest::detached(&endpoint, http::HeaderMap::new());
        let support = child.connector.detect(&request).await.unwrap();
        assert_eq!(support, Support::Unsupported);
        child.connector.connect(&request).await.unwrap_err()
    };
    let error = connect("stdio:other").await;
    assert_eq!(error.kind(), &FaultKind::NotFound);
    let command = "other".to_owned();
    assert_eq!(cause(&error), &StdioError::UnknownCommand { command });
    let error = connect("stdio:child?command=rm").await;
    assert_eq!(cause(&error), &StdioError::MalformedEndpoint);
    assert_eq!(child.connector.stats().started, 0);
}

#[tokio::test]
async fn an_endpoint_of_a_registered_name_needs_no_transport() {
    let child = Marked::serving(&[]);
    let pool = child.pool();
    let endpoint: Endpoint = "stdio:child".parse().unwrap();
    let request = mcp_pool_core::AcquireRequest::new(endpoint, mcp_pool_core::Principal::user("a"));
    let client = pool.client(request).await.unwrap();
    assert_eq!(client.list_all_tools().await.unwrap().len(), 8);
    assert_eq!(child.connector.stats().started, 1);
    pool.close(LONG).await;
}

#[test]
fn a_name_is_registered_once() {
    let connector = StdioConnector::new().with_command("a", StdioCommand::new("p"));
    let error = connector.unwrap().with_command("a", StdioCommand::new("q"));
    let command = "a".to_owned();
    assert_eq!(error.unwrap_err(), CommandError::Registered { command });
}
