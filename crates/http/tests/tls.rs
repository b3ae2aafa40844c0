//! TLS: the faults of its handshake, and the protocol that it agrees on.

use std::sync::Arc;

use mcp_pool_core::error::{FaultKind, Outcome};
use mcp_pool_http::{HttpFault, client, client_builder};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig, crypto::aws_lc_rs, pki_types::PrivateKeyDer, pki_types::PrivatePkcs8KeyDer,
    },
};

/// Sends a request to this port and returns its fault.
async fn fault_at(port: u16) -> HttpFault {
    let http = client(client_builder()).expect("an http client");
    let sent = http.get(format!("https://localhost:{port}/mcp")).send();
    HttpFault::of_send(sent.await.expect_err("no handshake"))
}

/// Starts a server that runs `serve` on each connection. Returns its port.
async fn server<F: Future<Output = ()> + Send>(
    serve: impl Fn(TcpStream) -> F + Send + 'static,
) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            serve(stream).await;
        }
    });
    port
}

/// An acceptor with a certificate of its own, which offers these protocols.
fn acceptor(protocols: &[&str]) -> (TlsAcceptor, reqwest::Certificate) {
    let names = vec!["localhost".to_owned()];
    let own = rcgen::generate_simple_self_signed(names).expect("a certificate");
    let certificate = reqwest::Certificate::from_der(own.cert.der());
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(own.signing_key.serialize_der()));
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![own.cert.der().clone()], key)
        .expect("a key of its certificate");
    config.alpn_protocols = protocols
        .iter()
        .map(|name| name.as_bytes().to_vec())
        .collect();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    (acceptor, certificate.expect("a certificate"))
}

fn expect_tls(fault: &HttpFault) {
    assert_eq!(fault.kind(), &FaultKind::Tls, "{fault:?}");
    assert_eq!(fault.failure().outcome(), Outcome::NotExecuted);
}

#[tokio::test]
async fn an_untrusted_certificate_is_a_tls_fault() {
    let (acceptor, _) = acceptor(&[]);
    let port = server(move |stream| {
        let accepted = acceptor.accept(stream);
        async { drop(accepted.await) }
    });
    expect_tls(&fault_at(port.await).await);
}

#[tokio::test]
async fn a_server_without_tls_is_a_tls_fault() {
    let port = server(|mut stream| async move {
        let _ = stream.read(&mut [0; 1024]).await;
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    });
    expect_tls(&fault_at(port.await).await);
}

#[tokio::test]
async fn a_port_without_a_server_is_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    drop(listener);
    let fault = fault_at(port).await;
    assert_eq!(fault.kind(), &FaultKind::Unreachable);
    assert_eq!(fault.failure().outcome(), Outcome::NotExecuted);
}

/// Answers one request over the protocol that was agreed on.
async fn answer(acceptor: TlsAcceptor, stream: TcpStream) {
    let Ok(mut stream) = acceptor.accept(stream).await else {
        return;
    };
    let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    let mut request = [0; 4096];
    let _ = stream.read(&mut request).await;
    let answer: &[u8] = match is_http2 {
        true => {
            assert!(request.starts_with(b"PRI * HTTP/2.0\r\n"));
            HTTP2_ANSWER
        }
        false => b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
    };
    let _ = stream.write_all(answer).await;
    // The connection stays open until the client leaves.
    while stream.read(&mut request).await.is_ok_and(|read| read > 0) {}
}

/// `SETTINGS`, then `HEADERS` of stream 1 with `:status: 200`, which end it.
const HTTP2_ANSWER: &[u8] = &[
    0, 0, 0, 4, 0, 0, 0, 0, 0, //
    0, 0, 1, 1, 5, 0, 0, 0, 1, 0x88,
];

#[tokio::test]
async fn http2_is_spoken_where_the_server_offers_it() {
    use http::Version;
    for (protocols, version) in [
        (&["h2", "http/1.1"][..], Version::HTTP_2),
        (&["h2"], Version::HTTP_2),
        (&["http/1.1"], Version::HTTP_11),
        (&[], Version::HTTP_11),
    ] {
        let (acceptor, certificate) = acceptor(protocols);
        let port = server(move |stream| answer(acceptor.clone(), stream)).await;
        let builder = client_builder().tls_certs_only([certificate]);
        let http = client(builder).expect("an http client");
        let sent = http.get(format!("https://localhost:{port}/mcp")).send();
        let response = sent.await.expect("a response");
        assert_eq!(response.version(), version, "{protocols:?}");
        assert_eq!(response.status(), 200);
    }
}
