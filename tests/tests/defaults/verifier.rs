//! Rejections, fetched keys, the cache and revocation.

use std::time::Duration;

use jwt_core::keys::{FetchErrorKind, KeySetState};
use jwt_core::revocation::{MemoryRevocations, Standing};
use jwt_core::testing::{ManualClock, ScriptedRevocations};
use jwt_core::verify::{IssuerResolver, TokenCacheSettings};
use jwt_core::{BuildErrorKind, ErrorKind, TrustedIssuer, Verifier};
use jwt_tests::answer::Answer;
use jwt_tests::ask::Ask;
use jwt_tests::forge::{AUDIENCE, ISSUER, NOW};
use jwt_tests::remote::{JWKS, Remote};
use jwt_tests::setup::{application, behind, builder, good, issuer, key, trusting};

use super::{accepts, problem};

rows! {
    "realm", "`api`" => the_realm_is_api {
        let answer = application().send(&Ask::get("/me")).await;
        assert_eq!(answer.header("www-authenticate"), Some("Bearer realm=\"api\""));
    }

    "bodies of rejections", "empty" => the_bodies_of_refusals_are_empty {
        for ask in [Ask::get("/me"), Ask::get("/me").bearer("a"), Ask::get("/optional-me"), Ask::get("/optional-reports")] {
            assert!(application().send(&ask).await.body.is_empty());
        }
    }

    "CORS preflights", "refused like other requests" => a_preflight_is_refused_as_other_requests_are {
        let ask = Ask::new("OPTIONS", "/any-required").header("origin", "https://app.example");
        let application = application().guarded(jwt_core::authorize::Routes::new());
        let answer = application.send(&ask.header("access-control-request-method", "GET")).await;
        assert_eq!(answer, Answer::missing());
    }

    "credentials", "required" => credentials_are_required {
        assert_eq!(application().send(&Ask::get("/me")).await, Answer::missing());
    }

    "fetched keys", "fresh for 10 minutes if the issuer doesn't say; used for another hour while it fails" => fetched_keys_grow_old {
        let (remote, clock) = (Remote::serving(&[&key()]), ManualClock::at(NOW));
        let issuer = TrustedIssuer::jwks(ISSUER, JWKS).audience(AUDIENCE);
        let verifier = Verifier::builder().issuer(issuer).clock(clock.clone()).fetch(remote.fetch()).build();
        let verifier = verifier.expect("a verifier");
        assert_eq!(verifier.fetch_keys().await, Ok(()));
        for (age, state) in [
            (599, KeySetState::Fresh),
            (600, KeySetState::Stale),
            (4_199, KeySetState::Stale),
            (4_200, KeySetState::Outage),
        ] {
            clock.set(Duration::from_secs(NOW + age));
            assert_eq!(verifier.key_set_status()[0].1.state, state, "{age}");
        }
    }

    "addresses of metadata and keys", "`https`, or `http` on this machine" => keys_come_over_https {
        let build = |issuer: TrustedIssuer| Verifier::builder().issuer(issuer.audience(AUDIENCE)).build();
        let error = build(TrustedIssuer::jwks(ISSUER, "http://keycloak:8080/certs")).expect_err("no TLS");
        assert_eq!(problem(&error), (BuildErrorKind::InsecureUrl, "jwks"));
        assert!(build(TrustedIssuer::jwks(ISSUER, "http://localhost:8080/certs")).is_ok());
        let named = TrustedIssuer::jwks(ISSUER, "http://keycloak:8080/certs").dangerous_http_hosts(["keycloak"]);
        assert!(build(named).is_ok());
    }

    "duration of a key fetch", "16 seconds, then it counts as failed" => a_fetch_of_keys_has_its_time {
        let (remote, clock) = (Remote::serving(&[&key()]).hold(), ManualClock::at(NOW));
        let issuer = TrustedIssuer::jwks(ISSUER, JWKS).audience(AUDIENCE);
        let verifier = Verifier::builder().issuer(issuer).clock(clock.clone()).fetch(remote.fetch()).build();
        let verifier = verifier.expect("a verifier");
        assert!(!verifier.is_ready());
        clock.advance(Duration::from_millis(15_999));
        assert_eq!(verifier.key_set_status()[0].1.last_error, None);
        clock.advance(Duration::from_millis(1));
        assert_eq!(verifier.key_set_status()[0].1.last_error, Some(FetchErrorKind::Timeout.into()));
    }

    "keys unavailable", "503 with `Retry-After`" => keys_out_of_reach_are_an_outage {
        let remote = Remote::failing();
        let issuer = TrustedIssuer::jwks(ISSUER, JWKS).audience(AUDIENCE);
        let application = behind(trusting(issuer).fetch(remote.fetch()));
        let answer = application.send(&Ask::get("/me").bearer(&good().sign())).await;
        assert_eq!(answer, Answer::unavailable(ErrorKind::KeysUnavailable, 1));
        assert_eq!(answer.header("www-authenticate"), None);
    }

    "verified tokens", "cached: at most 10,000, and 32 MiB with their decoded claims" => verified_tokens_are_remembered_within_bounds {
        assert_eq!(TokenCacheSettings::new(), TokenCacheSettings::new().max_entries(10_000).max_bytes(32 << 20));
        assert_eq!(TokenCacheSettings::default(), TokenCacheSettings::new());
        let verifier = builder().build().expect("a verifier");
        assert!(verifier.verify(&good().sign()).await.is_ok());
        assert_eq!(verifier.token_cache_status().expect("a cache").entries, 1);
    }

    "issuers that are looked up", "looked up again after 5 minutes; 10,000 in use; 1,000 look-ups and key fetches at once, then 100 a second" => looked_up_issuers_are_asked_for_again {
        let resolver = || IssuerResolver::new(|_| true, |_| async { Ok(Some(issuer())) });
        let explicit = resolver().lifetime(Duration::from_secs(300)).max_issuers(10_000);
        let explicit = explicit.look_ups(1_000, 100).key_fetches(1_000, 100);
        assert_eq!(format!("{:?}", resolver()), format!("{explicit:?}"));
    }

    "readiness", "every given issuer, no others" => readiness_is_that_of_all_given_issuers {
        let tenants = || IssuerResolver::new(|_| true, |name| async { Ok(Some(TrustedIssuer::jwks(name, JWKS).audience(AUDIENCE))) });
        let remote = TrustedIssuer::jwks("https://down.example", JWKS).audience(AUDIENCE);
        for (builder, ready) in [(builder(), true), (builder().issuer(remote), false)] {
            let builder = builder.fetch(Remote::failing().fetch()).issuer_resolver(tenants());
            let verifier = builder.build().expect("a verifier");
            assert!(verifier.verify(&good().claim("iss", "https://tenant.example").sign()).await.is_err());
            assert_eq!(verifier.is_ready(), ready);
        }
    }

    "revocation", "off; with a list, fails closed: 503" => a_list_that_cannot_tell_lets_nobody_pass {
        accepts(&good().sign()).await;
        let list = ScriptedRevocations::default();
        list.answer(Standing::Unavailable);
        let answer = behind(builder().revocations(list)).send(&Ask::get("/me").bearer(&good().sign())).await;
        assert_eq!(answer, Answer::unavailable(ErrorKind::RevocationUnavailable, 5));
    }

    "tokens without `jti`, with a revocation list", "refused" => tokens_that_cannot_be_revoked_are_refused {
        let token = good().without("jti").sign();
        accepts(&token).await;
        let answer = behind(builder().revocations(MemoryRevocations::new())).send(&Ask::get("/me").bearer(&token)).await;
        assert_eq!(answer, Answer::refused(ErrorKind::MissingClaim));
    }

    "streams and sockets", "checked every 30 seconds, if the application awaits `until_invalid`" => streams_are_looked_after {
        let verifier = builder().build().expect("a verifier");
        let verified = verifier.verify(&good().sign()).await.expect("good");
        let (tell, told) = tokio::sync::oneshot::channel();
        let mut tell = Some(tell);
        let ended = tokio::spawn(verified.until_invalid(move |time| {
            let _ = tell.take().map(|tell| tell.send(time));
            std::future::pending()
        }));
        assert_eq!(told.await, Ok(Duration::from_secs(30)));
        ended.abort();
    }
}
