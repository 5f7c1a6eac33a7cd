//! Back-channel logout (OpenID Connect Back-Channel Logout 1.0, sections 2.4 to 2.8).

use async_trait::async_trait;
use jwt_core::ErrorKind;
use jwt_core::Step;
use jwt_core::logout::BackChannelLogout;
use jwt_core::revocation::{
    MemoryRevocations, Revocation, RevocationList, RevocationSettings, RevocationStore, RevokeError, Standing,
    TokenIdentity,
};
use jwt_core::testing::ManualClock;
use jwt_core::verify::IssuerResolver;
use jwt_core::{Algorithm, TrustedIssuer, Verifier};
use jwt_core::{BuildErrorKind, VerifierBuilder};
use jwt_tests::adapter::{Adapter, Application};
use jwt_tests::answer::Answer;
use jwt_tests::ask::Ask;
use jwt_tests::forge::{AUDIENCE, Forge, ISSUER, NOW};
use jwt_tests::remote::{JWKS, Remote};
use jwt_tests::setup::{KID, behind, builder, good, key, stranger, trusting};
use serde_json::json;

const CLIENT: &str = "client-1815";
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
const FORM: &str = "application/x-www-form-urlencoded";

fn client() -> TrustedIssuer {
    TrustedIssuer::new(ISSUER).audience(CLIENT).key(key().verification_key())
}

/// A logout token for the session `s-1`, as in section 2.4.
fn logout_token() -> Forge {
    let token = good().without("client_id").without("scope").without("name").without("nbf");
    let token = token.header("typ", "logout+jwt").claim("aud", CLIENT).claim("jti", "logout-1").claim("sid", "s-1");
    token.claim("events", json!({EVENT: {}})).claim("exp", NOW + 120)
}

struct Scene {
    list: MemoryRevocations,
    application: Application,
}

impl Scene {
    /// A receiver whose settings are changed by `change`.
    fn with(change: impl FnOnce(BackChannelLogout) -> BackChannelLogout) -> Self {
        let list = MemoryRevocations::with_settings(RevocationSettings::new().clock(ManualClock::at(NOW)));
        let logout = BackChannelLogout::new(trusting(client()), list.clone()).expect("a receiver");
        let application = behind(builder().revocations(list.clone())).logout(change(logout));
        Self { list, application }
    }

    fn new() -> Self {
        Self::with(|logout| logout)
    }

    async fn is_logged_in(&self, token: &Forge) -> bool {
        let answer = self.application.send(&Ask::get("/user").bearer(&token.sign())).await;
        assert!(answer == Answer::text("Ada") || answer == Answer::refused(ErrorKind::Revoked), "{answer:?}");
        answer.status == 200
    }
}

fn post(body: impl Into<Vec<u8>>) -> Ask {
    Ask::post("/backchannel-logout").header("content-type", FORM).body(body)
}

fn of(token: &Forge) -> Ask {
    post(format!("logout_token={}", token.sign()))
}

fn done() -> Answer {
    Answer::empty(200).with_header("cache-control", "no-store")
}

fn refused(kind: ErrorKind) -> Answer {
    let code = if kind.class() == jwt_core::Class::Unavailable { "temporarily_unavailable" } else { "invalid_request" };
    let mut answer = Answer::json(&json!({"error": code})).with_header("cache-control", "no-store");
    (answer.status, answer.code) = (400, Some(kind.code()));
    answer
}

/// Sends to one adapter at a time, because a logout token can be used once.
async fn each(scene: impl Fn() -> Scene, ask: &Ask, expected: &Answer, case: &str) {
    for adapter in Adapter::ALL {
        let scene = scene();
        assert_eq!(&adapter.send(&scene.application, ask).await, expected, "{case} under {adapter:?}");
        let revoked = usize::from(expected.status == 200);
        assert_eq!(scene.list.status().remembered, revoked, "{case} under {adapter:?}");
    }
}

