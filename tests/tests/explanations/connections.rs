//! Keys behind TLS, a proxy and DNS, over real sockets.

use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use jwt_core::keys::{HttpFetch, KeyRefreshSettings};
use jwt_core::testing::{AUDIENCE, ScriptedIssuer};
use jwt_core::{TrustedIssuer, Verifier, VerifierBuilder};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Certificate, Client, Proxy, redirect};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, Stream};

use super::fetches::explain;

/// A certificate authority that no machine trusts, and a server's certificates from it, for `localhost`: one until 2126, one that
/// ended in 2021, and one that begins in 2120.
const AUTHORITY: &[u8] = include_bytes!("tls/authority.pem");
const SERVER: &[u8] = include_bytes!("tls/server.pem");
const EXPIRED: &[u8] = include_bytes!("tls/expired.pem");
const FUTURE: &[u8] = include_bytes!("tls/future.pem");
const SERVER_KEY: &[u8] = include_bytes!("tls/server.private.pem");

fn verifier(issuer: &ScriptedIssuer, url: String) -> VerifierBuilder {
    let trusted = TrustedIssuer::jwks(issuer.name(), url).audience(AUDIENCE);
    Verifier::builder().issuer(trusted).clock(issuer.clock())
}

fn client(client: reqwest::ClientBuilder) -> HttpFetch {
    HttpFetch::from_client(client.redirect(redirect::Policy::none()).build().expect("a client"))
}

/// Starts a thread that serves every connection to a free port.
fn serve(mut answer: impl FnMut(std::net::TcpStream) + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || listener.incoming().flatten().for_each(&mut answer));
    address
}

/// Reads a request without a body, and writes the response. A client that breaks off is its own test.
fn respond(stream: &mut (impl std::io::Read + std::io::Write), response: &str) {
    let mut lines = BufReader::new(&mut *stream).lines();
    if lines.by_ref().map_while(Result::ok).any(|line| line.is_empty()) {
        drop(lines);
        let _ = stream.write_all(response.as_bytes());
        let _ = stream.flush();
    }
}

/// Starts a server with TLS and this certificate that answers every request with this document.
fn tls_server(certificate: &[u8], document: &str) -> SocketAddr {
    let key = PrivateKeyDer::from_pem_slice(SERVER_KEY).expect("a key");
    let chain = vec![CertificateDer::from_pem_slice(certificate).expect("a certificate")];
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|config| config.with_no_client_auth().with_single_cert(chain, key));
    let config = Arc::new(config.expect("a server"));
    let response =
        format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{document}", document.len());
    serve(move |mut socket| {
        let mut connection = ServerConnection::new(Arc::clone(&config)).expect("a connection");
        let mut stream = Stream::new(&mut connection, &mut socket);
        respond(&mut stream, &response);
        connection.send_close_notify();
        let _ = connection.complete_io(&mut socket);
    })
}

#[tokio::test]
async fn a_certificate_of_a_private_authority_is_explained_and_accepted_once_it_is_trusted() {
    let issuer = ScriptedIssuer::start().await.expect("an issuer");
    let document = reqwest::get(issuer.jwks_uri()).await.expect("a response").text().await.expect("a set");
    let port = tls_server(SERVER, &document).port();
    let url = || format!("https://localhost:{port}/jwks");
    let token = issuer.token().sign();
    let words = ["certificate", "UnknownIssuer", "private authority", "`HttpFetch::from_client`"];
    explain("an unknown authority", verifier(&issuer, url()), &token, &words).await;

    let authority = Certificate::from_pem(AUTHORITY).expect("a certificate");
    let trusting = || client(Client::builder().tls_certs_merge([authority.clone()]));
    let trusted = verifier(&issuer, url()).fetch(trusting()).build().expect("a verifier");
    trusted.fetch_keys().await.expect("a trusted certificate");
    assert!(trusted.verify(&token).await.is_ok());

    // The authority is trusted, but the certificate is for another name.
    let (name, other) = ("keys.localhost", SocketAddr::from(([127, 0, 0, 1], port)));
    let elsewhere = client(Client::builder().tls_certs_merge([authority.clone()]).resolve(name, other));
    let builder = verifier(&issuer, format!("https://{name}:{port}/jwks")).fetch(elsewhere);
    explain("another name", builder, &token, &["not valid for name", "keys.localhost", "for another host"]).await;
}

