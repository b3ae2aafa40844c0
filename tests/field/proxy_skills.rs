//! Skills and directories through a proxy, by clients and upstreams of either era.

use mcp_pool_testkit::{Exchange, ScriptedServer};
use mcp_session_pool::{
    PoolConfig, PooledClient, SessionPool,
    config::Lifecycle,
    error::CallError,
    proxy::{Proxy, Upstream},
    rmcp::model::{
        ErrorCode, GetSkillRequestParams, ReadResourceDirectoryRequestParams, Skill, SkillResources,
    },
};
use serde_json::{Value, json};

use crate::{
    common::{close, pool},
    gateway::{Gateway, client_of, clients},
};

const ERAS: [Lifecycle; 2] = [Lifecycle::Legacy, Lifecycle::Stateless];

/// A server of skills: two pages of one each, and one that breaks the rules of the extension.
fn with_skills() -> ScriptedServer {
    ScriptedServer::start(|exchange| async move {
        match answer(&exchange) {
            Some(mut result) => {
                result["resultType"] = json!("complete");
                exchange.answer(&result.to_string()).await
            }
            None => exchange.answer_plainly().await,
        };
    })
}

/// A server that knows neither skills nor directories.
fn without_skills() -> ScriptedServer {
    ScriptedServer::start(|exchange| async move {
        if exchange.method() == "skills/list" {
            let error = json!({ "code": -32601, "message": "skills/list" });
            let id = &exchange.message()["id"];
            let refusal = json!({ "jsonrpc": "2.0", "id": id, "error": error });
            exchange.send(&refusal.to_string()).await;
        } else {
            exchange.answer_plainly().await;
        }
    })
}

fn answer(exchange: &Exchange) -> Option<Value> {
    let params = &exchange.message()["params"];
    Some(match exchange.method() {
        "initialize" | "server/discover" => {
            let plain = exchange.plain_result()?;
            let mut result: Value = serde_json::from_str(&plain).expect("JSON");
            result["capabilities"]["resources"] = json!({});
            result["capabilities"]["extensions"] =
                json!({ "io.modelcontextprotocol/skills": { "directoryRead": true } });
            result
        }
        "skills/list" if params["cursor"] == "next" => json!({ "skills": [skill("two")] }),
        "skills/list" => {
            let mut broken = skill("broken");
            broken["resources"] = json!([]);
            json!({ "skills": [skill("one"), broken], "nextCursor": "next" })
        }
        "skills/get" if params["uri"] == "skill://one/SKILL.md" => json!({ "skill": skill("one") }),
        "resources/directory/read" if params["uri"] == "skill://one" => json!({
            "resources": [{ "uri": "skill://one/SKILL.md", "name": "SKILL.md" }],
        }),
        _ => return None,
    })
}

fn skill(name: &str) -> Value {
    let uri = format!("skill://{name}/SKILL.md");
    let digest = format!("sha256:{}", "0".repeat(64));
    json!({
        "uri": uri,
        "frontmatter": { "name": name, "description": "what it is for" },
        "resources": [{ "uri": uri, "digest": digest, "size": 1 }],
    })
}

fn of_two(upstreams: &SessionPool, one: &ScriptedServer, two: &ScriptedServer) -> Proxy {
    let endpoint = |server: &ScriptedServer| server.endpoint(Lifecycle::Legacy);
    let builder = Proxy::builder(upstreams.clone())
        .upstream(Upstream::new("one", endpoint(one)))
        .upstream(Upstream::new("two", endpoint(two)));
    builder.build().expect("two names")
}

fn uris(skills: &[Skill]) -> Vec<&str> {
    skills.iter().map(|skill| skill.uri.as_str()).collect()
}

/// Reads a skill and its directory by the names of the proxy, which begin with this.
async fn read(client: &PooledClient, prefix: &str) {
    let uri = format!("{prefix}skill://one/SKILL.md");
    let read = client.get_skill(GetSkillRequestParams::new(&*uri)).await;
    let skill = read.expect("a skill").skill;
    assert_eq!(skill.uri, uri);
    let SkillResources::Files(files) = skill.resources else {
        panic!("files are expected");
    };
    assert_eq!(files[0].uri, uri);
    let directory: ReadResourceDirectoryRequestParams =
        serde_json::from_value(json!({ "uri": format!("{prefix}skill://one") })).expect("params");
    let entries = client.read_resource_directory(directory).await;
    assert_eq!(entries.expect("entries").resources[0].uri, uri);
}

#[tokio::test]
async fn the_skills_of_a_single_upstream_reach_a_client_of_either_era_unchanged() {
    for downstream in ERAS {
        for upstream in ERAS {
            let server = with_skills();
            let (upstreams, clients) = (pool(PoolConfig::default()), clients());
            let proxy = Proxy::single(upstreams.clone(), server.endpoint(upstream));
            let gateway = Gateway::start(proxy).await;
            let client = client_of(&clients, gateway.endpoint(downstream), "alice", None).await;
            let skills = client.list_all_skills().await.expect("skills");
            let expected = ["skill://one/SKILL.md", "skill://two/SKILL.md"];
            assert_eq!(uris(&skills), expected, "{downstream:?} {upstream:?}");
            read(&client, "").await;
            close(&clients).await;
            close(&upstreams).await;
        }
    }
}

#[tokio::test]
async fn the_skills_of_several_upstreams_are_one_list_and_read_by_the_names_in_it() {
    for downstream in ERAS {
        let (one, two) = (with_skills(), without_skills());
        let (upstreams, clients) = (pool(PoolConfig::default()), clients());
        let gateway = Gateway::start(of_two(&upstreams, &one, &two)).await;
        let client = client_of(&clients, gateway.endpoint(downstream), "alice", None).await;
        let skills = client.list_all_skills().await.expect("skills");
        let expected = ["one+skill://one/SKILL.md", "one+skill://two/SKILL.md"];
        assert_eq!(uris(&skills), expected, "{downstream:?}");
        read(&client, "one+").await;
        let other = GetSkillRequestParams::new("three+skill://one/SKILL.md");
        let error = client.get_skill(other).await.expect_err("no such upstream");
        assert!(matches!(error, CallError::Rpc(_)), "{error:?}");
        close(&clients).await;
        close(&upstreams).await;
    }
}

#[tokio::test]
async fn a_session_is_offered_skills_only_where_an_upstream_has_some() {
    for (servers, expected) in [
        ([with_skills(), without_skills()], true),
        ([without_skills(), without_skills()], false),
    ] {
        let (upstreams, clients) = (pool(PoolConfig::default()), clients());
        let [one, two] = &servers;
        let gateway = Gateway::start(of_two(&upstreams, one, two)).await;
        let endpoint = gateway.endpoint(Lifecycle::Legacy);
        let client = client_of(&clients, endpoint, "alice", None).await;
        let lease = client.acquire().await.expect("a session");
        let peer = lease.peer().await.expect("a peer");
        let offered = peer.peer_info().expect("a description");
        assert_eq!(offered.capabilities.supports_directory_read(), expected);
        drop((peer, lease));
        match client.list_skills(None).await {
            Ok(_) => assert!(expected),
            Err(CallError::Rpc(error)) => {
                assert!(!expected, "{error:?}");
                assert_eq!(error.code, ErrorCode::METHOD_NOT_FOUND);
            }
            Err(error) => panic!("{error:?}"),
        }
        close(&clients).await;
        close(&upstreams).await;
    }
}
