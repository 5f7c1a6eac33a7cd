//! Tokens of a real OpenID Connect provider, verified on both frameworks over real sockets.

mod dpop;
mod mcp;

use std::future::IntoFuture as _;
use std::net::{Ipv4Addr, TcpListener};
use std::process::Stdio;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpServer, web};
use axum::Router;
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jwt_core::logout::BackChannelLogout;
use jwt_core::revocation::MemoryRevocations;
use jwt_core::{ErrorKind, TrustedIssuer, Verifier};
use jwt_tests::answer::Answer;
use jwt_tests::setup::key;
use reqwest::{Client, RequestBuilder, Url};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

const ALGORITHMS: [&str; 4] = ["RS256", "PS256", "ES256", "EdDSA"];
const INVALID: &str = r#"Bearer realm="api", error="invalid_token""#;
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Deserialize, Serialize)]
struct User {
    sub: String,
    name: String,
}

/// The provider: a process that takes commands on its standard input.
struct Provider {
    child: Child,
    questions: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    about: Value,
}

impl Provider {
    async fn start() -> Self {
        let mut command = Command::new("node");
        command.arg("provider.mjs").current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/node"));
        let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = pipes.spawn().expect("node");
        let questions = child.stdin.take().expect("piped");
        let answers = BufReader::new(child.stdout.take().expect("piped")).lines();
        let mut provider = Self { child, questions, answers, about: Value::Null };
        provider.about = provider.answer().await;
        provider
    }

    async fn answer(&mut self) -> Value {
        let line = timeout(PATIENCE, self.answers.next_line()).await.expect("an answer in time");
        let line = line.expect("a line").expect("the provider runs: is `npm ci` done in tests/node?");
        serde_json::from_str(&line).expect("JSON")
    }

    async fn ask(&mut self, question: &str) -> Value {
        self.questions.write_all(format!("{question}\n").as_bytes()).await.expect("the provider listens");
        let answer = self.answer().await;
        assert!(answer["error"].is_null(), "{answer}");
        answer
    }

    /// Returns how often the key set was fetched.
    async fn fetches(&mut self) -> u64 {
        self.ask("requests").await["requests"]["/jwks"].as_u64().expect("a count")
    }

    fn text(&self, name: &str) -> &str {
        self.about[name].as_str().expect("a string")
    }

    fn resource(&self, algorithm: &str) -> String {
        self.about["resources"][algorithm].as_str().expect("a resource").to_owned()
    }

    /// Gets an access token for a resource, or an opaque one without (RFC 6749 section 4.4, RFC 8707 section 2).
    async fn token(&self, resource: Option<&str>) -> String {
        let mut form = Url::parse(self.text("token_endpoint")).expect("an address");
        form.query_pairs_mut().append_pair("grant_type", "client_credentials");
        if let Some(resource) = resource {
            form.query_pairs_mut().append_pair("resource", resource).append_pair("scope", self.text("scope"));
        }
        let request = client().post(self.text("token_endpoint")).body(form.query().unwrap_or_default().to_owned());
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let answer = answer(request.basic_auth(self.text("client_id"), Some(self.text("client_secret")))).await;
        let body: Value = serde_json::from_slice(&answer.body).expect("JSON");
        body["access_token"].as_str().unwrap_or_else(|| panic!("{body}")).to_owned()
    }

    fn trusted(&self, audience: &str) -> TrustedIssuer {
        TrustedIssuer::discover(self.text("issuer")).audience(audience)
    }

    /// A verifier for the provider's access tokens with this audience.
    fn verifier(&self, audience: &str) -> Verifier {
        Verifier::builder().issuer(self.trusted(audience).access_token_profile()).build().expect("a verifier")
    }

    /// Stops the provider by closing its standard input.
    async fn stop(mut self) {
        drop(self.questions);
        timeout(PATIENCE, self.child.wait()).await.expect("an end").expect("a status");
    }
}

/// The same application on both frameworks, with one verifier.
struct Services {
    urls: [String; 2],
    axum: JoinHandle<std::io::Result<()>>,
    actix: ServerHandle,
}

impl Services {
    fn start(verifier: &Verifier) -> Self {
        let issuer = TrustedIssuer::new("https://nobody.example").key(key().verification_key()).audience("nobody");
        let nobody = BackChannelLogout::new(Verifier::builder().issuer(issuer), MemoryRevocations::new());
        Self::with_logout(verifier, &nobody.expect("a receiver"))
    }