#[tokio::test]
async fn a_certificate_outside_its_time_is_explained() {
    let issuer = ScriptedIssuer::start().await.expect("an issuer");
    for (name, certificate, words) in [
        ("an expired certificate", EXPIRED, ["certificate expired", "must renew its certificate"]),
        ("a certificate of the future", FUTURE, ["certificate not valid yet", "machine's clock is probably wrong"]),
    ] {
        let url = format!("https://localhost:{}/jwks", tls_server(certificate, "").port());
        let authority = Certificate::from_pem(AUTHORITY).expect("a certificate");
        let builder = verifier(&issuer, url).fetch(client(Client::builder().tls_certs_merge([authority])));
        explain(name, builder, &issuer.token().sign(), &words).await;
    }
}

#[tokio::test]
async fn a_server_that_never_answers_is_explained() {
    let issuer = ScriptedIssuer::start().await.expect("an issuer");
    // It accepts connections, and nothing reads from them.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/jwks", silent.local_addr().expect("an address"));
    let refresh = KeyRefreshSettings::new().timeout(Duration::from_millis(200));
    let trusted = TrustedIssuer::jwks(issuer.name(), url).key_refresh(refresh).audience(AUDIENCE);
    let builder = Verifier::builder().issuer(trusted).clock(issuer.clock());
    let words = ["timeout", "within 200ms", "`KeyRefreshSettings::timeout`", "firewall"];
    explain("a silent server", builder, &issuer.token().sign(), &words).await;
}

#[tokio::test]
async fn a_host_that_dns_does_not_know_is_explained() {
    let issuer = ScriptedIssuer::start().await.expect("an issuer");
    // RFC 2606 section 2: no such name ever resolves.
    let url = "https://user-service.invalid/realms/shop?client=1";
    let words = ["`https://user-service.invalid/realms/shop`", "dns error", "DNS doesn't know the host", "container"];
    explain("an unknown host", verifier(&issuer, url.to_owned()), &issuer.token().sign(), &words).await;
    // The answer of a resolver that knows only this machine, about every other name.
    let only_local = client(Client::builder().dns_resolver(OnlyLocal));
    let builder = verifier(&issuer, "https://id.example/jwks".to_owned()).fetch(only_local);
    explain("no resolver", builder, &issuer.token().sign(), &["`https://id.example/jwks`", "DNS doesn't know"]).await;
}

/// A resolver that knows `localhost` and nothing else.
struct OnlyLocal;

impl Resolve for OnlyLocal {
    fn resolve(&self, name: Name) -> Resolving {
        let local = SocketAddr::from(([127, 0, 0, 1], 0));
        Box::pin(std::future::ready(match name.as_str() {
            "localhost" => Ok(Box::new(std::iter::once(local)) as Addrs),
            _ => Err("no such host".into()),
        }))
    }
}

#[tokio::test]
async fn a_proxy_that_refuses_or_is_down_is_explained() {
    let issuer = ScriptedIssuer::start().await.expect("an issuer");
    let token = issuer.token().sign();
    let refusing = |status: &'static str| {
        let response = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        serve(move |mut socket| respond(&mut socket, &response))
    };
    let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
    for (name, proxy) in [
        ("a proxy that wants credentials", refusing("407 Proxy Authentication Required")),
        ("a proxy that forbids the host", refusing("403 Forbidden")),
        ("a proxy that is down", free),
    ] {
        let proxy = Proxy::all(format!("http://{proxy}")).expect("an address");
        let builder = verifier(&issuer, "https://id.example/jwks".to_owned());
        let builder = builder.fetch(client(Client::builder().proxy(proxy)));
        explain(name, builder, &token, &["`https://id.example/jwks`", "proxy of this machine", "`NO_PROXY`"]).await;
    }
}

#[tokio::test]
async fn a_host_that_cannot_be_a_name_is_explained_without_asking_dns() {
    let issuer = ScriptedIssuer::start().await.expect("an issuer");
    // No label may have more than 63 letters. RFC 1035 section 2.3.4.
    let url = format!("https://{}.example/jwks", "a".repeat(64));
    let words = ["invalid dns name", "correct the host"];
    explain("an impossible host", verifier(&issuer, url), &issuer.token().sign(), &words).await;
}
