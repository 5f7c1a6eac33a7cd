use axum::extract::Request;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use axum::{Form, Json, Router};
use http::header::{AUTHORIZATION, CACHE_CONTROL, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue};
use http_body_util::BodyExt as _;
use jwt_core::Error;
use jwt_core::authorize::scopes;
use jwt_core::gate::RequestState;
use jwt_core::gate::load;
use jwt_core::http::Peer;
use jwt_core::verify::Authenticator;
use jwt_tower::{
    Authorized, Claims, GateLayer, JwtLayer, OptionalAuthorized, OptionalClaims, OptionalPrincipal, Principal,
    PrincipalLayer, Rejection, RequireExt as _, RequireLayer, SetCookies, SharedClaims, Verified,
};
use tower::ServiceExt as _;
use tower_http::cors::CorsLayer;

use crate::adapter::Application;
use crate::answer::Answer;
use crate::ask::Ask;

use crate::handlers::told;

crate::handlers::handlers!();

async fn no_store(_: Verified) -> impl IntoResponse {
    ([(CACHE_CONTROL, "no-store")], "secret")
}

async fn socket(_: Verified) -> impl IntoResponse {
    (http::StatusCode::SWITCHING_PROTOCOLS, [("sec-websocket-accept", "x")])
}

async fn socket_chat(_: Verified) -> impl IntoResponse {
    let headers = [("sec-websocket-accept", "x"), ("sec-websocket-protocol", "chat")];
    (http::StatusCode::SWITCHING_PROTOCOLS, headers)
}

async fn received(request: Request) -> String {
    let target = request.uri().path_and_query().map(ToString::to_string).unwrap_or_default();
    let headers = request.headers().iter().map(|(name, value)| format!("{name}: {}", value.as_bytes().escape_ascii()));
    told(target, headers.collect())
}

async fn cookies() -> impl IntoResponse {
    (SetCookies(crate::handlers::login()), "welcome")
}

async fn no_cookies() -> impl IntoResponse {
    (SetCookies(jwt_core::http::Cookies::new().clear()), ([(CACHE_CONTROL, "private")], "bye"))
}

fn router(application: &Application) -> Router {
    let jwt = || JwtLayer::new(application.required());
    let pass = application.lenient.clone();
    let lenient = jwt().dangerous_anonymous_when(move |error| pass(error));
    let required_scopes = || RequireLayer::new(scopes(application.scopes.clone()));
    let principals = || PrincipalLayer::new(application.directory.gate());
    let tenants = || PrincipalLayer::new(load(tenant));
    let forward = || GateLayer::new(application.forward.clone());
    let required = || application.requirement.clone();
    let scoped = Router::new().route("/allowed", get(user)).requires(required());
    let nested = Router::new().route("/user", get(user)).layer(jwt());
    let mut router = Router::new()
        .route("/me", get(me).post(me))
        .route("/echo", post(echo))
        .route("/asks", post(asks))
        .route("/form", post(form))
        .route("/user", get(user))
        .route("/both", get(both))
        .route("/number", get(number))
        .route("/shared", get(shared))
        .route("/shared-number", get(shared_number))
        .route("/verified", get(verified))
        .route("/no-store", get(no_store))
        .route("/socket", get(socket))
        .route("/socket-chat", get(socket_chat))
        .route("/panic", get(panic))
        .route("/panicking-claims", get(panicking_claims))
        .route("/reports", get(user).layer(required_scopes()))
        .route("/allowed", get(user).requires(required()))
        .nest("/scoped", scoped)
        .route("/principal", get(principal).layer(principals()))
        .route("/principal-twice", get(principal_twice).layer(principals()))
        .route("/principal-unasked", get(public).layer(principals()))
        .route("/principal-and-tenant", get(principal_and_tenant).layer((tenants(), principals())))
        .route("/principal-of-another", get(principal).layer((principals(), JwtLayer::new(application.inner()))))
        .route("/principal-unloaded", get(principal))
        .route("/forwarded", get(received).layer(forward()))
        .route("/policy", get(policy))
        .route("/policy-later", get(policy_later))
        .route_layer(jwt())
        .nest("/outer", Router::new().nest("/inner", nested))
        .route("/optional", get(optional).layer(jwt().optional()))
        .route("/optional-me", get(me).layer(jwt().optional()))
        .route("/optional-reports", get(user).layer((jwt().optional(), required_scopes())))
        .route("/optional-allowed", get(user).requires(required()).layer(jwt().optional()))
        .route("/optional-policy", get(policy).layer(jwt().optional()))
        .route("/optional-authorized", get(optional_authorized).layer(jwt().optional()))
        .route("/optional-authorized-later", get(optional_authorized_later).layer(jwt().optional()))
        .route("/optional-principal", get(optional_principal).layer((jwt().optional(), principals())))
        .route("/optional-principal-unloaded", get(optional_principal).layer(jwt().optional()))
        .route("/optional-forwarded", get(received).layer((jwt().optional(), forward())))
        .route("/lenient", get(optional).layer(lenient))
        .route("/public", get(public))
        .route("/any", any(optional).layer(jwt().optional()))
        .route("/any-unasked", any(public).layer(jwt()))
        .route("/cors-inside", get(user).layer((jwt(), cors(application))))
        .route("/cookies", get(cookies))
        .route("/no-cookies", get(no_cookies))
        .route("/bare", get(user))
        .route("/bare-optional", get(optional))
        .route("/bare-shared", get(shared))
        .route("/bare-verified", get(verified))
        .route("/bare-require", get(public).layer(required_scopes()))
        .route("/bare-principal", get(principal))
        .route("/bare-principal-layer", get(public).layer(principals()))
        .route("/bare-forwarded", get(received).layer(forward()))
        .route("/bare-policy", get(policy))
        .route("/bare-optional-authorized", get(optional_authorized))
        .route("/bare-allowed", get(public).requires(required()));
    if application.tells {
        router = router.layer(middleware::map_response(tell));
    }
    if let Some(metadata) = application.verifier.resource_metadata() {
        router = router.route_service("/metadata", jwt_tower::endpoint(metadata.endpoint()));
    }
    if let Some(logout) = application.logout.clone() {
        router = router.route_service("/backchannel-logout", jwt_tower::endpoint(logout));
    }
    if let Some(identity) = application.planted.clone() {
        router = router.layer(middleware::from_fn(move |request, next| plant(identity.clone(), request, next)));
    }
    if application.origin.is_some() {
        router = router.layer(cors(application));
    }
    router
}

