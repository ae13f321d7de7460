//! rustls over our sockets: a TLS server and a client that trusts its fresh certificate, closing with close_notify.

mod world;

use lastack_device::memory::Config;
use lastack_net::{TcpListener, TcpStream};
use std::io::ErrorKind;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector};
use world::{pair, pattern, right, soon};

const NAME: &str = "lastack.test";

fn certificate() -> (CertificateDer<'static>, PrivateKeyDer<'static>) {
    let made = rcgen::generate_simple_self_signed([NAME.to_owned()]).expect("a key and a certificate");
    (made.cert.der().clone(), PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()).into())
}

fn acceptor(certificate: CertificateDer<'static>, key: PrivateKeyDer<'static>) -> TlsAcceptor {
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

fn connector(trusted: impl IntoIterator<Item = CertificateDer<'static>>) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    trusted.into_iter().for_each(|certificate| roots.add(certificate).unwrap());
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    TlsConnector::from(Arc::new(config))
}

#[tokio::test]
async fn rustls_serves_and_fetches() {
    let (left, right_side) = pair(Config::default());
    let (certificate, key) = certificate();
    let acceptor = acceptor(certificate.clone(), key);
    let listener = soon(TcpListener::bind_on(&right_side.handle, right(443))).await.unwrap();
    let answer = pattern(1, 2 << 20);
    let sent = answer.clone();
    let server = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = acceptor.accept(stream).await.expect("a handshake");
        let mut request = [0; 7];
        stream.read_exact(&mut request).await.unwrap();
        assert_eq!(&request, b"fetch 1");
        stream.write_all(&sent).await.unwrap();
        stream.shutdown().await.unwrap();
    });

    let stream = soon(TcpStream::connect_on(&left.handle, right(443))).await.unwrap();
    let name = ServerName::try_from(NAME).unwrap();
    let mut stream = soon(connector([certificate]).connect(name, stream)).await.expect("a trusted server");
    stream.write_all(b"fetch 1").await.unwrap();
    let mut received = Vec::new();
    // rustls reports an end without close_notify as an error.
    soon(stream.read_to_end(&mut received)).await.expect("an orderly end");
    assert!(received == answer, "{} octets", received.len());
    soon(server).await.unwrap();
}

#[tokio::test]
async fn rustls_refuses_a_stranger() {
    let (left, right_side) = pair(Config::default());
    let (certificate, key) = certificate();
    let acceptor = acceptor(certificate, key);
    let listener = soon(TcpListener::bind_on(&right_side.handle, right(443))).await.unwrap();
    let server = tokio::spawn(async move { acceptor.accept(listener.accept().await.unwrap().0).await.err() });
    let stream = soon(TcpStream::connect_on(&left.handle, right(443))).await.unwrap();
    let name = ServerName::try_from(NAME).unwrap();
    let error = soon(connector([]).connect(name, stream)).await.expect_err("nobody vouches for it");
    assert_eq!(error.kind(), ErrorKind::InvalidData);
    assert!(soon(server).await.unwrap().is_some(), "the server hears of it");
}
