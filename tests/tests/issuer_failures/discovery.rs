//! From the issuer's name to its keys, and the requests on the way.

use jwt_core::BuildErrorKind;
use jwt_core::keys::{FetchErrorKind, Fetched, HttpFetch, fetch_fn};
use jwt_core::testing::{AUDIENCE, Document, Script, ScriptedIssuer};
use jwt_core::{ErrorKind, TrustedIssuer, Verifier};
use jwt_tests::remote::Remote;
use jwt_tests::setup::key;
use reqwest::Client;

use super::lab::Lab;

#[test]
fn g01_addresses_without_tls_are_refused_unless_they_are_on_this_machine() {
    let build = |issuer: TrustedIssuer| Verifier::builder().issuer(issuer.audience(AUDIENCE)).build();
    let issuer = "https://id.example";
    for url in ["http://id.example", "http://10.0.0.1/jwks", "http://localhost.id.example/", "ftp://id.example"] {
        for trusted in [
            TrustedIssuer::discover(url),
            TrustedIssuer::jwks(issuer, url),
            TrustedIssuer::discover(issuer).metadata_url(url),
        ] {
            assert_eq!(build(trusted).expect_err(url).kind(), BuildErrorKind::InsecureUrl, "{url}");
        }
    }
    assert!(build(TrustedIssuer::discover(issuer).metadata_url("http://127.0.0.1:1/")).is_ok());
}

#[tokio::test]
async fn g02_a_redirect_is_a_failure_and_its_target_is_never_requested() {
    let elsewhere = ScriptedIssuer::start().await.expect("another server");
    for status in [301, 302, 303, 307, 308] {
        for document in [Document::OpenIdMetadata, Document::KeySet] {
            let lab = Lab::new().await;
            // The target would even return a good key set.
            elsewhere.publish([lab.issuer.key()]);
            let own = format!("{}/elsewhere", lab.issuer.address());
            for to in [elsewhere.jwks_uri(), own, "http://169.254.169.254/".to_owned(), lab.issuer.jwks_uri()] {
                lab.issuer.script(document, Script::Redirect(status, to));
                lab.issuer.script(Document::OAuthMetadata, Script::Status(404));
                assert!(lab.verifier.fetch_keys().await.is_err());
                assert_eq!(lab.status().last_error, Some(FetchErrorKind::Status.into()));
            }
            let asked = |target: &str| lab.issuer.received().iter().filter(|all| all.target == target).count();
            assert_eq!((asked("/elsewhere"), lab.sets() % 4), (0, 0), "{status}");
        }
    }
    assert_eq!(elsewhere.received(), []);
}

#[tokio::test]
async fn a_redirect_is_a_failure_even_if_the_http_client_follows_it() {
    let elsewhere = ScriptedIssuer::start().await.expect("another server");
    for status in [301, 302, 303, 307, 308] {
        let issuer = ScriptedIssuer::start().await.expect("an issuer");
        elsewhere.publish([issuer.key()]);
        issuer.script(Document::KeySet, Script::Redirect(status, elsewhere.jwks_uri()));
        let trusted = TrustedIssuer::discover(issuer.name()).audience(AUDIENCE);
        let fetch = HttpFetch::from_client(Client::new());
        let verifier = Verifier::builder().issuer(trusted).clock(issuer.clock()).fetch(fetch).build();
        let error = verifier.expect("a verifier").fetch_keys().await.expect_err("a redirect");
        assert_eq!(error.issuers().collect::<Vec<_>>(), [(Some(issuer.name()), FetchErrorKind::Status)], "{status}");
    }
    assert_eq!(elsewhere.requests(Document::KeySet), 5, "the client followed the redirects");
}

