//! What logs and the application's own spans contain about requests.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use jwt_core::{ErrorKind, TrustedIssuer};
use jwt_tests::adapter::Adapter;
use jwt_tests::ask::Ask;
use jwt_tests::forge::ISSUER;
use jwt_tests::log::Log;
use jwt_tests::setup::{application, behind, good, key, trusting};
use serde_json::json;
use tracing::field::{Empty, Field, Visit};
use tracing::span::{Id, Record};
use tracing::{Instrument as _, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;

/// Text that can break logs, terminals, log readers and disks.
fn hostile() -> [String; 6] {
    let texts = ["evil\r\n2026 INFO login ok", "\u{1b}[2Jevil", "\u{202e}evil", "evil\u{0}", "%n${evil}"];
    let [a, b, c, d, e] = texts.map(str::to_owned);
    [a, b, c, d, e, "evil".repeat(1280)]
}

#[actix_web::test]
async fn a_flood_of_hostile_tokens_logs_nothing_above_debug_and_none_of_their_contents() {
    let log = Log::start();
    let application = application();
    let mut sent = 0;
    for _ in 0..20 {
        for text in &hostile() {
            let text = text.as_str();
            for token in [
                good().header("alg", text).sign(),
                good().header("kid", text).sign(),
                good().header("typ", text).sign(),
                good().header(text, text).claim("aud", text).sign(),
                good().claim("iss", text).sign(),
                good().claim("exp", text).sign(),
                good().claim("scope", text).sign(),
                good().claim("name", vec![text]).sign(),
                good().sign_payload(text),
                good().sign_header(text),
                text.replace(|letter: char| letter.is_control() || !letter.is_ascii(), ""),
            ] {
                let ask = Ask::get("/reports").bearer(&token);
                for adapter in Adapter::ALL {
                    assert_ne!(adapter.send(&application, &ask).await.status, 200);
                    sent += 1;
                }
            }
        }
    }
    let text = log.text();
    let ours: Vec<&str> = text.lines().filter(|line| line.contains(" jwt_")).collect();
    assert!(ours.len() >= sent, "{} lines for {sent} requests", ours.len());
    // The token that does not fit the handler's type is signed, so its cause is the type, which is told once.
    let (told, ours): (Vec<&str>, Vec<&str>) = ours.into_iter().partition(|line| line.contains("claims do not fit"));
    assert_eq!(told.len(), told.iter().filter(|line| line.contains("expected a string, found a list")).count());
    assert!(told.len() <= 1, "{told:?}");
    for line in &ours {
        assert!(line.starts_with("DEBUG ") || line.starts_with("TRACE "), "{line}");
        assert!(line.len() < 600, "{line}");
    }
    for part in ["evil", "login ok", "\u{1b}", "\u{202e}", "\u{0}", "\r"] {
        assert!(!text.contains(part), "{part:?}");
    }
    assert!(text.contains("unknown_issuer") && text.contains("malformed_credentials"), "rejections are logged");
}

#[actix_web::test]
async fn a_result_is_logged_with_its_code_issuer_and_duration() {
    for (token, expected) in [
        (good().sign(), "outcome=accepted issuer=https://id.example duration_us=0"),
        (good().claim("exp", 1).sign(), "outcome=expired issuer=https://id.example duration_us=0"),
        (good().claim("aud", "x").sign(), "outcome=wrong_audience issuer=https://id.example duration_us=0"),
        (good().claim("iss", "x").sign(), "outcome=unknown_issuer duration_us=0"),
    ] {
        for adapter in Adapter::ALL {
            let log = Log::start();
            adapter.send(&application(), &Ask::get("/me").bearer(&token)).await;
            let text = log.text();
            let lines: Vec<_> = text.lines().filter(|line| line.contains("outcome=")).collect();
            let [line] = lines[..] else { panic!("one line for one token: {text}") };
            let fields = line.split_once("message=token checked ").map(|(_, fields)| fields);
            assert!(line.starts_with("DEBUG jwt_core::"), "{line}");
            let (fields, detail) =
                fields.map(|fields| fields.split_once(" detail=").unwrap_or((fields, ""))).unwrap_or_default();
            assert_eq!(fields, expected, "{line}");
            assert_eq!(detail.is_empty(), expected.contains("accepted"), "a refusal is explained: {line}");
        }
    }
}

#[actix_web::test]
async fn an_issuer_that_is_not_configured_is_not_named_in_the_log() {
    let any = TrustedIssuer::dangerous_any_issuer().key(key().verification_key()).dangerous_any_audience();
    let log = Log::start();
    let token = good().claim("iss", "evil").sign();
    let answer = behind(trusting(any)).send(&Ask::get("/user").bearer(&token)).await;
    assert_eq!(answer.status, 200);
    assert!(log.text().contains("outcome=accepted") && !log.text().contains("evil"), "{}", log.text());
}

/// The values recorded in spans, by field name.
#[derive(Clone, Default)]
struct Fields(Arc<Mutex<BTreeMap<&'static str, String>>>);

impl<S: Subscriber + for<'s> LookupSpan<'s>> Layer<S> for Fields {
    fn on_record(&self, _: &Id, values: &Record<'_>, _: Context<'_, S>) {
        values.record(&mut self.clone());
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.lock().expect("not poisoned").insert(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.lock().expect("not poisoned").insert(field.name(), format!("{value:?}"));
    }
}

#[actix_web::test]
async fn the_current_span_gets_the_result_and_the_issuer_if_it_declares_them() {
    let expired = good().claim("exp", 1).sign();
    for (ask, outcome, issuer) in [
        (Ask::get("/me").bearer(&good().sign()), "accepted", Some(ISSUER)),
        (Ask::get("/me").bearer(&expired), ErrorKind::Expired.code(), Some(ISSUER)),
        (Ask::get("/me").bearer("a"), ErrorKind::MalformedToken.code(), None),
        (Ask::get("/me"), ErrorKind::NoCredentials.code(), None),
        (Ask::get("/optional"), "anonymous", None),
        // The requirement records last.
        (Ask::get("/reports").bearer(&good().claim("scope", "x").sign()), "insufficient_scope", Some(ISSUER)),
    ] {
        for adapter in Adapter::ALL {
            let fields = Fields::default();
            let subscriber = tracing_subscriber::registry().with(fields.clone());
            let _guard = tracing::subscriber::set_default(subscriber);
            let span = tracing::info_span!("request", jwt.outcome = Empty, jwt.issuer = Empty);
            adapter.send(&application(), &ask).instrument(span).await;
            let told = fields.0.lock().expect("not poisoned");
            assert_eq!(told.get("jwt.outcome").map(String::as_str), Some(outcome), "{adapter:?}");
            assert_eq!(told.get("jwt.issuer").map(String::as_str), issuer, "{adapter:?}");
        }
    }
    let fields = Fields::default();
    let _guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(fields.clone()));
    let span = tracing::info_span!("request");
    Adapter::Axum.send(&application(), &Ask::get("/me").bearer(&good().sign())).instrument(span).await;
    assert!(fields.0.lock().expect("not poisoned").is_empty(), "undeclared fields are not recorded");
}

/// The sender's fields of a span that declares them, after a request to `/me`.
async fn sender(adapter: Adapter, token: &str) -> [Option<String>; 2] {
    let fields = Fields::default();
    let _guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(fields.clone()));
    let span = tracing::info_span!("request", jwt.subject = Empty, jwt.actor = Empty);
    adapter.send(&application(), &Ask::get("/me").bearer(token)).instrument(span).await;
    let told = fields.0.lock().expect("not poisoned");
    ["jwt.subject", "jwt.actor"].map(|field| told.get(field).cloned())
}

#[actix_web::test]
async fn a_span_that_asks_for_them_gets_the_subject_and_the_actor_of_an_accepted_token() {
    let acting = |act: serde_json::Value| good().claim("act", act);
    let desk = json!({"sub": "support-desk", "act": {"sub": "earlier"}});
    for adapter in Adapter::ALL {
        for (token, expected) in [
            (good().sign(), [Some("user-1815"), None]),
            (good().without("sub").sign(), [None, None]),
            (acting(desk.clone()).sign(), [Some("user-1815"), Some("support-desk")]),
            (acting(json!({"iss": "x"})).sign(), [Some("user-1815"), None]),
            (acting(desk.clone()).claim("exp", 1).sign(), [None, None]),
            (acting(desk.clone()).claim("aud", "other").sign(), [None, None]),
        ] {
            assert_eq!(sender(adapter, &token).await.each_ref().map(Option::as_deref), expected, "{adapter:?}");
        }
        let long = acting(json!({"sub": "a\r\nb".to_owned() + &"x".repeat(500)})).sign();
        let [_, actor] = sender(adapter, &long).await;
        let actor = actor.expect("an actor");
        assert!(actor.starts_with("a\\r\\nbx") && actor.ends_with('…') && actor.chars().count() < 110, "{actor}");
    }
}

#[actix_web::test]
async fn no_event_has_the_subject_or_the_actor() {
    let token = good().claim("act", json!({"sub": "support-desk"})).sign();
    let log = Log::start();
    let span = tracing::info_span!("request", jwt.outcome = Empty);
    let answer = Adapter::Axum.send(&application(), &Ask::get("/user").bearer(&token)).instrument(span).await;
    assert_eq!(answer.status, 200);
    let text = log.text();
    assert!(text.contains("accepted") && !text.contains("support-desk") && !text.contains("user-1815"), "{text}");
}