#[actix_web::test]
async fn a_logout_revokes_only_the_tokens_of_its_session() {
    for adapter in Adapter::ALL {
        let scene = Scene::new();
        let (first, second) = (good().claim("sid", "s-1"), good().claim("sid", "s-2"));
        assert!(scene.is_logged_in(&first).await);
        assert_eq!(adapter.send(&scene.application, &of(&logout_token())).await, done(), "{adapter:?}");
        assert!(!scene.is_logged_in(&first).await);
        assert!(scene.is_logged_in(&second).await && scene.is_logged_in(&good()).await);
    }
}

#[actix_web::test]
async fn a_logout_without_a_session_revokes_all_earlier_tokens_of_the_subject() {
    for (change, token) in [
        ((|logout| logout) as fn(BackChannelLogout) -> BackChannelLogout, logout_token().without("sid")),
        (|logout| logout, logout_token().claim("sid", "")),
        (BackChannelLogout::whole_subject, logout_token()),
    ] {
        for adapter in Adapter::ALL {
            let scene = Scene::with(change);
            assert_eq!(adapter.send(&scene.application, &of(&token)).await, done(), "{adapter:?}");
            assert!(!scene.is_logged_in(&good().claim("sid", "s-2")).await);
            assert!(scene.is_logged_in(&good().claim("iat", NOW + 1)).await, "who logs in again");
            assert!(scene.is_logged_in(&good().claim("sub", "other")).await);
        }
    }
    let scene = Scene::with(BackChannelLogout::whole_subject);
    let answer = Adapter::Axum.send(&scene.application, &of(&logout_token().without("sub"))).await;
    assert_eq!(answer, done(), "there is no subject to log out");
    assert!(!scene.is_logged_in(&good().claim("sid", "s-1")).await);
}

#[actix_web::test]
async fn every_valid_form_of_a_logout_token_is_accepted() {
    for (token, case) in [
        (logout_token().without_header("typ"), "no typ: it is recommended"),
        (logout_token().header("typ", "application/logout+jwt"), "the whole media type"),
        (logout_token().without("sub"), "only a session"),
        (logout_token().claim("aud", json!(["other", CLIENT])), "several audiences"),
        (logout_token().claim("events", json!({EVENT: {}, "https://other.example/event": {"a": 1}})), "another event"),
        (logout_token().claim("events", json!({EVENT: {"reason": "bored"}})), "the event is to be empty, not must"),
        (logout_token().claim("trace_id", "t"), "more claims"),
    ] {
        each(Scene::new, &of(&token), &done(), case).await;
    }
    let form = |body: String| post(body);
    let token = logout_token().sign();
    each(Scene::new, &form(format!("a=b&logout_token={token}&state=c")), &done(), "more fields").await;
    let ask =
        Ask::post("/backchannel-logout").header("content-type", "Application/X-WWW-Form-URLEncoded; charset=utf-8");
    each(Scene::new, &ask.body(format!("logout_token={token}")), &done(), "parameters").await;
}

