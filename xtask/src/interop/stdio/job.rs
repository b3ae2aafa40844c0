//! Twenty users of one server over stdio, whose children are killed in the middle.

use std::{fs, path::PathBuf};

use futures::future::join_all;
use http::HeaderName;
use mcp_session_pool::{
    AcquireRequest, PoolConfig, PooledClient, Principal, SessionPool, StdioCommand, StdioConnector,
    error::{CallError, Outcome as CallOutcome},
    rmcp::model::CallToolRequestParams,
};
use tokio::time::{Duration, sleep};

use super::{
    super::{
        install,
        jobs::{Outcome, must},
    },
    processes::Processes,
    servers::{Call, Caller, StdioServer},
};
use crate::Result;

/// The users of a server, and their files.
struct Crowd {
    server: &'static StdioServer,
    stdio: StdioConnector,
    pool: SessionPool,
    mark: String,
    folder: PathBuf,
}

/// One of the users.
struct User {
    name: String,
    token: String,
    client: PooledClient,
}

/// Calls a server, kills its children, calls it again and closes the pool.
///
/// # Errors
/// The first check that failed.
pub(in super::super) async fn run(server: &'static StdioServer) -> Result<Outcome> {
    let crowd = Crowd::of(server)?;
    let users = join_all((0..USERS).map(|number| crowd.user(number))).await;
    let users = users.into_iter().collect::<Result<Vec<_>>>()?;
    crowd.work(&users).await?;
    let processes = Processes::marked(&crowd.mark);
    let tokens = processes.tokens.len();
    must(
        tokens == USERS,
        &format!("{tokens} children with a token of their own"),
    )?;
    crowd.must_have_started(USERS)?;
    let revision = crowd.crash(&users, &processes).await?;
    crowd.work(&users).await?;
    crowd.must_have_started(2 * USERS)?;
    crowd.close().await?;
    let stats = crowd.stdio.stats();
    Ok(Outcome {
        revision,
        sessions: format!(
            "{} started, {} killed by the pool",
            stats.started, stats.killed
        ),
        calls: 2 * USERS * CALLS_EACH,
    })
}

