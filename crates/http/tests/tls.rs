//! A failed TLS handshake has another fault kind than an unreachable server.

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

fn untrusted_acceptor() -> TlsAcceptor {
    let names = vec!["localhost".to_owned()];
    let own = rcgen::generate_simple_self_signed(names).expect("a certificate");
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(own.signing_key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![own.cert.der().clone()], key)
        .expect("a key of its certificate");
    TlsAcceptor::from(Arc::new(config))
}

fn expect_tls(fault: &HttpFault) {
    assert_eq!(fault.kind(), &FaultKind::Tls, "{fault:?}");
    assert_eq!(fault.failure().outcome(), Outcome::NotExecuted);
}

#[tokio::test]
async fn an_untrusted_certificate_is_a_tls_fault() {
    let acceptor = untrusted_acceptor();
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
