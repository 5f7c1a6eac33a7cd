//! A server with TLS and a certificate authority of its own.

use std::fs;
use std::process::Command;
use std::time::Duration;

use jwt_core::issue::SessionStore as _;
use jwt_core::revocation::{Revocation, RevocationSettings};
use jwt_core::store::redis::{ClientTlsConfig, TlsCertificates};
use jwt_core::store::{RedisSessions, RedisSettings};
use jwt_tests::certificates;
use jwt_tests::forge::ISSUER;
use jwt_tests::log::Log;
use jwt_tests::session_contract::session;

use super::server::Server;
use super::setup::{Node, until};

fn start() -> Server {
    start_for("no")
}

/// `clients` says whether clients must have a certificate.
fn start_for(clients: &str) -> Server {
    let mut server = Server::down();
    certificates::make(server.folder());
    server.use_tls(clients);
    server.revive();
    server
}

fn patient(settings: RedisSettings) -> RedisSettings {
    settings.timeout(Duration::from_secs(20)).connect_timeout(Duration::from_secs(20))
}

fn authority(server: &Server) -> TlsCertificates {
    let root = fs::read(server.folder().join("ca.pem")).expect("a certificate");
    TlsCertificates { client_tls: None, root_cert: Some(root) }
}

#[tokio::test]
#[ignore = "needs redis-server and openssl: see CONTRIBUTING.md"]
async fn stores_connect_over_tls_with_an_authority_of_their_own() {
    let server = start();
    let address = format!("rediss://127.0.0.1:{}/", server.port());
    let settings = |settings: RedisSettings| {
        settings
            .timeout(Duration::from_secs(20))
            .connect_timeout(Duration::from_secs(20))
            .certificates(authority(&server))
    };
    let node = Node::at(&address, settings, RevocationSettings::new()).synced().await;
    node.list.revoke(&Revocation::session(ISSUER, "a")).await.expect("revoked");
    let other = Node::at(&address, settings, RevocationSettings::new()).synced().await;
    other.until_session("a", Some(jwt_core::ErrorKind::Revoked)).await;
    let store = RedisSessions::connect(&address, &settings(RedisSettings::new())).expect("an address");
    store.create(&session("joe", "s"), 100).await.expect("space");
}

#[tokio::test]
#[ignore = "needs redis-server and openssl: see CONTRIBUTING.md"]
async fn an_untrusted_certificate_is_called_that() {
    let (server, stranger) = (start(), start());
    let log = Log::start();
    let address = format!("rediss://127.0.0.1:{}/", server.port());
    let store = RedisSessions::connect(&address, &RedisSettings::new()).expect("an address");
    assert!(store.create(&session("joe", "s"), 100).await.is_err());
    let reports = || log.text().matches("untrusted certificate: it isn't signed by").count();
    assert_eq!(reports(), 1, "{}", log.text());
    let node = Node::at(&address, |s| s.certificates(authority(&stranger)), RevocationSettings::new());
    until("a warning", async || reports() > 1).await;
    assert!(!node.list.is_current());
    // The certificate is valid for another name than the one in the address.
    let address = format!("rediss://localhost:{}/", server.port());
    let settings = RedisSettings::new().certificates(authority(&server));
    let store = RedisSessions::connect(address, &settings).expect("an address");
    assert!(store.create(&session("joe", "s"), 100).await.is_err());
    assert!(log.text().contains("untrusted certificate: it names another server"), "{}", log.text());
}

