//! An application that issues its own tokens, built for each adapter.

use std::time::Duration;

use jwt_core::Step;
use jwt_core::Verifier;
use jwt_core::crypto::SigningKey;
use jwt_core::gate::Endpoint;
use jwt_core::http::Cookies;
use jwt_core::issue::{ImplicitRefresh, KeyRing, TokenIssuer};
use jwt_core::issue::{MemorySessions, SessionStore, Sessions, SessionsBuilder};
use jwt_core::revocation::{MemoryRevocations, RevocationList, RevocationSettings, Standing, TokenIdentity};
use jwt_core::testing::ManualClock;

use crate::answer::Answer;
use crate::ask::Ask;
use crate::forge::{AUDIENCE, ISSUER, NOW};
use crate::setup::key;

/// The application under test. Its clock shows [`NOW`] until a test turns it.
///
/// | route | layer | handler |
/// | --- | --- | --- |
/// | `/jwks`, `/metadata` | no layer | the endpoints of the core |
/// | `/login` (`POST`) | no layer | starts a session for the subject in the body |
/// | `/refresh`, `/logout` (`POST`) | built in | the endpoints of the core |
/// | `/cookie-refresh`, `/cookie-logout` (`POST`) | built in | the same with the refresh token in a cookie |
/// | `/my-refresh` (`POST`) | for refresh tokens | the extractor `Refresh` |
/// | `/wrong-refresh` (`POST`) | for access tokens | the extractor `Refresh` |
/// | `/bare-refresh` (`POST`) | no layer | the extractor `Refresh` |
/// | `/me` | for access tokens | all claims, as JSON |
/// | `/fresh` | for access tokens | all claims of fresh tokens, as JSON |
/// | `/bare-fresh` | no layer | the extractor `Fresh` |
/// | `/page` | for access tokens in cookies, which are renewed | `a page` |
/// | `/shared-page` | the same | a page that shared caches may store |
/// | `/unnamed-page` | the same | a page with a `max-age`, but neither `public` nor `private` |
/// | `/my-page` | the same | a page that only the user's browser may store |
/// | `/page-logout` | the same | deletes the cookies, and sets a `max-age` |
/// | `/page-everywhere` | the same | revokes the subject's tokens, and leaves the cookies in place |
#[derive(Clone, Debug)]
#[must_use]
#[non_exhaustive]
pub struct Shop {
    /// The clock.
    pub clock: ManualClock,
    /// The keys.
    pub ring: KeyRing,
    /// The issuer.
    pub tokens: TokenIssuer,
    /// The sessions.
    pub sessions: Sessions,
    /// Accepts access tokens.
    pub verifier: Verifier,
    /// The requirement of the pages' layer, which waits for its answer.
    pub revocations: MemoryRevocations,
}

/// A revocation list that has to be awaited.
#[derive(Debug)]
struct Waiting(MemoryRevocations);

impl RevocationList for Waiting {
    fn look_up(&self, token: &TokenIdentity<'_>) -> Step<Standing> {
        let standing = self.0.look_up(token);
        Step::pending(async {
            tokio::task::yield_now().await;
            standing.wait().await
        })
    }
}

impl Shop {
    /// Creates it with one ES256 key and a session store in memory.
    pub fn usual() -> Self {
        Self::with(MemorySessions::new(), |sessions| sessions)
    }

    /// Creates it with another session store and other settings.
    ///
    /// # Panics
    ///
    /// Panics if it cannot be built.
    pub fn with(store: impl SessionStore + 'static, settings: impl FnOnce(SessionsBuilder) -> SessionsBuilder) -> Self {
        Self::signing_with(key(), store, settings)
    }

    /// Creates it with a second key.
    ///
    /// # Panics
    ///
    /// Panics if it cannot be built.
    pub fn signing_with(
        key: SigningKey,
        store: impl SessionStore + 'static,
        settings: impl FnOnce(SessionsBuilder) -> SessionsBuilder,
    ) -> Self {
        let clock = ManualClock::at(NOW);
        let ring = KeyRing::builder().key(key).clock(clock.clone()).build().expect("a ring");
        let tokens = TokenIssuer::builder(ISSUER, ring.clone()).audience(AUDIENCE).build().expect("an issuer");
        let sessions = settings(Sessions::builder(tokens.clone(), store)).build().expect("sessions");
        let verifier = Verifier::builder().issuer(tokens.trusted()).clock(clock.clone());
        let verifier = verifier.build().expect("a verifier");
        let revocations = MemoryRevocations::with_settings(RevocationSettings::new().clock(clock.clone()));
        Self { clock, ring, tokens, sessions, verifier, revocations }
    }

    /// Renews access tokens in cookies.
    pub fn implicit(&self) -> ImplicitRefresh {
        ImplicitRefresh::new(self.tokens.clone(), Cookies::new())
    }

