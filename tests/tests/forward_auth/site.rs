//! A site behind a gate: an issuer, the gate, and the upstream service.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use jwt_core::testing::{AUDIENCE, ScriptedIssuer, TestToken};
use jwt_core::{Clock as _, SystemClock};
use jwt_examples::forward_auth::{Framework, Gate, Server};
use jwt_tests::proof::BASE;
use reqwest::{Client, Method, Response};

/// The headers that tell the upstream service about the user.
pub(crate) const HEADERS: &str = "x-user = '/sub'\nx-scope = '/scope'\n";

/// The secret of the nonces for proofs.
pub(crate) const NONCE_SECRET: &str = "a secret of thirty-two bytes ....";
/// How often nonces change.
pub(crate) const NONCE_PERIOD: Duration = Duration::from_secs(86_400);

pub(crate) struct Site {
    dpop: bool,
    pub(crate) issuer: ScriptedIssuer,
    pub(crate) gate: Gate,
    pub(crate) server: Server,
    pub(crate) folder: PathBuf,
}

impl Site {
    pub(crate) async fn start(framework: Framework) -> Self {
        Self::with(framework, ScriptedIssuer::start().await.expect("an issuer"))
    }

    /// Starts a site whose tokens are bound to keys, with proofs that need a nonce.
    pub(crate) async fn bound(framework: Framework) -> Self {
        Self::new(framework, ScriptedIssuer::start().await.expect("an issuer"), true)
    }

    pub(crate) fn with(framework: Framework, issuer: ScriptedIssuer) -> Self {
        Self::new(framework, issuer, false)
    }

    fn new(framework: Framework, issuer: ScriptedIssuer, dpop: bool) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("gate-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&folder).expect("a folder");
        write(&folder, &issuer, HEADERS, dpop);
        let gate = Gate::load(&folder.join("gate.toml")).expect("a configuration");
        let server = Server::start(framework, &gate).expect("a free port");
        Self { dpop, issuer, gate, server, folder }
    }

    /// Writes the configuration again, with these headers.
    pub(crate) fn configure(&self, headers: &str) {
        write(&self.folder, &self.issuer, headers, self.dpop);
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// A token that is valid now.
    pub(crate) fn token(&self) -> TestToken {
        self.issuer.token().valid_from(SystemClock.now())
    }

    /// Asks the gate as a proxy would.
    pub(crate) async fn ask(&self, path: &str, headers: &[(&str, &str)]) -> Response {
        send(Method::GET, &format!("http://{}{path}", self.address()), headers).await
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn write(folder: &Path, issuer: &ScriptedIssuer, headers: &str, dpop: bool) {
    let secret = folder.join("nonces");
    let (mode, dpop) = if dpop {
        fs::write(&secret, NONCE_SECRET).expect("a file");
        let period = NONCE_PERIOD.as_secs();
        let secret = secret.display();
        let settings =
            format!("[verifier.dpop]\nurl = '{BASE}'\nnonce_secret_file = '{secret}'\nnonce_period = {period}\n");
        ("required", settings)
    } else {
        ("off", String::new())
    };
    let text = format!(
        "listen = '127.0.0.1:0'\n[headers]\n{headers}\n[policies.reports]\nscopes = ['reports:write']\n[policies.guests]\n\
         optional = true\n[verifier.sources]\ncookies = 'session'\n{dpop}[[verifier.issuers]]\nissuer = '{}'\naudience = '{AUDIENCE}'\n\
         discover = true\ndpop = '{mode}'\n",
        issuer.name()
    );
    fs::write(folder.join("gate.toml"), text).expect("a file");
}

pub(crate) async fn send(method: Method, url: &str, headers: &[(&str, &str)]) -> Response {
    let client = Client::builder().no_proxy().build().expect("a client");
    let request = client.request(method, url);
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    request.send().await.expect("an answer")
}

/// Starts the upstream service, which answers with the headers that it gets, a line each.
pub(crate) async fn upstream() -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let show = |request: Request| async move {
        let lines = request.headers().iter();
        lines
            .map(|(name, value)| format!("{name}: {}\n", String::from_utf8_lossy(value.as_bytes())))
            .collect::<String>()
    };
    tokio::spawn(axum::serve(listener, Router::new().fallback(show)).into_future());
    address
}