impl Crowd {
    fn of(server: &'static StdioServer) -> Result<Self> {
        let folder = install::logs().with_file_name(format!("files-of-{}", server.server));
        // The files of an earlier run.
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder)?;
        let folder = folder.canonicalize()?;
        let mark = format!("{}-{}", server.server, std::process::id());
        let command = command(server, &folder.to_string_lossy()).env("MARK", mark.as_str());
        let stdio = StdioConnector::new().with_command(server.server, command)?;
        let mut config = PoolConfig::default().with_call_timeout(PATIENCE);
        config.timeouts.acquire_timeout = PATIENCE;
        config.timeouts.close_timeout = PATIENCE;
        let builder = SessionPool::builder().config(config);
        let pool = builder.connector(stdio.clone()).build()?;
        Ok(Self {
            server,
            stdio,
            pool,
            mark,
            folder,
        })
    }

    async fn user(&self, number: usize) -> Result<User> {
        let name = format!("[user {number:02}]");
        let token = format!("token-{number:02}");
        let mut headers = http::HeaderMap::new();
        headers.insert("authorization", format!("Bearer {token}").parse()?);
        let file = self.folder.join(format!("{token}.jsonl"));
        headers.insert(FILE_HEADER, file.to_string_lossy().parse()?);
        let endpoint = StdioConnector::endpoint(self.server.server)?;
        let request = AcquireRequest::new(endpoint, Principal::user(name.as_str()));
        let client = self.pool.client(request.with_headers(headers)).await?;
        Ok(User {
            name,
            token,
            client,
        })
    }

    /// The calls of one half: all users at the same time.
    async fn work(&self, users: &[User]) -> Result {
        let all = users.iter().map(|user| async move {
            for number in 0..CALLS_EACH {
                let call = &self.server.calls[number % self.server.calls.len()];
                let answer = self.call(user, call).await?;
                let is_right = (call.is_right)(&self.caller(user), &answer);
                must(
                    is_right,
                    &format!("{} of {}: {answer:?}", call.tool, user.name),
                )?;
            }
            Ok(())
        });
        join_all(all).await.into_iter().collect()
    }

    async fn call(&self, user: &User, call: &Call) -> std::result::Result<String, CallError> {
        let params = CallToolRequestParams::new(call.tool);
        let arguments = (call.arguments)(&self.caller(user));
        let params = params.with_arguments(arguments.as_object().cloned().unwrap_or_default());
        let result = user.client.call_tool(params).await?;
        let texts = result
            .content
            .iter()
            .filter_map(|content| content.as_text());
        Ok(texts.map(|text| text.text.as_str()).collect())
    }

    fn caller<'a>(&'a self, user: &'a User) -> Caller<'a> {
        Caller {
            name: &user.name,
            token: &user.token,
            folder: self.folder.to_str().unwrap_or_default(),
        }
    }

    /// Kills the children in the middle of calls. Each may fail, but not as if it had not been sent.
    async fn crash(&self, users: &[User], processes: &Processes) -> Result<String> {
        let revision = users[0].client.acquire().await?;
        let revision = revision.info().protocol_version.to_string();
        let calls = users
            .iter()
            .map(|user| self.call(user, &self.server.calls[0]));
        let (calls, killed) = futures::join!(join_all(calls), processes.kill());
        killed?;
        for call in calls {
            let failure = call.err().map(|error| (error.outcome(), error));
            if let Some((outcome, error)) = failure {
                must(
                    outcome == CallOutcome::Unknown,
                    &format!("unknown: {error}"),
                )?;
            }
        }
        self.eventually("the sessions of killed children have left the pool", || {
            self.stdio.stats().ended == USERS as u64
        })
        .await?;
        Ok(revision)
    }

    /// A child was started once for each session.
    fn must_have_started(&self, sessions: usize) -> Result {
        let (stats, opened) = (self.stdio.stats(), self.pool.status().sessions_opened);
        must(
            stats.started == sessions as u64 && opened == sessions as u64,
            &format!("{sessions} started once each: {stats:?}, {opened} opened"),
        )
    }

    async fn close(&self) -> Result {
        self.pool.close(PATIENCE).await;
        self.eventually("no process is left", || {
            Processes::marked(&self.mark).ids.is_empty() && self.stdio.stats().processes == 0
        })
        .await
    }

    async fn eventually(&self, what: &str, holds: impl Fn() -> bool) -> Result {
        for _ in 0..1_000 {
            if holds() {
                return Ok(());
            }
            sleep(Duration::from_millis(10)).await;
        }
        must(false, what)
    }
}

/// The command of a server, with the token and the file of each user as variables.
fn command(server: &StdioServer, folder: &str) -> StdioCommand {
    let start = install::start(server.package);
    let scripts = install::scripts();
    let scripts = scripts.to_string_lossy();
    let args = server
        .args
        .iter()
        .map(|arg| arg.replace("{folder}", folder))
        .map(|arg| arg.replace("{scripts}", &scripts));
    let script = start.script.iter().map(|it| it.to_string_lossy().into());
    let command = StdioCommand::new(start.program)
        .args(script.chain(args))
        .env_from("PATH")
        .env_from("HOME")
        .bearer_env("API_TOKEN");
    let command = install::UNREPORTED
        .into_iter()
        .fold(command, |command, (name, value)| command.env(name, value));
    match server.file_variable {
        Some(variable) => command.credential_env(FILE_HEADER, variable),
        None => command,
    }
}

const FILE_HEADER: HeaderName = HeaderName::from_static("x-file-of-user");
const USERS: usize = 20;
/// In each half.
const CALLS_EACH: usize = 6;
/// Twenty interpreters that start at the same time take theirs.
const PATIENCE: Duration = Duration::from_secs(60);