    /// Accepts access tokens in cookies, unless they are revoked.
    fn page_verifier(&self) -> Verifier {
        let verifier = Verifier::builder().issuer(self.tokens.trusted()).clock(self.clock.clone());
        let verifier = verifier.sources(Cookies::new().sources()).revocations(Waiting(self.revocations.clone()));
        verifier.build().expect("a verifier")
    }

    fn cookie_logout(&self) -> Endpoint {
        self.sessions.logout_endpoint_with(&self.sessions.refresh_verifier(), &Cookies::new())
    }

    /// Advances the clock by this many seconds.
    pub fn wait(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// Sends a request to the application of every adapter and returns the response, which must be identical.
    ///
    /// Only for requests that change nothing or may be repeated.
    ///
    /// # Panics
    ///
    /// Panics if the responses differ.
    pub async fn send(&self, ask: &Ask) -> Answer {
        let (first, second) = (self.send_axum(ask).await, self.send_actix(ask).await);
        assert_eq!(first, second, "axum, left, and actix-web, right, to {} {}", ask.method, ask.target);
        first
    }

    /// Sends a request to the application built for axum.
    pub async fn send_axum(&self, ask: &Ask) -> Answer {
        crate::axum::send_to(axum::router(self), ask).await
    }

    /// Sends a request to the application built for actix-web.
    pub async fn send_actix(&self, ask: &Ask) -> Answer {
        crate::actix::send_to(actix::app(self), ask).await
    }
}

/// The scopes of the subject.
const SCOPES: [&str; 2] = ["reports:read", "profile"];

mod axum {
    use axum::extract::State;
    use axum::response::IntoResponse;
    use axum::routing::{get, post};
    use axum::{Json, Router};
    use jwt_core::http::Cookies;
    use jwt_core::issue::Sessions;
    use jwt_core::revocation::{MemoryRevocations, Revocation};
    use jwt_tower::{Claims, Fresh, GateLayer, JwtLayer, Refresh, Rejection, SetCookies, Tokens, Verified, endpoint};
    use serde_json::Value;

    use super::{SCOPES, Shop};

    async fn login(State(sessions): State<Sessions>, subject: String) -> Result<Tokens, Rejection> {
        Ok(Tokens(sessions.login(subject).scope(SCOPES).start().await?))
    }

    async fn refresh(State(sessions): State<Sessions>, Refresh(token): Refresh) -> Result<Tokens, Rejection> {
        Ok(Tokens(sessions.refresh(&token).await?))
    }

    async fn me(Claims(claims): Claims<Value>) -> Json<Value> {
        Json(claims)
    }

    async fn fresh(Fresh(claims): Fresh<Value>) -> Json<Value> {
        Json(claims)
    }

    async fn page() -> &'static str {
        "a page"
    }

    async fn shared_page() -> impl IntoResponse {
        ([("cache-control", "max-age=60, PUBLIC")], "a page")
    }

    async fn unnamed_page() -> impl IntoResponse {
        ([("cache-control", "max-age=60")], "a page")
    }

    async fn my_page() -> impl IntoResponse {
        ([("cache-control", "max-age=60, Private")], "a page")
    }

    async fn page_everywhere(State(revocations): State<MemoryRevocations>, verified: Verified) -> &'static str {
        revocations.revoke(&Revocation::subject_of(&verified)).expect("space");
        "a page"
    }

    async fn page_logout() -> impl IntoResponse {
        ([("cache-control", "max-age=60")], SetCookies(Cookies::new().clear()), "bye")
    }

    pub(super) fn router(shop: &Shop) -> Router {
        let pages = Router::new()
            .route("/page", get(page))
            .route("/shared-page", get(shared_page))
            .route("/unnamed-page", get(unnamed_page))
            .route("/my-page", get(my_page))
            .route("/page-logout", get(page_logout))
            .route("/page-everywhere", get(page_everywhere))
            .with_state(shop.revocations.clone())
            .layer(GateLayer::new(shop.implicit()))
            .layer(JwtLayer::new(shop.page_verifier()).optional());
        let metadata = shop.tokens.metadata_endpoint("https://id.example/jwks", []).expect("public keys");
        let verifier = || JwtLayer::new(shop.verifier.clone());
        Router::new()
            .route_service("/jwks", endpoint(shop.ring.jwks().expect("public keys")))
            .route_service("/metadata", endpoint(metadata))
            .route_service("/refresh", endpoint(shop.sessions.refresh_endpoint()))
            .route_service("/logout", endpoint(shop.sessions.logout_endpoint(&shop.verifier)))
            .route_service("/cookie-refresh", endpoint(shop.sessions.refresh_endpoint_with(&Cookies::new())))
            .route_service("/cookie-logout", endpoint(shop.cookie_logout()))
            .route("/login", post(login))
            .route("/my-refresh", post(refresh).layer(JwtLayer::new(shop.sessions.refresh_verifier())))
            .route("/wrong-refresh", post(refresh).layer(verifier()))
            .route("/bare-refresh", post(refresh))
            .route("/me", get(me).layer(verifier()))
            .route("/fresh", get(fresh).layer(verifier()))
            .route("/bare-fresh", get(fresh))
            .with_state(shop.sessions.clone())
            .merge(pages)
    }
}

