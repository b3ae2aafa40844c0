//! Methods of extensions, and notifications of clients.

use mcp_pool_testkit::{Exchange, ScriptedServer};
use mcp_session_pool::{
    PooledClient,
    error::CallError,
    rmcp::model::{
        CancelTaskParams, ClientRequest, CustomRequest, GetSkillRequestParams, GetTaskParams,
        NumberOrString, ProgressNotificationParam, ProgressToken,
        ReadResourceDirectoryRequestParams, TaskStatus, UpdateTaskParams,
    },
};
use serde_json::{Value, json};

use crate::{
    common::close,
    over::{Over, pool},
};

async fn script(exchange: Exchange) {
    let result = match exchange.method() {
        "resources/directory/read" => json!({
            "resources": [{ "uri": "skill://a/SKILL.md", "name": "SKILL.md" }],
        }),
        "skills/get" => json!({ "skill": skill() }),
        "skills/list" => json!({ "skills": [skill()] }),
        "tasks/cancel" | "tasks/update" => json!({}),
        "tasks/get" => json!({
            "taskId": exchange.message()["params"]["taskId"],
            "status": "completed",
            "createdAt": "2026-01-01T00:00:00Z",
            "lastUpdatedAt": "2026-01-01T00:00:01Z",
            "ttlMs": null,
            "pollIntervalMs": 5,
            "result": { "content": [] },
        }),
        _ => {
            exchange.answer_plainly().await;
            return;
        }
    };
    let mut result = result;
    result["resultType"] = json!("complete");
    exchange.answer(&result.to_string()).await;
}

fn skill() -> Value {
    json!({
        "uri": "skill://a/SKILL.md",
        "frontmatter": { "name": "a", "description": "what it is for" },
        "resources": [],
    })
}

async fn client(over: Over, server: &ScriptedServer, user: &str) -> PooledClient {
    let client = pool().client(over.request(server, user)).await;
    client.expect("a client")
}

#[tokio::test]
async fn tasks_skills_and_directories_have_methods_of_their_own() {
    let server = ScriptedServer::start(script);
    let client = client(Over::StatelessHttp, &server, "alice").await;
    let task = client
        .get_task(GetTaskParams::new("t"))
        .await
        .expect("a task");
    assert_eq!(task.task.status(), TaskStatus::Completed);
    assert_eq!(task.task.task.task_id, "t");
    client
        .update_task(UpdateTaskParams::new("t", Default::default()))
        .await
        .expect("an answer");
    client
        .cancel_task(CancelTaskParams::new("t"))
        .await
        .expect("an answer");
    let skills = client.list_skills(None).await.expect("skills");
    assert_eq!(skills.skills.len(), 1);
    let skill: GetSkillRequestParams =
        serde_json::from_value(json!({ "uri": "skill://a/SKILL.md" })).expect("params");
    client.get_skill(skill).await.expect("a skill");
    let directory: ReadResourceDirectoryRequestParams =
        serde_json::from_value(json!({ "uri": "skill://a" })).expect("params");
    let entries = client.read_resource_directory(directory).await;
    assert_eq!(entries.expect("entries").resources.len(), 1);
    for method in [
        "tasks/get",
        "tasks/update",
        "tasks/cancel",
        "skills/list",
        "skills/get",
    ] {
        assert_eq!(server.count(method), 1, "{method}");
    }
}

#[tokio::test]
async fn a_task_whose_state_cannot_be_read_is_a_typed_error() {
    let server = ScriptedServer::start(|exchange| async move {
        match exchange.method() {
            "tasks/get" => exchange.answer(r#"{"taskId":"t","status":"odd"}"#).await,
            _ => exchange.answer_plainly().await,
        };
    });
    let client = client(Over::StatelessHttp, &server, "alice").await;
    let error = client.get_task(GetTaskParams::new("t")).await;
    let error = error.expect_err("no task");
    assert!(matches!(error, CallError::UnexpectedResult), "{error:?}");
}

#[tokio::test]
async fn changed_roots_reach_every_open_session_of_the_key_and_no_other() {
    for over in Over::IN_SESSIONS {
        let server = ScriptedServer::start(script);
        let pool = pool();
        let alice = pool.client(over.request(&server, "alice")).await;
        let alice = alice.expect("a client");
        let bob = pool.client(over.request(&server, "bob")).await;
        let bob = bob.expect("a client");
        let leases = [
            alice.acquire().await.expect("a session"),
            alice.acquire().await.expect("a session"),
            bob.acquire().await.expect("a session"),
        ];
        assert_eq!(alice.notify_roots_changed().await, 2, "{over:?}");
        let arrived = server.count("notifications/roots/list_changed");
        assert_eq!(arrived, 2, "{over:?}");
        drop(leases);
        close(&pool).await;
    }
    let server = ScriptedServer::start(script);
    let client = client(Over::StatelessHttp, &server, "alice").await;
    drop(client.acquire().await.expect("a session"));
    assert_eq!(client.notify_roots_changed().await, 0);
}

#[tokio::test]
async fn a_completion_a_progress_and_the_tasks_of_2025_11_25_have_their_ways() {
    for over in Over::IN_SESSIONS {
        let server = ScriptedServer::start(|exchange| async move {
            let result = match exchange.method() {
                "completion/complete" => json!({ "completion": { "values": ["paris"] } }),
                "tasks/list" => json!({ "tasks": [{ "taskId": "t" }] }),
                "tasks/result" => json!({ "content": [] }),
                _ => {
                    exchange.answer_plainly().await;
                    return;
                }
            };
            exchange.answer(&result.to_string()).await;
        });
        let pool = pool();
        let client = pool.client(over.request(&server, "alice")).await;
        let client = client.expect("a client");
        let argument = json!({ "name": "city", "value": "par" });
        let reference = json!({ "type": "ref/prompt", "name": "p" });
        let params = json!({ "ref": reference, "argument": argument });
        let params = serde_json::from_value(params).expect("params");
        let completed = client.complete(params).await.expect("a completion");
        assert_eq!(completed.completion.values, ["paris"], "{over:?}");
        for (method, params, member) in [
            ("tasks/list", json!({}), "tasks"),
            ("tasks/result", json!({ "taskId": "t" }), "content"),
        ] {
            let request = CustomRequest::new(method, Some(params));
            let answer = client
                .request_raw(ClientRequest::CustomRequest(request))
                .await;
            let answer = answer.expect("an answer");
            let raw: Value = serde_json::from_str(answer.raw().expect("JSON").get()).expect("JSON");
            assert!(raw[member].is_array(), "{over:?} {raw}");
        }
        let lease = client.acquire().await.expect("a session");
        let token = ProgressToken(NumberOrString::Number(7));
        let progress = ProgressNotificationParam::new(token, 1.0);
        let peer = lease.peer().await.expect("a peer");
        peer.notify_progress(progress).await.expect("it is sent");
        assert_eq!(server.count("notifications/progress"), 1, "{over:?}");
        drop((peer, lease));
        close(&pool).await;
    }
}