#[tokio::test]
#[ignore = "needs redis-server and openssl: see CONTRIBUTING.md"]
async fn a_certificate_that_expires_is_noticed_with_the_next_connection_and_so_is_a_new_one() {
    let server = start();
    let sign = "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -extfile names -days 0 -out expired.pem";
    let signed = Command::new("openssl").args(sign.split(' ')).current_dir(server.folder()).output();
    assert!(signed.expect("openssl is installed").status.success());
    let address = format!("rediss://127.0.0.1:{}/", server.port());
    let settings = |settings: RedisSettings| patient(settings).certificates(authority(&server));
    let node = Node::at(&address, settings, RevocationSettings::new()).synced().await;
    let store = RedisSessions::connect(&address, &settings(RedisSettings::new())).expect("an address");
    store.create(&session("joe", "s"), 100).await.expect("space");
    let cli = |command: &[&str]| {
        let mut cli = Command::new("redis-cli");
        cli.args(["-p", &server.port().to_string(), "--tls", "--insecure"]).args(command);
        let output = cli.output().expect("redis-cli is installed");
        String::from_utf8(output.stdout).expect("text").trim().to_owned()
    };
    let revocation = Revocation::session(ISSUER, "a");
    node.list.revoke(&revocation).await.expect("revoked");
    assert_eq!(cli(&["CONFIG", "SET", "tls-cert-file", "expired.pem"]), "OK");
    node.list.revoke(&revocation).await.expect("the connection is open");
    // It's still valid in the second of its signature.
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let log = Log::start();
    for kind in ["normal", "pubsub"] {
        cli(&["CLIENT", "KILL", "TYPE", kind]);
    }
    until("a refusal", async || {
        let is_refused = store.find("joe", "s").await.is_err() && node.list.revoke(&revocation).await.is_err();
        is_refused && log.text().contains("untrusted certificate: it has expired")
    })
    .await;
    node.clock.advance(Duration::from_secs(10));
    assert_eq!(node.session("good").await, Some(jwt_core::ErrorKind::RevocationUnavailable));
    assert_eq!(cli(&["CONFIG", "SET", "tls-cert-file", "server.pem"]), "OK");
    node.until_session("good", None).await;
    assert!(store.find("joe", "s").await.expect("an answer").is_some());
}

#[tokio::test]
#[ignore = "needs redis-server and openssl: see CONTRIBUTING.md"]
async fn a_server_that_asks_for_client_certificates_gets_one() {
    let server = start_for("yes");
    let address = format!("rediss://127.0.0.1:{}/", server.port());
    let read = |name: &str| fs::read(server.folder().join(name)).expect("a file");
    let client = ClientTlsConfig { client_cert: read("server.pem"), client_key: read("server.key") };
    let certificates = TlsCertificates { client_tls: Some(client), ..authority(&server) };
    let settings = |settings: RedisSettings| patient(settings).certificates(certificates.clone());
    let node = Node::at(&address, settings, RevocationSettings::new()).synced().await;
    node.list.revoke(&Revocation::session(ISSUER, "a")).await.expect("revoked");
    let store = RedisSessions::connect(&address, &settings(RedisSettings::new())).expect("an address");
    store.create(&session("joe", "s"), 100).await.expect("space");
    let text = format!("{:?}", settings(RedisSettings::new()));
    assert!(!text.contains("45, 45, 45") && !text.contains("BEGIN"), "{text}");
    // Without one, the server accepts nothing.
    let bare = patient(RedisSettings::new()).certificates(authority(&server));
    let store = RedisSessions::connect(&address, &bare).expect("an address");
    assert!(store.find("joe", "s").await.is_err());
    let log = Log::start();
    let node = Node::at(&address, |_| bare, RevocationSettings::new());
    until("a refusal", async || log.text().contains("connecting again")).await;
    assert!(!node.list.is_current());
}

#[tokio::test]
#[ignore = "needs redis-server and openssl: see CONTRIBUTING.md"]
async fn a_primary_is_found_by_a_sentinel_over_tls() {
    let primary = start();
    let sentinel = Server::sentinel_with_tls(&primary);
    let address = format!("rediss+sentinel://127.0.0.1:{}/main", sentinel.port());
    let settings = |settings: RedisSettings| patient(settings).certificates(authority(&primary));
    let node = Node::at(&address, settings, RevocationSettings::new()).synced().await;
    node.list.revoke(&Revocation::session(ISSUER, "a")).await.expect("revoked");
    let direct = format!("rediss://127.0.0.1:{}/", primary.port());
    let other = Node::at(&direct, settings, RevocationSettings::new()).synced().await;
    other.until_session("a", Some(jwt_core::ErrorKind::Revoked)).await;
    let store = RedisSessions::connect(&address, &settings(RedisSettings::new())).expect("an address");
    store.create(&session("joe", "s"), 100).await.expect("space");
    // The Sentinel's certificate is checked too.
    let stranger = patient(RedisSettings::new()).certificates(authority(&start()));
    let store = RedisSessions::connect(&address, &stranger).expect("an address");
    assert!(store.find("joe", "s").await.is_err());
}
