//! A site behind a gate: an issuer, the gate, and the upstream service.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::Router;
use axum::extract::Request;
use jwt_core::testing::{AUDIENCE, ScriptedIssuer, TestToken};
use jwt_core::{Clock as _, SystemClock};
use jwt_examples::forward_auth::{Framework, Gate, Server};
use reqwest::{Client, Method, Response};

/// The headers that tell the upstream service about the user.
pub(crate) const HEADERS: &str = "x-user = '/sub'\nx-scope = '/scope'\n";

pub(crate) struct Site {
    pub(crate) issuer: ScriptedIssuer,
    pub(crate) gate: Gate,
    pub(crate) server: Server,
    pub(crate) folder: PathBuf,
}

impl Site {
    pub(crate) async fn start(framework: Framework) -> Self {
        Self::with(framework, ScriptedIssuer::start().await.expect("an issuer"))
    }

    pub(crate) fn with(framework: Framework, issuer: ScriptedIssuer) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("gate-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&folder).expect("a folder");
        write(&folder, &issuer, HEADERS);
        let gate = Gate::load(&folder.join("gate.toml")).expect("a configuration");
        let server = Server::start(framework, &gate).expect("a free port");
        Self { issuer, gate, server, folder }
    }

    /// Writes the configuration again, with these headers.
    pub(crate) fn configure(&self, headers: &str) {
        write(&self.folder, &self.issuer, headers);
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// A token that's valid now.
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

fn write(folder: &std::path::Path, issuer: &ScriptedIssuer, headers: &str) {
    let text = format!(
        "listen = '127.0.0.1:0'\n[headers]\n{headers}\n[policies.reports]\nscopes = ['reports:write']\n[policies.guests]\n\
         optional = true\n[verifier.sources]\ncookies = 'session'\n[[verifier.issuers]]\nissuer = '{}'\naudience = '{AUDIENCE}'\n\
         discover = true\n",
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
