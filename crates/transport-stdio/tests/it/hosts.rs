//! The end of the process that has the pool.

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

use crate::common::{PROGRAM, eventually, mark, processes_with};

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_host_that_is_killed_leaves_no_child() {
    let mark = mark();
    let mut host = Command::new(PROGRAM)
        .args(["host", "serve", "--ignore-eof"])
        .env("MARK", &mark)
        .stdout(Stdio::piped())
        .spawn()
        .expect("a host");
    let stdout = BufReader::new(host.stdout.take().expect("its output"));
    let line = stdout.lines().next().expect("a line").expect("text");
    assert_eq!(line, "ready");
    assert_eq!(processes_with(&mark).len(), 2, "the host and its child");
    host.kill().expect("it is killed");
    host.wait().expect("it has ended");
    eventually("no process is left", || processes_with(&mark).is_empty()).await;
}
