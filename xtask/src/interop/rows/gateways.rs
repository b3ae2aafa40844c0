//! Gateways of other projects, each with a server that echoes behind it, which a run of all jobs calls.

use serde_json::json;

use super::{
    kinds::LONG,
    packages::{CONTEXTFORGE, LITELLM},
    row::{Call, Job, Keeps, Row, Source},
};

/// Both put the name of the server before that of the tool.
const ECHO: &[Call] = &[Call::Named {
    tool: "inner-echo",
    arguments: |message| json!({ "message": message }),
}];

/// Signed with the secret that contextforge.py has, without an end.
macro_rules! token {
    () => {
        concat!(
            "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ1c2VybmFtZSI6ImFkbWluQGV4YW1wbGUuY2",
            "9tIiwiaWF0IjoxNzk1OTg0MTE3LCJpc3MiOiJtY3BnYXRld2F5IiwiYXVkIjoibWNwZ2F0ZXdhe",
            "S1hcGkiLCJqdGkiOiJpbnRlcm9wIiwic3ViIjoiYWRtaW5AZXhhbXBsZS5jb20iLCJ1c2VyIjp7",
            "ImVtYWlsIjoiYWRtaW5AZXhhbXBsZS5jb20iLCJmdWxsX25hbWUiOiJJbnRlcm9wIiwiaXNfYWR",
            "taW4iOnRydWUsImF1dGhfcHJvdmlkZXIiOiJjbGkifSwidGVhbXMiOm51bGx9.csla8yiRt4QO4",
            "iylwYK7CQ8twkRxwAEKCmqifRMdQcI",
        )
    };
}

pub(super) const ROWS: &[Row] = &[
    Row {
        server: "litellm",
        source: Source::Package(&LITELLM, &["sk-interop"]),
        keeps: Keeps::Any,
        calls: ECHO,
        authorization: Some("Bearer sk-interop"),
        ..LONG
    },
    Row {
        server: "contextforge",
        source: Source::Package(&CONTEXTFORGE, &[token!(), "sessions"]),
        calls: ECHO,
        authorization: Some(concat!("Bearer ", token!())),
        // On a busy machine it takes minutes to start.
        more_jobs: &[Job::Counted],
        ..LONG
    },
];
