//! OAuth settings of a file, and what is wrong with them.
#![allow(clippy::unwrap_used, reason = "helpers of tests are test code too")]

use mcp_pool_file_config::{FileConfig, FileConfigError, Format, OAuthGrant};

fn parse(text: &str, variables: &[(&str, &str)]) -> Result<FileConfig, FileConfigError> {
    let variables = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    FileConfig::parse(Format::Yaml, text, &[], variables)
}

const GOOD: &str = r#"
oauth:
  users:
    grant: authorization_code
    redirect_uri: https://gateway.example.com/callback
    client_name: Example
    scopes: [read, write]
    client_metadata_document: https://gateway.example.com/client.json
    dynamic_registration: false
    step_up_limit: 0
  machine:
    grant: client_credentials
    scopes: "read, write"
    allow_private_addresses: true
    clients:
      - id: gateway
        issuer: https://login.example.com
        secret: { env: CLIENT_SECRET }
  exchange:
    grant: token_exchange
    audience: files
    clients: [{ id: gateway, issuer: "https://login.example.com" }]
upstreams:
  one: { url: https://one.example/mcp, oauth: users, client: certified }
  two: { url: https://two.example/mcp }
"#;

#[test]
fn settings_are_read_by_name_and_upstreams_refer_to_them() {
    let variables = [
        ("CLIENT_SECRET", "pl4nted"),
        ("MCP_UPSTREAM_TWO_OAUTH", "machine"),
        ("MCP_UPSTREAM_TWO_CLIENT", "other"),
    ];
    let config = parse(GOOD, &variables).unwrap();
    let by_name = |name: &str| config.oauth().find(|it| it.name() == name).unwrap();
    let users = by_name("users");
    let OAuthGrant::AuthorizationCode { redirect_uri } = users.grant() else {
        panic!("{users:?}");
    };
    assert_eq!(
        redirect_uri.as_str(),
        "https://gateway.example.com/callback"
    );
    assert_eq!(users.client_name(), Some("Example"));
    assert_eq!(users.scopes(), ["read", "write"]);
    assert_eq!(users.dynamic_registration(), Some(false));
    assert_eq!(users.step_up_limit(), Some(0));
    assert!(users.client_metadata_document().is_some());
    assert!(!users.allows_private_addresses());
    let machine = by_name("machine");
    assert_eq!(machine.grant(), &OAuthGrant::ClientCredentials);
    assert_eq!(machine.scopes(), ["read", "write"]);
    assert!(machine.allows_private_addresses());
    assert_eq!(
        (machine.dynamic_registration(), machine.step_up_limit()),
        (None, None)
    );
    let client = &machine.clients()[0];
    assert_eq!((client.id(), client.secret()), ("gateway", Some("pl4nted")));
    assert_eq!(client.issuer(), Some("https://login.example.com"));
    let audience = Some("files".to_owned());
    assert_eq!(
        by_name("exchange").grant(),
        &OAuthGrant::TokenExchange { audience }
    );
    let upstreams: Vec<_> = config
        .upstreams()
        .map(|upstream| (upstream.oauth(), upstream.endpoint().client()))
        .collect();
    assert_eq!(
        upstreams,
        [
            (Some("users"), Some("certified")),
            (Some("machine"), Some("other"))
        ]
    );
}

const WRONG: &str = r#"
oauth:
  a: { grant: pl4nted }
  b: { grant: authorization_code }
  c: { grant: authorization_code, redirect_uri: "http://pl4nted.example/callback" }
  d: { grant: client_credentials, audience: pl4nted }
  e:
    grant: client_credentials
    step_up_limit: pl4nted
    dynamic_registration: pl4nted
    client_metadata_document: "https://pl4nted.example/"
    scopes: { pl4nted: 1 }
    other: pl4nted
    clients:
      - { id: x, secret: pl4nted }
      - { id: yy, secret: { env: NOT_SET } }
      - { id: z, secret: { env: EMPTY }, issuer: "http://pl4nted.example" }
      - { id: s, secret: { env: SET } }
      - { secret: { env: SET, file: pl4nted }, issuer: "https://login.example.com" }
  f: { grant: token_exchange, clients: [{ id: x }] }
  g: { grant: token_exchange, redirect_uri: "https://pl4nted.example", clients: pl4nted }
  good: { grant: authorization_code, redirect_uri: "https://g.example/c" }
upstreams:
  one: { url: https://one.example/mcp, oauth: pl4nted }
  two:
    url: https://two.example/mcp
    oauth: good
    headers: { authorization: { env: SET } }
"#;

#[test]
fn everything_that_is_wrong_is_named_at_once_and_no_value_is_shown() {
    let variables = [("EMPTY", ""), ("SET", "pl4nted")];
    let error = parse(WRONG, &variables).err().unwrap();
    let names: Vec<_> = error.problems().iter().map(|it| it.name.as_str()).collect();
    let expected = [
        "oauth.a.grant",
        "oauth.b.redirect_uri",
        "oauth.c.redirect_uri",
        "oauth.d.audience",
        "oauth.d.clients",
        "oauth.e.client_metadata_document",
        "oauth.e.clients.0.secret",
        "oauth.e.clients.1.secret",
        "oauth.e.clients.2.issuer",
        "oauth.e.clients.2.secret",
        "oauth.e.clients.3.issuer",
        "oauth.e.clients.4.id",
        "oauth.e.clients.4.secret",
        "oauth.e.dynamic_registration",
        "oauth.e.other",
        "oauth.e.scopes",
        "oauth.e.step_up_limit",
        "oauth.f.clients.0.issuer",
        "oauth.g.clients",
        "oauth.g.redirect_uri",
        "upstreams.one.oauth",
        "upstreams.two.oauth",
    ];
    for name in expected {
        assert!(names.contains(&name), "{name} is missing: {error}");
    }
    for name in &names {
        assert!(expected.contains(name), "{name}: {error}");
    }
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains("pl4nted"), "{shown}");
}

#[test]
fn a_secret_is_in_no_debug_output() {
    let config = parse(GOOD, &[("CLIENT_SECRET", "pl4nted")]).unwrap();
    for settings in config.oauth() {
        let shown = format!("{settings:?} {settings:#?} {config:?}");
        assert!(!shown.contains("pl4nted"), "{shown}");
    }
}