    fn with_logout(verifier: &Verifier, logout: &BackChannelLogout) -> Self {
        let listen = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let (first, second) = (listen(), listen());
        let urls = [&first, &second].map(|listener| format!("http://{}/me", listener.local_addr().expect("bound")));

        first.set_nonblocking(true).expect("a socket");
        let listener = tokio::net::TcpListener::from_std(first).expect("a socket");
        let layer = jwt_tower::JwtLayer::new(verifier.clone());
        let app = Router::new()
            .route("/me", get(async |jwt_tower::Claims(user): jwt_tower::Claims<User>| axum::Json(user)))
            .layer(layer)
            .route_service("/logout", jwt_tower::endpoint(logout.clone()));
        let axum = tokio::spawn(axum::serve(listener, app).into_future());

        let middleware = jwt_actix::JwtMiddleware::new(verifier.clone());
        let me = async |jwt_actix::Claims(user): jwt_actix::Claims<User>| web::Json(user);
        let logout = logout.clone();
        let server = HttpServer::new(move || {
            App::new()
                .service(web::resource("/me").wrap(middleware.clone()).route(web::get().to(me)))
                .route("/logout", jwt_actix::endpoint(logout.clone()))
        });
        let server = server.workers(1).disable_signals().listen(second).expect("a socket").run();
        let actix = server.handle();
        tokio::spawn(server);
        Self { urls, axum, actix }
    }

    /// Sends a token to both, and compares the responses.
    async fn send(&self, token: &str) -> Answer {
        let [first, second] = &self.urls;
        let first = answer(client().get(first).bearer_auth(token)).await;
        let second = answer(client().get(second).bearer_auth(token)).await;
        assert_eq!(first, second, "axum, left, and actix-web, right");
        first
    }

    async fn accept(&self, token: &str, sub: &str) {
        let answer = self.send(token).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")), "{answer:?}");
        let user: User = serde_json::from_slice(&answer.body).expect("JSON");
        assert_eq!((user.sub.as_str(), user.name.as_str()), (sub, "Ada"));
    }

    async fn refuse(&self, token: &str) {
        let answer = self.send(token).await;
        let seen = (answer.status, answer.header("www-authenticate"), answer.headers.len(), answer.body.len());
        assert_eq!(seen, (401, Some(INVALID), 1, 0), "{answer:?}");
    }

    async fn stop(self) {
        self.axum.abort();
        self.actix.stop(false).await;
    }
}

fn client() -> Client {
    Client::builder().no_proxy().timeout(PATIENCE).build().expect("a client")
}

async fn answer(request: RequestBuilder) -> Answer {
    let response = request.send().await.expect("an answer");
    let status = response.status().as_u16();
    let headers = response.headers().iter().map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()));
    let headers: Vec<_> = headers.collect();
    Answer::new(status, headers, response.bytes().await.expect("a body").to_vec(), None)
}

async fn refusal(verifier: &Verifier, token: &str) -> ErrorKind {
    verifier.verify(token).await.expect_err("a refusal").kind()
}

/// Returns the token with a change in each of its parts, which stay well-formed.
fn tampered(token: &str) -> [String; 3] {
    let parts: Vec<&str> = token.split('.').collect();
    let decoded = |part: usize| URL_SAFE_NO_PAD.decode(parts[part]).expect("base64url");
    let with_member = |part: usize| {
        let mut members: Value = serde_json::from_slice(&decoded(part)).expect("JSON");
        members["role"] = "admin".into();
        URL_SAFE_NO_PAD.encode(members.to_string())
    };
    let mut signature = decoded(2);
    signature[0] ^= 1;
    [
        [with_member(0).as_str(), parts[1], parts[2]].join("."),
        [parts[0], &with_member(1), parts[2]].join("."),
        [parts[0], parts[1], &URL_SAFE_NO_PAD.encode(signature)].join("."),
    ]
}

#[tokio::test]
#[ignore = "needs node: see CONTRIBUTING.md"]
async fn access_tokens_of_every_algorithm_are_accepted_for_their_audience_and_unchanged() {
    let mut provider = Provider::start().await;
    let other = provider.text("other_resource").to_owned();
    for algorithm in ALGORITHMS {
        let resource = provider.resource(algorithm);
        let token = provider.token(Some(&resource)).await;
        let verifier = provider.verifier(&resource);
        let service = Services::start(&verifier);

        service.accept(&token, provider.text("client_id")).await;
        let user_token = provider.ask(&format!("user_token {algorithm}")).await;
        let sub = provider.about["user"]["sub"].as_str().expect("a string");
        service.accept(user_token["access_token"].as_str().expect("a token"), sub).await;

        for token in tampered(&token) {
            service.refuse(&token).await;
            assert_eq!(refusal(&verifier, &token).await, ErrorKind::BadSignature, "{algorithm}");
        }
        let foreign = provider.token(Some(&other)).await;
        service.refuse(&foreign).await;
        assert_eq!(refusal(&verifier, &foreign).await, ErrorKind::WrongAudience, "{algorithm}");
        service.stop().await;

        let elsewhere = provider.verifier(&other);
        let service = Services::start(&elsewhere);
        service.refuse(&token).await;
        assert_eq!(refusal(&elsewhere, &token).await, ErrorKind::WrongAudience, "{algorithm}");
        service.accept(&foreign, provider.text("client_id")).await;
        service.stop().await;
    }
    provider.stop().await;
}