#[tokio::test]
async fn a_custom_http_client_fetches_keys_from_the_configured_address() {
    let issuer = ScriptedIssuer::start().await.expect("an issuer");
    // The address is configured in another spelling than it's requested in.
    let jwks_uri = format!("{}/other/../jwks#keys", issuer.address());
    let trusted = TrustedIssuer::jwks(issuer.name(), jwks_uri).audience(AUDIENCE);
    let fetch = HttpFetch::from_client(Client::new());
    let verifier = Verifier::builder().issuer(trusted).fetch(fetch).build();
    assert_eq!(verifier.expect("a verifier").fetch_keys().await, Ok(()));
}

#[tokio::test]
async fn g16_both_forms_of_the_metadata_address_work_for_an_issuer_with_a_path() {
    for path in ["", "/tenants/a"] {
        for (absent, targets) in [
            (None, vec![format!("{path}/.well-known/openid-configuration"), format!("{path}/jwks")]),
            (
                Some(Document::OpenIdMetadata),
                vec![
                    format!("{path}/.well-known/openid-configuration"),
                    format!("/.well-known/oauth-authorization-server{path}"),
                    format!("{path}/jwks"),
                ],
            ),
        ] {
            let issuer = ScriptedIssuer::start_under(path).await.expect("an issuer");
            assert_eq!(issuer.name(), format!("{}{path}", issuer.address()));
            if let Some(document) = absent {
                issuer.script(document, Script::Status(404));
            }
            let trusted = TrustedIssuer::discover(issuer.name());
            let lab = Lab::of(issuer, trusted).loaded().await;
            let asked: Vec<_> = lab.issuer.received().into_iter().map(|request| request.target).collect();
            assert_eq!(asked, targets);
        }
    }
}

#[tokio::test]
async fn g17_a_request_for_keys_reveals_nothing_about_tokens() {
    let lab = Lab::new().await;
    lab.issuer.etags(true);
    let lab = lab.loaded().await;
    lab.issuer.rotate();
    assert_eq!(lab.ask(&lab.good()).await, Ok(()));
    assert_eq!(lab.ask(&lab.good().kid("secret-kid").unsigned()).await, Err(ErrorKind::UnknownKey));
    let received = lab.issuer.received();
    assert_eq!(received.len(), 6);
    for (number, request) in received.iter().enumerate() {
        let is_set = number % 2 == 1;
        let target = if is_set { "/jwks" } else { "/.well-known/openid-configuration" };
        assert_eq!((request.method.as_str(), request.target.as_str()), ("GET", target));
        let mut names: Vec<_> = request.headers.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        // The first condition can be sent after the first set.
        let expected = ["accept", "host", "if-none-match", "user-agent"];
        assert_eq!(
            names,
            expected.into_iter().filter(|&name| name != "if-none-match" || (is_set && number > 1)).collect::<Vec<_>>()
        );
        let accept = if is_set { "application/jwk-set+json, application/json" } else { "application/json" };
        assert_eq!(request.header("accept"), Some(accept));
        assert_eq!(request.header("host"), lab.issuer.address().strip_prefix("http://"));
        assert!(request.header("user-agent").is_some_and(|agent| agent.starts_with("jwt-core/")));
    }
}

#[tokio::test]
async fn an_issuer_may_be_reached_at_another_address_and_keeps_its_name() {
    let name = "https://id.example/realm";
    let issuer = ScriptedIssuer::start_as(name).await.expect("an issuer");
    let trusted = TrustedIssuer::discover(name).metadata_url(issuer.address());
    let lab = Lab::of(issuer, trusted).loaded().await;
    assert_eq!(lab.issuer.name(), name);
    let inner = lab.good().of_issuer(lab.issuer.address());
    assert_eq!(lab.at_once(&inner), Err(ErrorKind::UnknownIssuer), "the address is not the issuer's name");

    // Metadata that names that address belongs to another issuer.
    let issuer = ScriptedIssuer::start().await.expect("an issuer");
    let trusted = TrustedIssuer::discover(name).metadata_url(issuer.address());
    let verifier = Verifier::builder().issuer(trusted.audience(AUDIENCE)).clock(issuer.clock()).build();
    let error = verifier.expect("a verifier").fetch_keys().await.expect_err("another issuer");
    assert_eq!(error.issuers().collect::<Vec<_>>(), [(Some(name), FetchErrorKind::IssuerMismatch)]);
}

