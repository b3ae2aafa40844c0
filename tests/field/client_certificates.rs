//! Servers that demand a client certificate: each endpoint has its own, and it may be replaced.

use std::sync::{Arc, Mutex};

use mcp_pool_testkit::server::{CounterServer, Modes};
use mcp_session_pool::{
    Endpoint, PoolConfig, PooledClient, SessionPool, SseConnector, StreamableHttpConnector,
    error::{AcquireError, CallError, FaultKind},
    reqwest::{self, Certificate, ClientBuilder, Identity},
    rmcp::model::{ClientRequest, PingRequest},
};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        RootCertStore, ServerConfig,
        crypto::aws_lc_rs,
        pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
        server::WebPkiClientVerifier,
    },
};

use crate::common::{call, close, eventually, request};

/// An authority of the test's own, for the server and its clients.
struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A TLS server before a plain one, which demands a certificate of the authority.
struct Front {
    port: u16,
    authority: Authority,
    /// The certificates that clients came with.
    seen: Arc<Mutex<Vec<CertificateDer<'static>>>>,
}

/// A certificate, and the identity that has it.
struct Own {
    certificate: CertificateDer<'static>,
    pem: String,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let key = KeyPair::generate().expect("a key");
        Self(CertifiedIssuer::self_signed(params, key).expect("an authority"))
    }

    fn issue(&self, name: &str) -> (rcgen::Certificate, KeyPair) {
        let names = vec!["localhost".to_owned()];
        let mut params = CertificateParams::new(names).expect("a name");
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.0).expect("a certificate");
        (certificate, key)
    }

    fn own(&self, name: &str) -> Own {
        let (certificate, key) = self.issue(name);
        Own {
            certificate: certificate.der().clone(),
            pem: format!("{}{}", certificate.pem(), key.serialize_pem()),
        }
    }

    fn acceptor(&self) -> TlsAcceptor {
        let (certificate, key) = self.issue("server");
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).expect("a root");
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
                .build()
                .expect("a verifier");
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_client_cert_verifier(verifier)
            .with_single_cert(vec![certificate.der().clone()], key)
            .expect("a key of its certificate");
        TlsAcceptor::from(Arc::new(config))
    }

    /// A client that trusts this authority alone, with this certificate.
    fn client(&self, own: Option<&Own>) -> ClientBuilder {
        let root = Certificate::from_der(self.0.der()).expect("a root");
        let builder = reqwest::Client::builder().tls_certs_only([root]);
        match own {
            None => builder,
            Some(own) => {
                builder.identity(Identity::from_pem(own.pem.as_bytes()).expect("an identity"))
            }
        }
    }
}

impl Front {
    /// A front before the server at `url`.
    async fn start(server: &CounterServer) -> Self {
        let url: reqwest::Url = server.url().parse().expect("a url");
        let target = url.port().expect("a port");
        let authority = Authority::new();
        let (acceptor, seen) = (authority.acceptor(), Arc::<Mutex<Vec<_>>>::default());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let certificates = Arc::clone(&seen);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, seen) = (acceptor.clone(), Arc::clone(&certificates));
                tokio::spawn(async move {
                    let Ok(mut stream) = acceptor.accept(stream).await else {
                        return;
                    };
                    let peer = stream.get_ref().1.peer_certificates();
                    let own = peer.expect("one is demanded")[0].clone().into_owned();
                    seen.lock().expect("not poisoned").push(own);
                    let server = TcpStream::connect(("127.0.0.1", target)).await;
                    let mut server = server.expect("the server is there");
                    let _ = copy_bidirectional(&mut stream, &mut server).await;
                });
            }
        });
        Self {
            port,
            authority,
            seen,
        }
    }

    fn has_seen(&self, own: &Own) -> bool {
        let seen = self.seen.lock().expect("not poisoned");
        seen.contains(&own.certificate)
    }
}

/// A server of each transport with sessions, its front and its address there.
async fn servers() -> Vec<(CounterServer, Front, Endpoint)> {
    let mut servers = Vec::new();
    for is_sse in [false, true] {
        let modes = match is_sse {
            true => Modes::default().over_sse(),
            false => Modes::default(),
        };
        let server = CounterServer::start_as(modes);
        let front = Front::start(&server).await;
        let url: reqwest::Url = server.url().parse().expect("a url");
        let url = format!("https://localhost:{}{}", front.port, url.path());
        let endpoint = match is_sse {
            true => Endpoint::sse(&url),
            false => Endpoint::streamable_http(&url),
        };
        servers.push((server, front, endpoint.expect("a valid url")));
    }
    servers
}