#[tokio::test]
#[ignore = "needs node: see CONTRIBUTING.md"]
async fn an_id_token_is_not_accepted_as_an_access_token_even_if_only_its_type_differs() {
    let mut provider = Provider::start().await;
    let id_token = provider.ask("id_token").await["id_token"].as_str().expect("a token").to_owned();
    for audience in [provider.resource("RS256"), provider.text("client_id").to_owned()] {
        let verifier = provider.verifier(&audience);
        let service = Services::start(&verifier);
        service.refuse(&id_token).await;
        assert_eq!(refusal(&verifier, &id_token).await, ErrorKind::WrongType);
        service.stop().await;
    }
    // With the client as the audience, only the type and the claims of ID tokens show the difference.
    let trusted = || provider.trusted(provider.text("client_id"));
    for (trusted, accepted) in
        [(trusted(), false), (trusted().token_types(["at+jwt"]), false), (trusted().dangerous_accept_id_tokens(), true)]
    {
        let verifier = Verifier::builder().issuer(trusted).build().expect("a verifier");
        assert_eq!(verifier.verify(&id_token).await.is_ok(), accepted);
    }
    provider.stop().await;
}

#[tokio::test]
#[ignore = "needs node: see CONTRIBUTING.md"]
async fn an_opaque_token_is_refused_without_asking_the_provider() {
    let mut provider = Provider::start().await;
    let service = Services::start(&provider.verifier(&provider.resource("RS256")));
    let opaque = provider.token(None).await;
    assert!(!opaque.contains('.'));
    service.refuse(&opaque).await;
    assert_eq!(provider.fetches().await, 0);
    service.stop().await;
    provider.stop().await;
}

#[tokio::test]
#[ignore = "needs node: see CONTRIBUTING.md"]
async fn keys_are_fetched_once_and_again_when_a_token_names_a_new_one() {
    let mut provider = Provider::start().await;
    let resource = provider.resource("ES256");
    let service = Services::start(&provider.verifier(&resource));
    let old = provider.token(Some(&resource)).await;

    // All at once, before any key was fetched: one fetch serves all requests.
    let mut requests = JoinSet::new();
    for url in service.urls.iter().cycle().take(100) {
        requests.spawn(answer(client().get(url).bearer_auth(&old)));
    }
    for answer in requests.join_all().await {
        assert_eq!(answer.status, 200);
    }
    assert_eq!(provider.fetches().await, 1);

    provider.ask("rotate").await;
    let new = provider.token(Some(&resource)).await;
    let client_id = provider.text("client_id").to_owned();
    // The old key set stays in use until a token names the new key.
    service.accept(&old, &client_id).await;
    assert_eq!(provider.fetches().await, 1);
    for _ in 0..10 {
        service.accept(&new, &client_id).await;
    }
    assert_eq!(provider.fetches().await, 2);
    // The old key has been withdrawn. A flood of such tokens costs the provider one more request, no matter how many
    // there are.
    for _ in 0..10 {
        service.refuse(&old).await;
    }
    assert_eq!(provider.fetches().await, 3);
    service.accept(&new, &client_id).await;
    service.stop().await;
    provider.stop().await;
}

#[tokio::test]
#[ignore = "needs node: see CONTRIBUTING.md"]
async fn a_logout_at_the_provider_revokes_the_tokens_here() {
    let mut provider = Provider::start().await;
    let resource = provider.resource("RS256");
    let sub = provider.about["user"]["sub"].as_str().expect("a string").to_owned();
    // One service for each framework's endpoint, so that the test shows that both receive the logout.
    for framework in 0..2 {
        let revocations = MemoryRevocations::new();
        let trusted = provider.trusted(&resource).access_token_profile();
        let verifier =
            Verifier::builder().issuer(trusted).revocations(revocations.clone()).build().expect("a verifier");
        let client = Verifier::builder().issuer(provider.trusted(provider.text("client_id")));
        // The provider's access tokens have no session identifier.
        let logout = BackChannelLogout::new(client, revocations).expect("a receiver").whole_subject();
        let service = Services::with_logout(&verifier, &logout);
        let token = provider.ask("user_token RS256").await["access_token"].as_str().expect("a token").to_owned();
        service.accept(&token, &sub).await;
        let address = service.urls[framework].replace("/me", "/logout");
        assert_eq!(provider.ask(&format!("log_out {address} session-1")).await["logged_out"], true);
        service.refuse(&token).await;
        assert_eq!(refusal(&verifier, &token).await, ErrorKind::Revoked);
        // The client's own token belongs to no user.
        service.accept(&provider.token(Some(&resource)).await, provider.text("client_id")).await;
        service.stop().await;
    }
    provider.stop().await;
}
