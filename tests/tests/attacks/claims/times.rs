//! Expiry, start and age of tokens.

use std::time::Duration;

use jwt_core::ErrorKind;
use jwt_tests::forge::NOW;
use jwt_tests::setup::{behind, builder, good, issuer};
use serde_json::Value;

use crate::target::Target;

/// A valid token with one claim whose value is any JSON text, for numbers that no `Value` can hold.
fn raw(name: &str, value: &str) -> String {
    let claims = Value::from(good().without(name).claims).to_string();
    good().sign_payload(format!("{},\"{name}\":{value}}}", claims.strip_suffix('}').expect("an object")))
}

#[actix_web::test]
async fn e01_a_token_without_an_expiry_is_refused() {
    let target = Target::trusting(issuer().require_claims(["iss"]));
    target.refuses(&good().without("exp").sign(), ErrorKind::MissingClaim, "other claims are required too").await;
    Target::usual().refuses(&good().without("exp").sign(), ErrorKind::MissingClaim, "by default").await;
}

#[actix_web::test]
async fn e02_an_expiry_that_is_not_a_reasonable_number_is_refused() {
    for value in [
        "\"1800000300\"",
        "true",
        "null",
        "[1800000300]",
        "{}",
        "\"\"",
        "1e400",
        "-1e400",
        "253402300800",
        "{\"$date\":1}",
    ] {
        Target::usual().refuses(&raw("exp", value), ErrorKind::MalformedClaims, value).await;
    }
    for value in ["0x6B49D200", "01800000300", "NaN", "Infinity", "-Infinity", "1800000300.", ".5", "1e", "+1800000300"]
    {
        Target::usual().refuses(&raw("exp", value), ErrorKind::MalformedClaims, value).await;
    }
    for value in ["-1", "-0.0", "0", "-1800000300", "1e-400"] {
        Target::usual().refuses(&raw("exp", value), ErrorKind::Expired, value).await;
    }
}

#[actix_web::test]
async fn e03_an_expiry_after_year_9999_is_refused_and_lifetimes_can_be_limited() {
    for value in ["18446744073709551615", "18446744073709551616", "9007199254740993", "1e19", "9223372036854775807"] {
        Target::usual().refuses(&raw("exp", value), ErrorKind::MalformedClaims, value).await;
    }
    Target::usual().accepts(&raw("exp", "253402300799"), "the last second of 9999").await;
    let capped = Target::trusting(issuer().max_lifetime(Duration::from_secs(3600)));
    capped.accepts(&good().claim("exp", NOW + 3600).sign(), "an hour").await;
    capped.refuses(&good().claim("exp", NOW + 3601).sign(), ErrorKind::LifetimeTooLong, "more").await;
    capped.refuses(&raw("exp", "253402300799"), ErrorKind::LifetimeTooLong, "8000 years").await;
    capped.refuses(&good().without("iat").sign(), ErrorKind::MissingClaim, "from no beginning").await;
}

#[actix_web::test]
async fn e04_a_time_may_have_a_fraction() {
    for value in ["1.8000003e9", "1800000300.5", "18000003000e-1", "1800000300.0", "1.8000003E+9"] {
        Target::usual().accepts(&raw("exp", value), value).await;
    }
    let strict = Target(behind(builder().leeway(Duration::ZERO)));
    strict.accepts(&raw("exp", "1800000000.5"), "half a second to go").await;
    strict.refuses(&raw("nbf", "1800000000.5"), ErrorKind::NotYetValid, "half a second too early").await;
}

#[actix_web::test]
async fn e05_a_token_expires_at_the_second_of_its_exp() {
    let strict = Target(behind(builder().leeway(Duration::ZERO)));
    for (exp, accepted) in [(NOW + 1, true), (NOW, false), (NOW - 1, false)] {
        let token = good().without("iat").claim("exp", exp).sign();
        match accepted {
            true => strict.accepts(&token, "a second to go").await,
            false => strict.refuses(&token, ErrorKind::Expired, "on or after").await,
        }
    }
}

#[actix_web::test]
async fn e06_the_default_leeway_is_a_minute() {
    let at = |exp: u64| good().without("iat").without("nbf").claim("exp", exp).sign();
    Target::usual().accepts(&at(NOW - 30), "30 seconds ago").await;
    Target::usual().accepts(&at(NOW - 59), "59 seconds ago").await;
    Target::usual().refuses(&at(NOW - 60), ErrorKind::Expired, "60 seconds ago").await;
}

#[actix_web::test]
async fn e07_a_token_that_is_not_valid_yet_is_refused() {
    for (nbf, accepted) in [(NOW, true), (NOW + 60, true), (NOW + 61, false), (NOW + 200, false)] {
        let token = good().claim("nbf", nbf).sign();
        match accepted {
            true => Target::usual().accepts(&token, "within the leeway").await,
            false => Target::usual().refuses(&token, ErrorKind::NotYetValid, "later").await,
        }
    }
}

#[actix_web::test]
async fn e08_a_not_before_that_is_not_a_number_is_refused() {
    for value in ["\"1800000000\"", "true", "null", "1e400", "[]", "{}", "18446744073709551615"] {
        Target::usual().refuses(&raw("nbf", value), ErrorKind::MalformedClaims, value).await;
    }
}

#[actix_web::test]
async fn e09_a_not_before_before_1970_is_in_the_past() {
    for value in ["-1", "-1.5", "-0.0", "0"] {
        Target::usual().accepts(&raw("nbf", value), value).await;
    }
}

#[actix_web::test]
async fn e10_a_token_issued_in_the_future_is_refused() {
    for (value, kind) in [
        ((NOW + 61).to_string(), ErrorKind::IssuedInFuture),
        ((NOW + 301).to_string(), ErrorKind::IssuedInFuture),
        ("\"1800000000\"".to_owned(), ErrorKind::MalformedClaims),
        ("null".to_owned(), ErrorKind::MalformedClaims),
        ("1e400".to_owned(), ErrorKind::MalformedClaims),
    ] {
        Target::usual().refuses(&raw("iat", &value), kind, &value).await;
    }
    let backwards = good().claim("iat", NOW + 20).claim("exp", NOW + 10).sign();
    Target::usual().refuses(&backwards, ErrorKind::IssuedInFuture, "issued after its end").await;
    Target::usual().accepts(&raw("iat", &(NOW + 60).to_string()), "within the leeway").await;
}

#[actix_web::test]
async fn e11_a_token_older_than_the_maximum_age_is_refused() {
    let target = Target::trusting(issuer().max_age(Duration::from_secs(600)));
    target.accepts(&good().claim("iat", NOW - 659).sign(), "within the leeway").await;
    target.refuses(&good().claim("iat", NOW - 660).sign(), ErrorKind::TooOld, "older").await;
    target.refuses(&good().claim("iat", -5).sign(), ErrorKind::TooOld, "very old").await;
    target.refuses(&good().without("iat").sign(), ErrorKind::MissingClaim, "of no age").await;
}
