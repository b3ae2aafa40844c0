//! What files and variables say, and what is said of them when they are wrong.
#![allow(clippy::unwrap_used, reason = "helpers of tests are test code too")]

use std::{fs, time::Duration};

use mcp_pool_core::{AffinityScope, TransportKind};
use mcp_pool_file_config::{FileConfig, FileConfigError, Format};

const YAML: &str = r#"
pool:
  name: gateway
  enabled: true
  limits:
    max_total_sessions: 50
  timeouts:
    session_ttl: 120
    call_timeout: 45s
  health:
    health_check_methods: [ping, skip]
upstreams:
  github:
    url: https://github.example/mcp
    transport: streamable_http
    headers:
      authorization: { env: GITHUB_TOKEN, prefix: "Bearer " }
    forward: [x-org]
  notes:
    url: https://notes.example/sse
    max_concurrent_per_session: 4
listen: "127.0.0.1:8080"
"#;

const TOML: &str = r#"
listen = "127.0.0.1:8080"
[pool]
name = "gateway"
enabled = true
limits = { max_total_sessions = 50 }
timeouts = { session_ttl = 120, call_timeout = "45s" }
health = { health_check_methods = ["ping", "skip"] }
[upstreams.github]
url = "https://github.example/mcp"
transport = "streamable_http"
headers = { authorization = { env = "GITHUB_TOKEN", prefix = "Bearer " } }
forward = ["x-org"]
[upstreams.notes]
url = "https://notes.example/sse"
max_concurrent_per_session = 4
"#;

fn parse(
    format: Format,
    text: &str,
    variables: &[(&str, &str)],
) -> Result<FileConfig, FileConfigError> {
    let variables = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    FileConfig::parse(format, text, &["listen"], variables)
}

fn problems(text: &str, variables: &[(&str, &str)]) -> Vec<String> {
    let error = parse(Format::Yaml, text, variables).unwrap_err();
    error.problems().iter().map(ToString::to_string).collect()
}

#[test]
fn both_formats_say_the_same() {
    for (format, text) in [(Format::Yaml, YAML), (Format::Toml, TOML)] {
        let config = parse(format, text, &[("GITHUB_TOKEN", "t")]).unwrap();
        let pool = config.pool();
        assert_eq!(pool.name, "gateway");
        assert_eq!(pool.limits.max_total_sessions, 50);
        assert_eq!(pool.timeouts.session_ttl, Duration::from_secs(120));
        assert_eq!(pool.timeouts.call_timeout, Duration::from_secs(45));
        assert_eq!(pool.health.health_check_methods.len(), 2);
        let upstreams: Vec<_> = config.upstreams().collect();
        assert_eq!(upstreams[0].name(), "github");
        let endpoint = upstreams[0].endpoint();
        assert_eq!(endpoint.transport(), &TransportKind::STREAMABLE_HTTP);
        assert_eq!(endpoint.gateway(), Some("github"));
        assert_eq!(upstreams[0].forward(), ["x-org"]);
        assert_eq!(upstreams[1].endpoint().transport(), &TransportKind::AUTO);
        assert_eq!(
            config.section::<String>("listen").unwrap(),
            "127.0.0.1:8080"
        );
    }
}

#[test]
fn a_variable_wins_over_the_file() {
    let variables = [
        ("GITHUB_TOKEN", "t"),
        ("MCP_SESSION_POOL_TTL", "7"),
        ("mcp_session_pool_max_total_sessions", "9"),
        ("MCP_UPSTREAM_NOTES_URL", "https://other.example/mcp"),
    ];
    let config = parse(Format::Yaml, YAML, &variables).unwrap();
    assert_eq!(config.pool().timeouts.session_ttl, Duration::from_secs(7));
    assert_eq!(config.pool().limits.max_total_sessions, 9);
    let notes = config.upstreams().nth(1).unwrap();
    assert_eq!(notes.endpoint().host(), "other.example");
}

#[test]
fn an_affinity_is_that_of_the_file_or_the_variables_and_a_wrong_one_is_named() {
    let text = |affinity: &str| format!("upstreams:\n  a: {{ url: 'https://a/', {affinity} }}\n");
    let variables = [("MCP_UPSTREAM_A_AFFINITY_SCOPE", "identity")];
    let given = text("affinity_header: X-Route");
    for (variables, scope) in [
        (&[][..], AffinityScope::Key),
        (&variables, AffinityScope::Identity),
    ] {
        let config = parse(Format::Yaml, &given, variables).unwrap();
        let upstream = config.upstreams().next().unwrap();
        let affinity = upstream.endpoint().affinity();
        let affinity = affinity.map(|(header, scope)| (header.as_str(), scope));
        assert_eq!(affinity, Some(("x-route", scope)));
    }
    for (wrong, name) in [
        ("affinity_header: authorization", "affinity_header"),
        ("affinity_header: 'sekret x'", "affinity_header"),
        (
            "affinity_header: x-route, affinity_scope: sekret",
            "affinity_scope",
        ),
    ] {
        let found = problems(&text(wrong), &[]);
        let [problem] = found.as_slice() else {
            panic!("{found:?}");
        };
        assert!(problem.starts_with(&format!("upstreams.a.{name}:")));
        assert!(!problem.contains("sekret"), "{problem}");
    }
}

