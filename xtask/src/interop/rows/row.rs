//! A row: a server in one of its modes.

use mcp_pool_testkit::server::CounterServer;
use mcp_session_pool::{TransportKind, config::Lifecycle};
use serde_json::Value;

use super::{package::Package, packages::EVERYTHING};

/// A server in one of its modes.
pub(in super::super) struct Row {
    /// The server.
    pub(in super::super) server: &'static str,
    /// The mode, where the transport is not enough to name it.
    pub(in super::super) mode: &'static str,
    pub(in super::super) source: Source,
    pub(in super::super) transport: TransportKind,
    pub(in super::super) path: &'static str,
    pub(in super::super) keeps: Keeps,
    /// The era that the pool assumes.
    pub(in super::super) lifecycle: Lifecycle,
    /// The revision that is negotiated with it.
    pub(in super::super) revision: &'static str,
    /// The calls that users make of it, in turn.
    pub(in super::super) calls: &'static [Call],
    /// True when each request is first answered by a redirect.
    pub(in super::super) redirects: bool,
    /// The `Authorization` of every user, where the server takes no other; else each has a bearer token.
    pub(in super::super) authorization: Option<&'static str>,
    /// True when the server has the number of its sessions at `/sessions`.
    pub(in super::super) tells: bool,
    /// The jobs of every run.
    pub(in super::super) jobs: &'static [Job],
    /// The jobs that a run of all jobs has beside them.
    pub(in super::super) more_jobs: &'static [Job],
}

/// What users do with a server.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Job {
    /// A crash in the middle, behind a proxy that counts.
    Counted,
    /// A thousand calls at the same time.
    Crowd,
    /// A crash in the middle, without a proxy.
    Plain,
    /// The same with handlers that listen to the server.
    Listening,
}

/// A call of a tool. The answer shows which session executed it.
#[derive(Clone, Copy)]
pub(in super::super) enum Call {
    /// `echo` returns its message.
    Echo,
    /// `increment` returns the number of its calls in the session.
    ///
    /// Without sessions, it counts the calls of the bearer token.
    Increment,
    /// A tool whose answer names what it was called with, if only as its error.
    Named {
        tool: &'static str,
        /// The arguments with a message.
        arguments: fn(&str) -> Value,
    },
    /// No call, but the list of tools, which has this one.
    List(&'static str),
}

/// The source of a server.
pub(in super::super) enum Source {
    /// A package. The program gets these arguments after those of the package.
    ///
    /// In them `{port}` stands for its port, `{scripts}` for the folder of its settings, and `{server}`
    /// for the command of a server over stdio, in front of which it is a bridge.
    Package(&'static Package, &'static [&'static str]),
    /// rmcp's server, in this process.
    Embedded(fn() -> CounterServer),
}

/// How the server recognises a session.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Keeps {
    /// By an id in a header of each request.
    Ids,
    /// By an id in a header of each request. It serves a request with an unknown id as well.
    Any,
    /// By the event stream of its answers.
    Streams,
    /// Not at all: the server keeps no sessions.
    Nothing,
}

impl Row {
    /// The name for the command line.
    pub(in super::super) fn name(&self) -> String {
        let words = [self.server, self.transport.as_str(), self.mode];
        words.join(" ").trim_end().to_owned()
    }

    /// The name of one of its jobs for the command line.
    pub(in super::super) fn name_of(&self, job: Job) -> String {
        format!("{} {}", self.name(), job.name())
    }

    /// The first request of each session.
    pub(in super::super) fn opens_with(&self) -> &'static str {
        match self.is_modern() {
            true => "server/discover",
            false => "initialize",
        }
    }

    /// The number of sessions that a user's calls need.
    ///
    /// The second one follows after the server was killed.
    pub(in super::super) fn halves(&self) -> usize {
        match self.keeps {
            Keeps::Ids | Keeps::Streams => 2,
            // A session that the server has forgotten is served on.
            Keeps::Any | Keeps::Nothing => 1,
        }
    }

    pub(in super::super) fn is_modern(&self) -> bool {
        self.revision == MODERN_REVISION
    }

    pub(in super::super) fn package(&self) -> Option<&'static Package> {
        match self.source {
            Source::Package(package, _) => Some(package),
            Source::Embedded(_) => None,
        }
    }

    /// Every package that its server needs.
    pub(in super::super) fn packages(&self) -> impl Iterator<Item = &'static Package> {
        let behind = match self.source {
            Source::Package(_, words) if words.contains(&"{server}") => Some(&EVERYTHING),
            Source::Package(..) | Source::Embedded(_) => None,
        };
        self.package().into_iter().chain(behind)
    }

    /// Its jobs, and with `all` those that take long.
    pub(in super::super) fn jobs(&self, all: bool) -> impl Iterator<Item = Job> {
        let more = if all { self.more_jobs } else { &[] };
        self.jobs.iter().chain(more).copied()
    }
}

impl Job {
    /// The name for the command line.
    pub(in super::super) fn name(self) -> &'static str {
        match self {
            Self::Counted => "counted",
            Self::Crowd => "crowd",
            Self::Plain => "plain",
            Self::Listening => "listening",
        }
    }
}

impl Call {
    /// The name of its tool.
    pub(in super::super) fn tool(self) -> &'static str {
        match self {
            Self::Echo => "echo",
            Self::Increment => "increment",
            Self::Named { tool, .. } | Self::List(tool) => tool,
        }
    }
}

/// The revision without sessions.
pub(super) const MODERN_REVISION: &str = "2026-07-28";