#[actix_web::test]
async fn an_invalid_logout_token_logs_nobody_out() {
    use ErrorKind::{
        BadSignature, Expired, IssuedInFuture, MissingClaim, RuleRefused, UnknownIssuer, UnknownKey, WrongAudience,
        WrongClaim, WrongType,
    };
    let forged = Forge::new(&stranger(Algorithm::ES256)).header("kid", KID).header("typ", "logout+jwt");
    let forged = forged.claim("aud", CLIENT).claim("sid", "s-1").claim("events", json!({EVENT: {}}));
    for (token, kind, case) in [
        (forged, BadSignature, "signed by another key"),
        (logout_token().header("alg", "none"), ErrorKind::AlgorithmNotAllowed, "unsigned"),
        (logout_token().header("kid", "other"), UnknownKey, "another key"),
        (logout_token().header("typ", "JWT"), WrongType, "another type"),
        (logout_token().header("typ", "at+jwt"), WrongType, "an access token by its type"),
        (logout_token().header("typ", "secevent+jwt"), WrongType, "another security event"),
        (logout_token().claim("iss", "https://other.example"), UnknownIssuer, "another issuer"),
        (logout_token().without("iss"), UnknownIssuer, "no issuer"),
        (logout_token().claim("aud", AUDIENCE), WrongAudience, "for the service, not the client"),
        (logout_token().without("aud"), WrongAudience, "no audience"),
        (logout_token().without("iat"), MissingClaim, "no time"),
        (logout_token().claim("iat", NOW + 90).claim("exp", NOW + 200), IssuedInFuture, "from the future"),
        (logout_token().claim("exp", NOW - 60), Expired, "expired"),
        (logout_token().without("exp"), MissingClaim, "without an end"),
        (logout_token().without("jti"), MissingClaim, "no identifier"),
        (logout_token().claim("jti", ""), MissingClaim, "an empty identifier"),
        (logout_token().without("sub").without("sid"), RuleRefused, "of nobody"),
        (logout_token().claim("sub", "").claim("sid", ""), RuleRefused, "of nobody"),
        (logout_token().claim("nonce", "n"), RuleRefused, "with a nonce"),
        (logout_token().claim("nonce", json!(null)), RuleRefused, "with a nonce"),
        (logout_token().without("events"), MissingClaim, "no event"),
        (logout_token().claim("events", json!({})), MissingClaim, "no event"),
        (logout_token().claim("events", json!([EVENT])), MissingClaim, "events that are a list"),
        (logout_token().claim("events", EVENT), MissingClaim, "events that are a text"),
        (logout_token().claim("events", json!({format!("{EVENT}/"): {}})), MissingClaim, "another event"),
        (logout_token().claim("events", json!({EVENT.to_uppercase(): {}})), MissingClaim, "another event"),
        (logout_token().claim("events", json!({EVENT: true})), WrongClaim, "an event that is no object"),
        (logout_token().claim("events", json!({EVENT: null})), WrongClaim, "an event that is no object"),
        (good().claim("aud", CLIENT), WrongType, "an access token"),
        (good().claim("aud", CLIENT).without_header("typ"), MissingClaim, "an ID token"),
    ] {
        each(Scene::new, &of(&token), &refused(kind), case).await;
    }
}

#[actix_web::test]
async fn a_form_without_exactly_one_logout_token_logs_nobody_out() {
    use ErrorKind::{MalformedCredentials, MalformedToken, MultipleCredentials, NoCredentials};
    let token = logout_token().sign();
    let body = format!("logout_token={token}");
    let typed =
        |content_type: &str| Ask::post("/backchannel-logout").header("content-type", content_type).body(body.clone());
    for (ask, kind, case) in [
        (typed("application/json"), MalformedCredentials, "another type"),
        (typed(""), MalformedCredentials, "an empty type"),
        (Ask::post("/backchannel-logout").body(body.clone()), MalformedCredentials, "no type"),
        (post(""), NoCredentials, "nothing"),
        (post("token=a"), NoCredentials, "another field"),
        (post(format!("Logout_Token={token}")), NoCredentials, "another field"),
        (post(format!("{body}&{body}")), MultipleCredentials, "two tokens"),
        (post("logout_token="), MalformedToken, "an empty token"),
        (post("logout_token=a.b.c"), MalformedToken, "no token"),
        (post(vec![0xff; 100]), NoCredentials, "no text"),
        (post(format!("{body}&pad={}", "x".repeat(40_000))), NoCredentials, "too much"),
        (
            Ask::post(format!("/backchannel-logout?logout_token={token}")).header("content-type", FORM),
            NoCredentials,
            "in the address",
        ),
        (
            Ask::post("/backchannel-logout").header("content-type", FORM).bearer(&token),
            NoCredentials,
            "as a bearer token",
        ),
    ] {
        each(Scene::new, &ask, &refused(kind), case).await;
    }
    for method in ["GET", "PUT", "DELETE"] {
        let ask = Ask::new(method, "/backchannel-logout").header("content-type", FORM).body(body.clone());
        each(Scene::new, &ask, &Answer::empty(405).with_header("allow", "POST"), method).await;
    }
}

