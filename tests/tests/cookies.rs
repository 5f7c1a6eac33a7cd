//! Properties of every cookie and every origin.

use std::time::Duration;

use jwt_core::BuildErrorKind;
use jwt_core::http::Cookies;
use jwt_core::http::{Csrf, TokenSources};
use jwt_core::testing::BareRequest;
use jwt_core::verify::Authenticator;
use jwt_core::{ErrorKind, Verifier};
use jwt_tests::gate::enter;
use jwt_tests::setup::{builder, good};
use proptest::prelude::*;

const LIFE: Duration = Duration::from_secs(60);

fn behind(sources: TokenSources) -> Authenticator {
    builder().sources(sources).build().map(Verifier::into).expect("a verifier")
}

/// Why a request is rejected, or `None` if it isn't.
fn refused(authenticator: &Authenticator, request: &BareRequest) -> Option<ErrorKind> {
    enter(authenticator, request).err().and_then(|answer| answer.error).map(|error| error.kind())
}

/// A request that changes something, with a valid token in the cookie.
fn post(headers: &[(&str, &str)]) -> BareRequest {
    let request = BareRequest::new("POST", "/").header("cookie", format!("session={}", good().sign()));
    headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))
}

fn host() -> impl Strategy<Value = String> {
    "([a-z0-9-]{1,8}\\.){0,2}[a-z]{1,6}(:[0-9]{1,5})?"
}

/// Strings that resemble the origin of a host.
fn origin(host: &str) -> impl Strategy<Value = String> + use<> {
    let host = host.to_owned();
    let [whole, before, after, between] = [host.clone(), host.clone(), host.clone(), host];
    prop_oneof![
        "https?".prop_map(move |scheme| format!("{scheme}://{whole}")),
        "[a-z.@/:]{1,8}".prop_map(move |text| format!("https://{text}{before}")),
        "[a-z.@/:0-9]{1,8}".prop_map(move |text| format!("https://{after}{text}")),
        "[ -~]{0,3}".prop_map(move |text| format!("https{text}{between}")),
        "[ -~]{0,24}",
    ]
}

proptest! {
    #[test]
    fn a_token_that_was_set_is_found_and_no_other_value_can_be_set(value in prop_oneof!["[A-Za-z0-9._~+/=-]{1,40}", ".{0,12}"]) {
        let cookies = Cookies::new();
        match cookies.set_access(&value, LIFE) {
            Ok(set) => {
                let line = set.values().next().expect("one");
                prop_assert_eq!(line.split("; ").count(), 6, "{}", line);
                let pair = line.split("; ").next().expect("a pair");
                let request = BareRequest::new("GET", "/").header("cookie", pair);
                // It's found: if it's refused, then as a malformed token or as characters that no token has.
                prop_assert_ne!(refused(&behind(cookies.sources()), &request), Some(ErrorKind::NoCredentials));
            }
            Err(error) => {
                let legal = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._~+/=-".contains(&byte));
                prop_assert!(!legal, "{:?}", value);
                prop_assert!(matches!(error.kind(), BuildErrorKind::Empty | BuildErrorKind::IllegalCharacters));
            }
        }
    }

    #[test]
    fn only_the_origin_of_the_host_is_its_own(
        (host, origin) in host().prop_flat_map(|host| { let origin = origin(&host); (Just(host), origin) })
    ) {
        let own = origin.split_once("://").is_some_and(|(_, named)| named.eq_ignore_ascii_case(&host));
        let expected = (!own).then_some(ErrorKind::CsrfFailed);
        let sources = || TokenSources::new().cookie("session");
        let request = post(&[("host", &host), ("origin", &origin)]);
        prop_assert_eq!(refused(&behind(sources()), &request), expected);
        // `allow_origin` accepts either no origin at all, or this one.
        if let Ok(verifier) = builder().sources(sources().csrf(Csrf::new().allow_origin(&origin))).build() {
            prop_assert_eq!(refused(&verifier.into(), &request), None);
        }
    }

    #[test]
    fn only_two_values_of_sec_fetch_site_mean_a_page_of_the_application(site in prop_oneof!["[ -~]{0,16}", "(same|cross)-(origin|site)|none"]) {
        let own = matches!(site.as_str(), "same-origin" | "none");
        let request = post(&[("sec-fetch-site", &site), ("host", "a.example"), ("origin", "https://a.example")]);
        let authenticator = behind(TokenSources::new().cookie("session"));
        prop_assert_eq!(refused(&authenticator, &request), (!own).then_some(ErrorKind::CsrfFailed));
    }
}