#[test]
fn everything_wrong_is_reported_at_once_by_key_or_variable() {
    let text = r#"
pool:
  limits: { max_sessions_per_key: 0, max_session: 1 }
  timeouts: { call_timeout: sekret }
upstreams:
  one: { url: "no url sekret", lifecycle: sekret, colour: red }
  two:
    transport: 7
    headers:
      authorization: "Bearer sekret"
      x-key: { env: NOT_THERE }
      x-other: { env: A, file: b }
extra: 1
"#;
    let found = problems(
        text,
        &[
            ("MCP_SESSION_POOL_TTL", "sekret"),
            ("MCP_UPSTREAM_ONE_MAX_CONCURRENT_PER_SESSION", "0"),
            ("MCP_UPSTREAM_THREE_URL", "sekret"),
        ],
    );
    for (name, needs) in [
        ("MCP_SESSION_POOL_TTL", "a number of seconds"),
        ("MCP_UPSTREAM_ONE_MAX_CONCURRENT_PER_SESSION", "at least 1"),
        ("MCP_UPSTREAM_THREE_URL", "unknown variable"),
        ("extra", "unknown key"),
        ("pool.limits.max_session", "unknown key"),
        ("pool.limits.max_sessions_per_key", "at least 1"),
        ("pool.timeouts.call_timeout", "a number of seconds"),
        ("upstreams.one.colour", "unknown key"),
        ("upstreams.one.lifecycle", "`stateless`"),
        ("upstreams.one.url", ""),
        ("upstreams.two.headers.authorization", "a reference"),
        ("upstreams.two.headers.x-key", "`NOT_THERE` is not set"),
        ("upstreams.two.headers.x-other", "a reference"),
        ("upstreams.two.transport", "a text"),
        ("upstreams.two.url", "the address"),
    ] {
        let start = format!("{name}: ");
        let is_it = |problem: &&String| problem.starts_with(&start) && problem.contains(needs);
        assert!(
            found.iter().any(|problem| is_it(&problem)),
            "{name} {found:#?}"
        );
    }
    assert_eq!(found.len(), 15, "{found:#?}");
    assert!(!found.concat().contains("sekret"), "{found:#?}");
}

#[test]
fn a_text_that_cannot_be_parsed_is_not_quoted() {
    for (format, text) in [
        (Format::Yaml, "pool: [\n  sekret"),
        (Format::Toml, "pool = \nsekret = \"\n"),
    ] {
        let error = parse(format, text, &[]).unwrap_err().to_string();
        assert!(error.contains("file: no valid"), "{error}");
        assert!(!error.contains("sekret"), "{error}");
    }
}

#[test]
fn a_section_that_does_not_fit_is_not_quoted() {
    let config = FileConfig::parse(Format::Yaml, "listen: sekret", &["listen"], []).unwrap();
    let error = config.section::<u16>("listen").unwrap_err().to_string();
    assert!(error.contains("listen: expected u16"), "{error}");
    assert!(!error.contains("sekret"), "{error}");
    assert!(config.section::<u16>("absent").is_err());
}

#[test]
fn debug_output_shows_where_secrets_are_and_not_what_they_are() {
    let variables = [("GITHUB_TOKEN", "pl4nted-token")];
    let config = parse(Format::Yaml, YAML, &variables).unwrap();
    let shown = format!("{config:?} {:?}", config.credentials());
    assert!(shown.contains("GITHUB_TOKEN"), "{shown}");
    assert!(!shown.contains("pl4nted"), "{shown}");
}

#[test]
fn a_secret_in_a_file_is_read_without_its_line_break() {
    let path = std::env::temp_dir().join(format!("mcp-pool-secret-{}", std::process::id()));
    fs::write(&path, "from-file\n").unwrap();
    let text = format!(
        "upstreams: {{ a: {{ url: 'https://a.example/', headers: {{ x-key: {{ file: '{}' }} }} }} }}",
        path.display()
    );
    let config = FileConfig::parse(Format::Yaml, &text, &[], []);
    fs::remove_file(&path).unwrap();
    assert_eq!(config.unwrap().upstreams().count(), 1);
    let gone = FileConfig::parse(Format::Yaml, &text, &[], []);
    assert!(gone.unwrap_err().to_string().contains("cannot be read"));
}

#[test]
fn a_file_without_anything_is_the_defaults() {
    let config = FileConfig::parse(Format::Toml, "", &[], []).unwrap();
    assert_eq!(config.pool(), &mcp_pool_core::PoolConfig::default());
    assert_eq!(config.upstreams().count(), 0);
}

#[test]
fn quotas_are_those_of_the_file_or_the_variables_and_a_wrong_one_is_named() {
    let text = |quota: &str| {
        format!(
            "pool: {{ limits: {{ max_calls_per_tenant: 7 }} }}\nupstreams:\n  a: {{ url: 'https://a/', {quota} }}\n"
        )
    };
    let variables = [
        ("MCP_SESSION_POOL_MAX_SESSIONS_PER_PRINCIPAL", "3"),
        ("MCP_UPSTREAM_A_MAX_SESSIONS", "5"),
    ];
    let config = parse(Format::Yaml, &text("max_calls: 4"), &variables).unwrap();
    let limits = &config.pool().limits;
    assert_eq!(limits.max_calls_per_tenant, 7);
    assert_eq!(limits.max_sessions_per_principal, 3);
    let upstream = config.upstreams().next().unwrap();
    let endpoint = upstream.endpoint();
    assert_eq!(endpoint.max_calls().map(|calls| calls.get()), Some(4));
    assert_eq!(endpoint.max_sessions().map(|most| most.get()), Some(5));
    for (quota, name) in [
        ("max_calls: 0", "max_calls"),
        ("max_sessions: -1", "max_sessions"),
    ] {
        let problems = problems(&text(quota), &[]);
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].contains(name), "{problems:?}");
    }
}
