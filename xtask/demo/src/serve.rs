//! The demo that goes on, with the live page.

use std::{sync::Arc, time::Duration};

use mcp_pool_admin::{Admin, Recorder, axum};
use mcp_pool_core::SessionPool;
use mcp_pool_testkit::{Fault, FaultServer, When};
use tokio::{net::TcpListener, time::sleep};

use crate::{
    Result,
    figures::Figures,
    job::{self, User},
    view::View,
};

/// Has the users call until the process is interrupted, with the live page on this port.
pub(crate) async fn run(port: u16) -> Result {
    let view = View::new(false);
    let servers = [job::server(), job::server()];
    let recorder = Recorder::new();
    let pool = job::builder()?.observer(recorder.clone()).build()?;
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    let address = listener.local_addr()?;
    let router = Admin::new(&pool, &recorder).router();
    let page = tokio::spawn(axum::serve(listener, router).into_future());
    println!("the live page: http://{address}/pool");
    view.say(
        "fifty users call until ctrl-c; one of the servers is down for five seconds of each thirty",
    );

    let figures = Arc::new(Figures::default());
    let [steady, failing] = servers;
    for number in 0..job::USERS {
        let endpoint = match number % 5 {
            0 => failing.endpoint(),
            _ => steady.endpoint(),
        };
        let user = User::new(number, pool.clone(), endpoint, Arc::clone(&figures));
        tokio::spawn(user.go_on());
    }
    tokio::spawn(fail_now_and_then(failing));
    let interrupted = tokio::signal::ctrl_c();
    view.during(&figures, &pool, None, interrupted).await?;
    page.abort();
    close(&pool, &view).await
}

/// Stops the server for five seconds of each thirty.
async fn fail_now_and_then(server: FaultServer) {
    loop {
        sleep(Duration::from_secs(25)).await;
        let restart = Fault::Restart {
            down: Duration::from_secs(5),
            keeps_sessions: false,
        };
        server.arm(restart, When::Nth("tools/call".to_owned(), 1));
        sleep(Duration::from_secs(5)).await;
    }
}

async fn close(pool: &SessionPool, view: &View) -> Result {
    view.say("the sessions are closed");
    let report = pool.close(Duration::from_secs(5)).await;
    let closed = report.closed + report.forced;
    view.say(&format!(
        "{closed} sessions closed, {} unfinished",
        report.unfinished
    ));
    Ok(())
}