#[actix_web::test]
async fn a_logout_token_can_be_used_once() {
    for adapter in Adapter::ALL {
        let scene = Scene::new();
        let token = logout_token();
        assert_eq!(adapter.send(&scene.application, &of(&token)).await, done(), "{adapter:?}");
        assert_eq!(adapter.send(&scene.application, &of(&token)).await, refused(ErrorKind::Revoked), "{adapter:?}");
        let next = of(&token.claim("jti", "logout-2"));
        assert_eq!(adapter.send(&scene.application, &next).await, done(), "{adapter:?}");
    }
}

#[actix_web::test]
async fn a_logout_token_is_not_accepted_as_an_access_token_even_if_only_its_event_differs() {
    let scene = Scene::new();
    for token in [
        logout_token().claim("aud", AUDIENCE),
        logout_token().claim("aud", AUDIENCE).without_header("typ"),
        logout_token().claim("aud", AUDIENCE).header("typ", "JWT"),
        logout_token().claim("aud", AUDIENCE).header("typ", "at+jwt"),
        logout_token().claim("aud", AUDIENCE).header("typ", "at+jwt").claim("events", json!({EVENT: 5})),
    ] {
        let answer = scene.application.send(&Ask::get("/user").bearer(&token.sign())).await;
        assert_eq!(answer, Answer::refused(ErrorKind::WrongType));
    }
    let other = good().claim("events", json!({"https://other.example/event": {}}));
    assert!(scene.is_logged_in(&other).await, "an application may have events of its own");
}

#[derive(Debug)]
struct Down;

impl RevocationList for Down {
    fn look_up(&self, _token: &TokenIdentity<'_>) -> Step<Standing> {
        Step::Ready(Standing::Unavailable)
    }
}

#[async_trait]
impl RevocationStore for Down {
    async fn revoke(&self, _revocation: &Revocation) -> Result<(), RevokeError> {
        Err(RevokeError::Unavailable)
    }
}

#[actix_web::test]
async fn the_provider_gets_an_error_if_the_logout_fails() {
    let logout = BackChannelLogout::new(trusting(client()), Down).expect("a receiver");
    let application = behind(builder()).logout(logout);
    for _ in 0..2 {
        assert_eq!(application.send(&of(&logout_token())).await, refused(ErrorKind::RevocationUnavailable));
    }
    let issuer = TrustedIssuer::jwks(ISSUER, JWKS).audience(CLIENT);
    let keyless = BackChannelLogout::new(trusting(issuer).fetch(Remote::failing().fetch()), MemoryRevocations::new());
    let application = behind(builder()).logout(keyless.expect("a receiver"));
    assert_eq!(application.send(&of(&logout_token())).await, refused(ErrorKind::KeysUnavailable));
}

#[test]
fn settings_that_do_not_fit_logout_tokens_are_refused() {
    let any = || TrustedIssuer::dangerous_any_issuer().key(key().verification_key());
    let bare = || TrustedIssuer::new(ISSUER).key(key().verification_key());
    let with = |issuer| Verifier::builder().issuer(issuer);
    let built = |builder: VerifierBuilder| {
        let built = BackChannelLogout::new(builder, MemoryRevocations::new());
        built.err().map(|error| (error.kind(), error.setting().to_owned()))
    };
    let contradiction = Some((BuildErrorKind::Contradiction, "back_channel_logout".to_owned()));
    assert_eq!(built(with(client())), None);
    for issuer in [
        any().audience(CLIENT),
        bare().dangerous_any_audience(),
        client().access_token_profile(),
        client().token_types(["JWT"]),
        client().dangerous_without_expiry(),
    ] {
        assert_eq!(built(with(issuer)), contradiction.clone());
    }
    assert_eq!(built(with(bare())), Some((BuildErrorKind::Undecided, "audience".to_owned())));
    let tenants = with(client()).issuer_resolver(IssuerResolver::new(|_| true, |_| async { Ok(None) }));
    assert_eq!(built(tenants), Some((BuildErrorKind::Contradiction, "issuer_resolver".to_owned())));
}