/// The connectors with these clients by name.
fn connectors(front: &Front, named: &[(&str, &Own)]) -> (StreamableHttpConnector, SseConnector) {
    let without = || front.authority.client(None);
    let mut http = StreamableHttpConnector::from_builder(without()).expect("a client");
    let mut sse = SseConnector::from_builder(without()).expect("a client");
    for (name, own) in named {
        let with = || front.authority.client(Some(own));
        http = http.with_client(*name, with()).expect("a client");
        sse = sse.with_client(*name, with()).expect("a client");
    }
    (http, sse)
}

fn pool(connectors: &(StreamableHttpConnector, SseConnector)) -> SessionPool {
    SessionPool::builder()
        .config(PoolConfig::default())
        .connector(connectors.0.clone())
        .connector(connectors.1.clone())
        .build()
        .expect("a valid configuration")
}

async fn client(pool: &SessionPool, endpoint: Endpoint) -> PooledClient {
    let client = pool.client(request(endpoint, "alice")).await;
    client.expect("a client")
}

#[tokio::test]
async fn each_endpoint_reaches_its_server_with_its_own_certificate_and_shares_no_session() {
    for (server, front, endpoint) in servers().await {
        let [one, other] = ["one", "other"].map(|name| front.authority.own(name));
        let pool = pool(&connectors(&front, &[("one", &one), ("other", &other)]));
        for (name, own, opened) in [("one", &one, 1), ("other", &other, 2)] {
            assert!(!front.has_seen(own));
            let client = client(&pool, endpoint.clone().with_client(name)).await;
            assert_eq!(call(&client, "increment").await.expect("a count"), 1);
            assert!(front.has_seen(own), "{name}");
            assert_eq!(server.sessions_opened(), opened, "one for each");
        }
        let without = client(&pool, endpoint).await;
        let refused = call(&without, "increment")
            .await
            .expect_err("no certificate");
        assert!(!matches!(refused, CallError::Rpc(_)), "{refused:?}");
        assert_eq!(server.sessions_opened(), 2);
        close(&pool).await;
        server.expect_no_session().await;
    }
}

#[tokio::test]
async fn a_client_that_the_connector_does_not_have_is_an_error_that_names_it() {
    for (server, front, endpoint) in servers().await {
        let pool = pool(&connectors(&front, &[]));
        let named = request(endpoint.with_client("missing"), "alice");
        let error = pool.acquire(&named).await.expect_err("there is none");
        let AcquireError::Connect(error) = error else {
            panic!("{error:?}");
        };
        assert_eq!(error.kind(), &FaultKind::Other);
        let source = std::error::Error::source(&*error).expect("a reason");
        assert!(source.to_string().contains("`missing`"), "{source}");
        assert_eq!(server.sessions_opened(), 0);
        close(&pool).await;
    }
}

#[tokio::test]
async fn a_replaced_certificate_serves_new_sessions_and_those_of_before_end_with_their_leases() {
    for (server, front, endpoint) in servers().await {
        let [old, new] = ["old", "new"].map(|name| front.authority.own(name));
        let connectors = connectors(&front, &[("mine", &old)]);
        let pool = pool(&connectors);
        let endpoint = endpoint.with_client("mine");
        let alice = client(&pool, endpoint.clone()).await;
        let idle = alice.acquire().await.expect("a session");
        let held = alice.acquire().await.expect("another one");
        drop(idle);
        let replacement = || front.authority.client(Some(&new));
        connectors
            .0
            .replace_client(Some("mine"), replacement())
            .expect("a client");
        connectors
            .1
            .replace_client(Some("mine"), replacement())
            .expect("a client");
        let report = pool.update_endpoint(&endpoint);
        assert_eq!((report.keys, report.closing, report.in_use), (1, 1, 1));
        assert_eq!(call(&alice, "increment").await.expect("a new session"), 1);
        assert!(front.has_seen(&new));
        let ping = ClientRequest::PingRequest(PingRequest::default());
        let peer = held.peer().await.expect("a peer");
        peer.send_request(ping).await.expect("it is still open");
        drop((peer, held));
        eventually("the old sessions are closed", || {
            server.sessions_closed() == 2
        })
        .await;
        assert_eq!(server.sessions_opened(), 3);
        close(&pool).await;
        server.expect_no_session().await;
    }
}
