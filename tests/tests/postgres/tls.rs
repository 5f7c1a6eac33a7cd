//! A server with TLS and a certificate authority of its own.

use std::sync::Arc;

use jwt_core::ErrorKind;
use jwt_core::issue::SessionStore as _;
use jwt_core::revocation::Revocation;
use jwt_core::store::tokio_postgres::Config;
use jwt_core::store::tokio_postgres::config::SslMode;
use jwt_core::store::{PostgresRevocations, PostgresSessions, PostgresSettings};
use jwt_tests::forge::ISSUER;
use jwt_tests::log::Log;
use jwt_tests::revocation_contract::{outcome, until};
use jwt_tests::session_contract::session;
use jwt_tests::setup::{builder, good};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::server::Server;

/// Trusts the authority of this server only.
fn trusting(server: &Server) -> MakeRustlsConnect {
    let mut roots = RootCertStore::empty();
    let authority = CertificateDer::from_pem_file(server.folder().join("ca.pem")).expect("a certificate");
    roots.add(authority).expect("an authority");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().expect("versions");
    MakeRustlsConnect::new(config.with_root_certificates(roots).with_no_client_auth())
}

fn config(server: &Server) -> Config {
    let mut config = server.config();
    config.ssl_mode(SslMode::Require);
    config
}

#[tokio::test]
#[ignore = "needs postgresql and openssl: see CONTRIBUTING.md"]
async fn stores_connect_over_tls_with_an_authority_of_their_own() {
    let server = Server::with_tls();
    let store = PostgresSessions::connect(config(&server), trusting(&server), &PostgresSettings::new());
    until("a reloaded configuration", async || store.create(&session("joe", "s"), 100).await.is_ok()).await;
    let [one, other] =
        [(); 2].map(|()| PostgresRevocations::connect(config(&server), trusting(&server), PostgresSettings::new()));
    let verifier = builder().revocations(other.clone()).build().expect("a verifier");
    one.synced().await;
    other.synced().await;
    one.revoke(&Revocation::session(ISSUER, "s")).await.expect("revoked");
    let token = good().claim("sid", "s").sign();
    until("a refusal", async || outcome(&verifier, &token).await == Some(ErrorKind::Revoked)).await;
    assert_eq!(server.sql("SELECT count(*) > 2 FROM pg_stat_ssl WHERE ssl"), "t");
}

#[tokio::test]
#[ignore = "needs postgresql and openssl: see CONTRIBUTING.md"]
async fn the_log_says_that_a_certificate_is_not_trusted() {
    let (server, stranger) = (Server::with_tls(), Server::with_tls());
    let trusted = PostgresSessions::connect(config(&server), trusting(&server), &PostgresSettings::new());
    until("a reloaded configuration", async || trusted.find("joe", "s").await.is_ok()).await;
    let log = Log::start();
    let store = PostgresSessions::connect(config(&server), trusting(&stranger), &PostgresSettings::new());
    assert!(store.find("joe", "s").await.is_err());
    assert!(log.text().contains("invalid peer certificate"), "{}", log.text());
}