#[tokio::test]
async fn a_key_set_may_be_fetched_without_metadata() {
    let issuer = ScriptedIssuer::start().await.expect("an issuer");
    let trusted = TrustedIssuer::jwks(issuer.name(), issuer.jwks_uri());
    let lab = Lab::of(issuer, trusted).loaded().await;
    assert_eq!((lab.issuer.received().len(), lab.sets()), (1, 1));
}

#[tokio::test]
async fn g15_a_moved_key_set_is_followed_at_the_next_renewal() {
    let (lab, inner) = (Lab::new().await.loaded().await, ScriptedIssuer::start().await.expect("another server"));
    inner.publish([lab.issuer.rotate()]);
    lab.issuer.script(Document::OpenIdMetadata, Script::KeySetAt(inner.jwks_uri()));
    assert_eq!(lab.ask(&lab.good()).await, Ok(()));
    assert_eq!((lab.sets(), inner.requests(Document::KeySet), lab.status().keys), (1, 1, 1));
}

#[tokio::test]
async fn an_etag_is_sent_only_to_its_own_address() {
    let (lab, inner) = (Lab::new().await, ScriptedIssuer::start().await.expect("another server"));
    lab.issuer.etags(true);
    inner.etags(true);
    let lab = lab.loaded().await;
    inner.publish([lab.issuer.rotate()]);
    for (jwks_uri, sets, keys) in [(inner.jwks_uri(), (1, 1), 1), (lab.issuer.jwks_uri(), (2, 1), 2)] {
        lab.issuer.script(Document::OpenIdMetadata, Script::KeySetAt(jwks_uri));
        assert_eq!(lab.verifier.fetch_keys().await, Ok(()));
        assert_eq!((lab.sets(), inner.requests(Document::KeySet), lab.status().keys), (sets.0, sets.1, keys));
    }
    for server in [&lab.issuer, &inner] {
        let conditions = server.received().into_iter().filter(|request| request.header("if-none-match").is_some());
        assert_eq!(conditions.count(), 0, "the current set came from the other address");
    }
    assert_eq!(lab.verifier.fetch_keys().await, Ok(()));
    let received = lab.issuer.received();
    assert!(
        received.last().is_some_and(|last| last.header("if-none-match").is_some()),
        "the tag is now from this address"
    );
}

#[tokio::test]
async fn a_not_modified_response_to_an_unconditional_request_is_a_failure() {
    let lab = Lab::new().await.loaded().await;
    lab.issuer.script(Document::KeySet, Script::Status(304));
    let error = lab.verifier.fetch_keys().await.expect_err("no set");
    assert_eq!(error.issuers().collect::<Vec<_>>(), [(Some(lab.issuer.name()), FetchErrorKind::Status)]);

    // A custom fetch that has a set already.
    let remote = Remote::serving(&[&key()]);
    let served = remote.clone();
    let fetch = fetch_fn(move |_url: String| {
        let answer = served.document().or_else(|_| Ok(Fetched::not_modified()));
        async { answer }
    });
    let trusted = TrustedIssuer::jwks("https://id.example", "https://id.example/jwks").audience(AUDIENCE);
    let verifier = Verifier::builder().issuer(trusted).fetch(fetch).build().expect("a verifier");
    assert_eq!(verifier.fetch_keys().await, Ok(()));
    remote.fail();
    let error = verifier.fetch_keys().await.expect_err("no set");
    assert_eq!(error.issuers().map(|(_, kind)| kind).collect::<Vec<_>>(), [FetchErrorKind::Content]);
}
