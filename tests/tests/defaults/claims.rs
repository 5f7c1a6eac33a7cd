//! Who signs a token, for whom, and what its header and claims say.

use jwt_core::crypto::SigningKey;
use jwt_core::revocation::MemoryRevocations;
use jwt_core::{Algorithm, BuildErrorKind, ErrorKind, TrustedIssuer, Verifier};
use jwt_tests::answer::Answer;
use jwt_tests::ask::Ask;
use jwt_tests::forge::{AUDIENCE, Forge, ISSUER, NOW, encode};
use jwt_tests::remote::{JWKS, Remote};
use jwt_tests::setup::{behind, builder, good, issuer, key, key_of, keyless, stranger, trusting};
use serde_json::{Value, json};

use super::{accepts, problem, refuses};

rows! {
    "issuer", "must be decided" => an_issuer_must_be_decided {
        let error = Verifier::builder().build().expect_err("undecided");
        assert_eq!(problem(&error), (BuildErrorKind::Undecided, "issuer"));
        refuses(&good().claim("iss", "https://other.example").sign(), ErrorKind::UnknownIssuer).await;
        refuses(&good().without("iss").sign(), ErrorKind::UnknownIssuer).await;
    }

    "audience", "must be decided" => an_audience_must_be_decided {
        let issuer = TrustedIssuer::new(ISSUER).key(key().verification_key());
        let error = Verifier::builder().issuer(issuer).build().expect_err("undecided");
        assert_eq!(problem(&error), (BuildErrorKind::Undecided, "audience"));
        refuses(&good().claim("aud", "https://other.example").sign(), ErrorKind::WrongAudience).await;
        refuses(&good().without("aud").sign(), ErrorKind::WrongAudience).await;
    }

    "keys", "must be decided" => keys_must_be_decided {
        let error = Verifier::builder().issuer(keyless()).build().expect_err("undecided");
        assert_eq!(problem(&error), (BuildErrorKind::Undecided, "keys"));
    }

    "algorithms", "the algorithms of the keys; never a shared secret for fetched keys" => algorithms_are_those_of_the_keys {
        for &algorithm in Algorithm::ALL {
            let key = key_of(algorithm);
            let application = behind(trusting(keyless().key(key.verification_key())));
            let answer = application.send(&Ask::get("/user").bearer(&Forge::new(&key).sign())).await;
            assert_eq!(answer, Answer::text("Ada"), "{algorithm}");
        }
        refuses(&Forge::new(&stranger(Algorithm::HS256)).sign(), ErrorKind::AlgorithmNotAllowed).await;
        let secret = key_of(Algorithm::HS256);
        let remote = Remote::failing();
        let oct = json!({"kty": "oct", "kid": "k-1", "alg": "HS256", "k": encode([7; 32])});
        remote.serve_body(json!({"keys": [oct, key().public_jwk()]}).to_string());
        let issuer = TrustedIssuer::jwks(ISSUER, JWKS).audience(AUDIENCE);
        let application = behind(trusting(issuer.clone()).fetch(remote.fetch()));
        for key in [secret, SigningKey::from_secret(Algorithm::HS256, [7; 32]).expect("long enough")] {
            let answer = application.send(&Ask::get("/user").bearer(&Forge::new(&key).sign())).await;
            assert_eq!(answer, Answer::refused(ErrorKind::AlgorithmNotAllowed));
        }
        let error = trusting(issuer.algorithms([Algorithm::HS256])).fetch(remote.fetch()).build();
        assert_eq!(problem(&error.expect_err("a secret")), (BuildErrorKind::Contradiction, "algorithms"));
    }

    "dates", "seconds up to the end of the year 9999, with or without a fraction; anything else is malformed"
        => dates_are_seconds_until_the_year_9999
    {
        accepts(&good().claim("exp", 253_402_300_799_u64).claim("iat", 1_800_000_000.5).sign()).await;
        for exp in [json!(253_402_300_800_u64), json!((NOW + 300) * 1000), json!(1e300), json!("1800000300")] {
            refuses(&good().claim("exp", exp).sign(), ErrorKind::MalformedClaims).await;
        }
    }

    "`sub`, `jti`", "strings; numbers are refused" => identifiers_are_strings {
        refuses(&good().claim("sub", 1815).sign(), ErrorKind::MalformedClaims).await;
        refuses(&good().claim("jti", 1815).sign(), ErrorKind::MalformedClaims).await;
        let application = behind(trusting(issuer().numeric_identifiers()));
        let answer = application.send(&Ask::get("/user").bearer(&good().claim("sub", 1815).sign())).await;
        assert_eq!(answer, Answer::text("Ada"));
    }

    "`client_id`, `sid` of another type", "count as absent; refused if they are required, and `sid` with a revocation list"
        => a_client_or_session_of_another_type_counts_as_absent
    {
        let (client, session) = (good().claim("client_id", 5).sign(), good().claim("sid", 5).sign());
        accepts(&client).await;
        accepts(&session).await;
        let required = behind(trusting(issuer().require_claims(["client_id"])));
        let answer = required.send(&Ask::get("/me").bearer(&client)).await;
        assert_eq!(answer, Answer::refused(ErrorKind::MalformedClaims));
        let revoking = behind(builder().revocations(MemoryRevocations::new()));
        let answer = revoking.send(&Ask::get("/me").bearer(&session)).await;
        assert_eq!(answer, Answer::refused(ErrorKind::MalformedClaims));
    }

    "`exp`", "required, and in the future" => an_end_is_required_and_in_the_future {
        refuses(&good().without("exp").sign(), ErrorKind::MissingClaim).await;
        refuses(&good().claim("exp", NOW - 60).without("iat").sign(), ErrorKind::Expired).await;
        accepts(&good().claim("exp", NOW + 1).sign()).await;
    }

    "`nbf`", "checked if present" => a_beginning_is_honoured_where_it_is_there {
        refuses(&good().claim("nbf", NOW + 61).sign(), ErrorKind::NotYetValid).await;
        accepts(&good().without("nbf").sign()).await;
    }

    "`iat`", "refused in the future, or after `exp`" => an_issue_in_the_future_is_refused {
        refuses(&good().claim("iat", NOW + 61).sign(), ErrorKind::IssuedInFuture).await;
        refuses(&good().claim("iat", NOW + 20).claim("exp", NOW + 19).sign(), ErrorKind::IssuedInFuture).await;
        accepts(&good().without("iat").sign()).await;
    }

    "leeway", "60 seconds, at most 300" => the_leeway_is_a_minute_and_at_most_five {
        use std::time::Duration;
        accepts(&good().without("iat").claim("exp", NOW - 59).sign()).await;
        refuses(&good().without("iat").claim("exp", NOW - 60).sign(), ErrorKind::Expired).await;
        accepts(&good().claim("nbf", NOW + 60).sign()).await;
        refuses(&good().claim("nbf", NOW + 61).sign(), ErrorKind::NotYetValid).await;
        assert!(builder().leeway(Duration::from_secs(300)).build().is_ok());
        let error = builder().leeway(Duration::from_secs(301)).build().expect_err("too much");
        assert_eq!(problem(&error), (BuildErrorKind::OutOfRange, "leeway"));
    }

    "maximum age, maximum lifetime", "no limit" => age_and_lifetime_have_no_limit {
        accepts(&good().claim("iat", 0).claim("exp", 253_402_300_799_u64).sign()).await;
    }

    "`typ`", "`JWT`, `at+jwt` or absent" => the_type_is_a_token_or_absent {
        for typ in ["JWT", "jwt", "at+jwt", "AT+JWT", "application/at+jwt"] {
            accepts(&good().header("typ", typ).sign()).await;
        }
        accepts(&good().without_header("typ").sign()).await;
        for typ in ["logout+jwt", "dpop+jwt", "secevent+jwt", "rt+jwt", "JOSE", ""] {
            refuses(&good().header("typ", typ).sign(), ErrorKind::WrongType).await;
        }
    }

    "`nonce`, `at_hash`, `c_hash`", "refused, unless `typ` is `at+jwt` or the accepted types are named"
        => an_id_token_is_refused_even_if_it_is_for_this_audience
    {
        for claim in ["nonce", "at_hash", "c_hash"] {
            let id_token = good().header("typ", "JWT").claim(claim, "x").sign();
            refuses(&id_token, ErrorKind::WrongType).await;
            refuses(&good().without_header("typ").claim(claim, "x").sign(), ErrorKind::WrongType).await;
            accepts(&good().claim(claim, "x").sign()).await;
            let named = behind(trusting(issuer().token_types(["JWT"])));
            assert_eq!(named.send(&Ask::get("/user").bearer(&id_token)).await, Answer::text("Ada"));
        }
    }

    "`crit`, `b64`, `cty` `JWT`", "refused" => extensions_and_nested_tokens_are_refused {
        refuses(&good().header("crit", json!(["exp"])).sign(), ErrorKind::CriticalHeader).await;
        refuses(&good().header("b64", true).sign(), ErrorKind::CriticalHeader).await;
        refuses(&good().header("cty", "JWT").sign(), ErrorKind::NestedToken).await;
    }

    "`cnf`", "refused" => a_bound_token_is_refused {
        for cnf in [json!({"jkt": "x"}), json!({}), Value::Null] {
            refuses(&good().claim("cnf", cnf).sign(), ErrorKind::UnsupportedConfirmation).await;
        }
    }
}