fn cors(application: &Application) -> CorsLayer {
    let origin = application.origin.unwrap_or("https://nowhere.example");
    CorsLayer::new()
        .allow_origin(HeaderValue::from_static(origin))
        .allow_headers([AUTHORIZATION, HeaderName::from_static("dpop")])
        .expose_headers([WWW_AUTHENTICATE, HeaderName::from_static("dpop-nonce")])
}

fn guarded(guard: &Authenticator) -> Router {
    Router::new()
        .route("/health", get(public))
        .route("/forgotten", get(public))
        .route("/user", get(user))
        .route("/admin", get(user))
        .route("/reports/{id}", get(user).put(user))
        .route("/policy-later", get(policy_later))
        .route("/optional", get(optional))
        .route("/public/{*rest}", get(public))
        .nest("/scoped", Router::new().route("/allowed", get(user)))
        .layer(JwtLayer::new(guard.clone()))
}

async fn tell(mut response: Response) -> Response {
    if let Some(code) = response.extensions().get::<Error>().map(Error::code) {
        response.headers_mut().insert("x-error-code", HeaderValue::from_static(code));
    }
    response
}

async fn plant(state: RequestState, mut request: Request, next: Next) -> Response {
    request.extensions_mut().insert(state);
    next.run(request).await
}

pub(crate) async fn send(application: &Application, ask: &Ask) -> Answer {
    let router = application.guard.as_ref().map_or_else(|| router(application), guarded);
    send_to(router, ask).await
}

pub(crate) async fn send_to(router: Router, ask: &Ask) -> Answer {
    let mut request = http::Request::builder().method(ask.method).uri(&ask.target);
    for (name, value) in &ask.headers {
        request = request.header(name, HeaderValue::from_bytes(value).expect("a header value"));
    }
    let body = match &ask.arrival {
        Some(arrival) => axum::body::Body::from_stream(arrival.of(&ask.body)),
        None => axum::body::Body::from(ask.body.clone()),
    };
    let mut request = request.body(body).expect("a request");
    if let Some(peer) = ask.peer {
        request.extensions_mut().insert(Peer::new().address(peer));
    }
    let response = router.oneshot(request).await.expect("routers return no errors");
    let (parts, body) = response.into_parts();
    let body = body.collect().await.expect("a body").to_bytes().to_vec();
    let headers = parts.headers.iter().map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()));
    Answer::new(parts.status.as_u16(), headers, body, parts.extensions.get())
}
