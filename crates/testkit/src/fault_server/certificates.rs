//! The certificates of a fault server over TLS.

use std::{
    io,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use futures::future::BoxFuture;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::aws_lc_rs,
        pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    },
};

use crate::raw::{Duplex, Handshake, Socket};

/// The certificate that a server shows, which changes.
pub(super) struct Certificates(Mutex<TlsAcceptor>);

type Authority = CertifiedIssuer<'static, KeyPair>;

impl Certificates {
    /// A certificate of the authority of this process.
    pub(super) fn new() -> Self {
        Self(Mutex::new(acceptor(authority())))
    }

    /// Shows a new certificate of the same authority from now on.
    pub(super) fn renew(&self) {
        self.show(acceptor(authority()));
    }

    fn show(&self, acceptor: TlsAcceptor) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = acceptor;
    }

    /// Shows a certificate of an unknown authority for a time, and a new one of the known authority
    /// afterwards. Needs a runtime.
    pub(super) fn distrust_for(self: &Arc<Self>, length: Duration) {
        self.show_for(acceptor(&new_authority("unknown")), length);
    }

    /// Shows a certificate of the known authority that has ended for a time, and a new one afterwards. Needs
    /// a runtime.
    pub(super) fn expire_for(self: &Arc<Self>, length: Duration) {
        self.show_for(acceptor_until(authority(), Some(ENDED)), length);
    }

    fn show_for(self: &Arc<Self>, acceptor: TlsAcceptor, length: Duration) {
        self.show(acceptor);
        let certificates = Arc::clone(self);
        tokio::spawn(async move {
            tokio::time::sleep(length).await;
            certificates.renew();
        });
    }
}

impl std::fmt::Debug for Certificates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Certificates").finish_non_exhaustive()
    }
}

impl Handshake for Certificates {
    fn accept(&self, socket: Socket) -> BoxFuture<'static, io::Result<Box<dyn Duplex>>> {
        let acceptor = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        Box::pin(async move {
            let stream = acceptor.accept(socket).await?;
            Ok(Box::new(stream) as Box<dyn Duplex>)
        })
    }
}

/// The year in which an expired certificate has ended.
const ENDED: i32 = 2001;

/// The authority of all servers of this process, as PEM.
pub(super) fn authority_pem() -> &'static str {
    static PEM: OnceLock<String> = OnceLock::new();
    PEM.get_or_init(|| authority().pem())
}

fn authority() -> &'static Authority {
    static AUTHORITY: OnceLock<Authority> = OnceLock::new();
    AUTHORITY.get_or_init(|| new_authority("fault servers"))
}

fn new_authority(name: &str) -> Authority {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params.distinguished_name.push(DnType::CommonName, name);
    let key = KeyPair::generate().expect("a key");
    CertifiedIssuer::self_signed(params, key).expect("an authority")
}

/// An acceptor with a new certificate.
fn acceptor(authority: &Authority) -> TlsAcceptor {
    acceptor_until(authority, None)
}

/// An acceptor with a new certificate that ends in this year; `None` for none of a lifetime.
fn acceptor_until(authority: &Authority, year: Option<i32>) -> TlsAcceptor {
    let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
    let mut params = CertificateParams::new(names).expect("names");
    if let Some(year) = year {
        params.not_after = date_time_ymd(year, 1, 1);
    }
    let key = KeyPair::generate().expect("a key");
    let certificate = params.signed_by(&key, authority).expect("a certificate");
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .expect("a key of its certificate");
    TlsAcceptor::from(Arc::new(config))
}