mod actix {
    use actix_web::App;
    use actix_web::Responder;
    use actix_web::body::MessageBody;
    use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
    use actix_web::web::{self, Json};
    use jwt_actix::{
        Claims, Fresh, GateMiddleware, JwtMiddleware, Refresh, Rejection, SetCookiesExt as _, Tokens, Verified,
        endpoint,
    };
    use jwt_core::http::Cookies;
    use jwt_core::issue::Sessions;
    use jwt_core::revocation::{MemoryRevocations, Revocation};
    use serde_json::Value;

    use super::{SCOPES, Shop};

    async fn login(sessions: web::Data<Sessions>, subject: String) -> Result<Tokens, Rejection> {
        Ok(Tokens(sessions.login(subject).scope(SCOPES).start().await?))
    }

    async fn refresh(sessions: web::Data<Sessions>, Refresh(token): Refresh) -> Result<Tokens, Rejection> {
        Ok(Tokens(sessions.refresh(&token).await?))
    }

    async fn me(Claims(claims): Claims<Value>) -> Json<Value> {
        Json(claims)
    }

    async fn fresh(Fresh(claims): Fresh<Value>) -> Json<Value> {
        Json(claims)
    }

    async fn page() -> &'static str {
        "a page"
    }

    async fn shared_page() -> impl Responder {
        "a page".customize().insert_header(("cache-control", "max-age=60, PUBLIC"))
    }

    async fn unnamed_page() -> impl Responder {
        "a page".customize().insert_header(("cache-control", "max-age=60"))
    }

    async fn my_page() -> impl Responder {
        "a page".customize().insert_header(("cache-control", "max-age=60, Private"))
    }

    async fn page_everywhere(revocations: web::Data<MemoryRevocations>, verified: Verified) -> &'static str {
        revocations.revoke(&Revocation::subject_of(&verified)).expect("space");
        "a page"
    }

    async fn page_logout() -> impl Responder {
        "bye".customize().insert_header(("cache-control", "max-age=60")).set_cookies(Cookies::new().clear())
    }

    pub(super) fn app(
        shop: &Shop,
    ) -> App<
        impl ServiceFactory<
            ServiceRequest,
            Config = (),
            Response = ServiceResponse<impl MessageBody + use<>>,
            Error = actix_web::Error,
            InitError = (),
        > + use<>,
    > {
        let metadata = shop.tokens.metadata_endpoint("https://id.example/jwks", []).expect("public keys");
        let verifier = || JwtMiddleware::new(shop.verifier.clone());
        let refreshing = JwtMiddleware::new(shop.sessions.refresh_verifier());
        App::new()
            .app_data(web::Data::new(shop.sessions.clone()))
            .route("/jwks", endpoint(shop.ring.jwks().expect("public keys")))
            .route("/metadata", endpoint(metadata))
            .route("/refresh", endpoint(shop.sessions.refresh_endpoint()))
            .route("/logout", endpoint(shop.sessions.logout_endpoint(&shop.verifier)))
            .route("/cookie-refresh", endpoint(shop.sessions.refresh_endpoint_with(&Cookies::new())))
            .route("/cookie-logout", endpoint(shop.cookie_logout()))
            .route("/login", web::post().to(login))
            .service(web::resource("/my-refresh").wrap(refreshing).route(web::post().to(refresh)))
            .service(web::resource("/wrong-refresh").wrap(verifier()).route(web::post().to(refresh)))
            .route("/bare-refresh", web::post().to(refresh))
            .service(web::resource("/me").wrap(verifier()).route(web::get().to(me)))
            .service(web::resource("/fresh").wrap(verifier()).route(web::get().to(fresh)))
            .route("/bare-fresh", web::get().to(fresh))
            .service(
                web::scope("")
                    .wrap(GateMiddleware::new(shop.implicit()))
                    .wrap(JwtMiddleware::new(shop.page_verifier()).optional())
                    .route("/page", web::get().to(page))
                    .route("/shared-page", web::get().to(shared_page))
                    .app_data(web::Data::new(shop.revocations.clone()))
                    .route("/unnamed-page", web::get().to(unnamed_page))
                    .route("/my-page", web::get().to(my_page))
                    .route("/page-logout", web::get().to(page_logout))
                    .route("/page-everywhere", web::get().to(page_everywhere)),
            )
    }
}
