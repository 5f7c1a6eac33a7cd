//! The documented table of defaults. Each row has a test that changes no other setting.

use std::time::Duration;

use jwt_core::crypto::{Backend, SigningKey};
use jwt_core::gate::ProtectedResource;
use jwt_core::http::{Csrf, Location, TokenSources};
use jwt_core::keys::{FetchErrorKind, Key, KeyErrorKind, KeySet, KeySetState};
use jwt_core::proof::{Dpop, MemoryReplayLog};
use jwt_core::revocation::{MemoryRevocations, Standing};
use jwt_core::testing::ManualClock;
use jwt_core::testing::ScriptedRevocations;
use jwt_core::verify::{IssuerResolver, TokenCacheSettings};
use jwt_core::{Algorithm, ErrorKind, TrustedIssuer, Verifier};
use jwt_core::{BuildError, BuildErrorKind};
use jwt_tests::adapter::Adapter;
use jwt_tests::answer::Answer;
use jwt_tests::ask::Ask;
use jwt_tests::forge::{AUDIENCE, Forge, ISSUER, NOW, encode};
use jwt_tests::issuing::Shop;
use jwt_tests::proof::{BASE, Device};
use jwt_tests::remote::{JWKS, Remote};
use jwt_tests::setup::{application, behind, builder, good, issuer, key, key_of, keyless, stranger, trusting};
use serde_json::{Value, json};

const TABLE: &str = include_str!("../../jwt-core/doc/defaults.md");

/// Defines one test for each row, and the list of the rows.
macro_rules! rows {
    ($($decision:literal, $default:literal => $name:ident $body:block)+) => {
        const ROWS: &[(&str, &str)] = &[$(($decision, $default)),+];
        $(
            #[actix_web::test]
            async fn $name() $body
        )+
    };
}

#[test]
fn the_documented_table_of_defaults_is_the_tested_one() {
    let documented: Vec<(&str, &str)> = TABLE
        .lines()
        .skip_while(|line| !line.starts_with('|'))
        .skip(2)
        .map(|line| {
            let mut cells = line.trim_matches('|').split(" | ").map(str::trim);
            (cells.next().unwrap_or_default(), cells.next().unwrap_or_default())
        })
        .collect();
    assert_eq!(documented, ROWS);
}

/// Asserts that the usual application accepts the token.
async fn accepts(token: &str) {
    let answer = application().send(&Ask::get("/me").bearer(token)).await;
    assert_eq!((answer.status, answer.code), (200, None));
}

/// Asserts that the usual application refuses the token.
async fn refuses(token: &str, kind: ErrorKind) {
    assert_eq!(application().send(&Ask::get("/me").bearer(token)).await, Answer::refused(kind));
}

fn problem(error: &BuildError) -> (BuildErrorKind, &str) {
    (error.kind(), error.setting())
}

/// A public RSA key of this size. Its private key does not exist.
fn rsa(bits: usize) -> Result<Key, KeyErrorKind> {
    let mut modulus = vec![0x55; bits.div_ceil(8)];
    modulus[0] = 1 << ((bits - 1) % 8);
    let jwk = json!({"kty": "RSA", "n": encode(&modulus), "e": "AQAB"});
    Key::from_jwk(&jwk.to_string()).map_err(|error| error.kind())
}

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

    "`cnf` with DPoP allowed", "needs a proof; refused as a bearer token, and from every place but `Authorization: DPoP`" =>
        a_bound_token_needs_a_proof
    {
        let sources = TokenSources::new().header("x-token");
        let application = behind(trusting(issuer().dpop_allowed()).dpop(Dpop::new(BASE)).sources(sources));
        let device = Device::default();
        assert_eq!(application.send_new(|| device.get("/user")).await, Answer::text("Ada"));
        let token = device.good().sign();
        let proof = device.proof("GET", "/user", &token).sign();
        for ask in [Ask::get("/user").bearer(&token), Ask::get("/user").header("x-token", &token)] {
            let answer = application.send(&ask.header("dpop", &proof)).await;
            assert_eq!(answer.code, Some(ErrorKind::MissingProof.code()));
        }
    }

    "algorithms of proofs", "every one with a public key" => every_asymmetric_algorithm_signs_proofs {
        let application = behind(trusting(issuer().dpop_allowed()).dpop(Dpop::new(BASE)));
        for &algorithm in Algorithm::ALL.iter().filter(|algorithm| !algorithm.is_symmetric()) {
            let device = Device { key: key_of(algorithm) };
            assert_eq!(application.send_new(|| device.get("/user")).await, Answer::text("Ada"), "{algorithm}");
        }
    }

    "age of a proof", "at most 60 seconds, and 10 seconds ahead" => a_proof_is_recent {
        let application = behind(trusting(issuer().dpop_allowed()).dpop(Dpop::new(BASE)));
        let device = Device::default();
        let token = device.good().sign();
        for (issued, expected) in [(NOW - 61, 401), (NOW - 60, 200), (NOW + 10, 200), (NOW + 11, 401)] {
            let proof = || device.proof("GET", "/user", &token).claim("iat", issued).sign();
            let answer = application.send_new(|| Ask::get("/user").dpop(&token, &proof())).await;
            assert_eq!(answer.status, expected, "{issued}");
        }
    }

    "nonces in proofs", "not required" => a_proof_needs_no_nonce {
        let application = behind(trusting(issuer().dpop_allowed()).dpop(Dpop::new(BASE)));
        assert_eq!(application.send_new(|| Device::default().get("/user")).await, Answer::text("Ada"));
        let asking = behind(trusting(issuer().dpop_allowed()).dpop(Dpop::new(BASE).nonces([7; 32])));
        let answer = asking.send_new(|| Device::default().get("/user")).await;
        assert_eq!(answer.code, Some(ErrorKind::StaleNonce.code()));
    }

    "use of a proof", "once; remembered by the process: a million proofs, 100,000 of each key, then 503" =>
        a_proof_is_used_once
    {
        assert!(format!("{:?}", MemoryReplayLog::new()).contains("most: 1000000"), "the limits of `new`");
        let application = behind(trusting(issuer().dpop_allowed()).dpop(Dpop::new(BASE)));
        let ask = Device::default().get("/user");
        assert_eq!(Adapter::Axum.send(&application, &ask).await, Answer::text("Ada"));
        assert_eq!(application.send(&ask).await.code, Some(ErrorKind::ReplayedProof.code()));
        let full = Dpop::new(BASE).replay_log(MemoryReplayLog::with_limits(0, 1));
        let full = behind(trusting(issuer().dpop_allowed()).dpop(full));
        assert_eq!(full.send(&ask).await, Answer::unavailable(ErrorKind::ReplayLogUnavailable, 5));
    }

    "no `kid`", "accepted if exactly one key fits" => a_token_without_a_kid_is_good_for_the_only_key {
        let nameless = good().without_header("kid").sign();
        accepts(&nameless).await;
        let two = issuer().key(stranger(Algorithm::ES256).with_kid("k-2").verification_key());
        let answer = behind(trusting(two)).send(&Ask::get("/me").bearer(&nameless)).await;
        assert_eq!(answer, Answer::refused(ErrorKind::AmbiguousKey));
    }

    "duplicate members, depth over 32", "refused" => duplicate_members_and_deep_nesting_are_refused {
        let claims = Value::from(good().claims).to_string();
        let with = |member: &str| format!("{},{member}}}", claims.strip_suffix('}').expect("an object"));
        let nested = |levels: usize| format!("\"x\":{}{}", "[".repeat(levels), "]".repeat(levels));
        for member in ["\"sub\":\"b\"", "\"name\":\"b\"", "\"x\":{\"a\":1,\"a\":1}"] {
            refuses(&good().sign_payload(with(member)), ErrorKind::MalformedClaims).await;
        }
        accepts(&good().sign_payload(with(&nested(31)))).await;
        refuses(&good().sign_payload(with(&nested(32))), ErrorKind::MalformedClaims).await;
        let header = r#"{"alg":"ES256","kid":"k-1","kid":"k-1"}"#;
        refuses(&good().sign_header(header), ErrorKind::MalformedToken).await;
    }

    "token, header, `kid`", "at most 16 KiB, 4 KiB, 256 bytes" => the_sizes_of_token_header_and_kid_are_limited {
        accepts(&good().claim("filler", "a".repeat(11_000)).sign()).await;
        refuses(&"a".repeat(16 * 1024), ErrorKind::MalformedToken).await;
        refuses(&"a".repeat(16 * 1024 + 1), ErrorKind::TokenTooLarge).await;
        let header = |bytes: usize| format!("{:bytes$}", r#"{"alg":"ES256","kid":"k-1"}"#);
        accepts(&good().sign_header(header(3 * 1024))).await;
        refuses(&good().sign_header(header(3 * 1024 + 1)), ErrorKind::TokenTooLarge).await;
        refuses(&good().header("kid", "k".repeat(256)).sign(), ErrorKind::UnknownKey).await;
        refuses(&good().header("kid", "k".repeat(257)).sign(), ErrorKind::MalformedToken).await;
    }

    "place of the token", "only `Authorization: Bearer`" => a_token_is_looked_for_in_one_place {
        let token = good().sign();
        accepts(&token).await;
        for ask in [
            Ask::get(format!("/me?access_token={token}")),
            Ask::get("/me").header("cookie", format!("access_token={token}; token={token}; jwt={token}")),
            Ask::get("/me").header("x-access-token", &token),
            Ask::get("/me").header("authorization", format!("Token {token}")),
            Ask::get("/me").header("proxy-authorization", format!("Bearer {token}")),
            Ask::post("/me").header("content-type", "application/x-www-form-urlencoded").body(format!("access_token={token}")),
        ] {
            assert_eq!(application().send(&ask).await, Answer::missing());
        }
    }

    "more than one token", "400" => more_than_one_token_is_an_invalid_request {
        let token = good().sign();
        let answer = application().send(&Ask::get("/me").bearer(&token).bearer(&token)).await;
        assert_eq!(answer, Answer::malformed(ErrorKind::MultipleCredentials));
    }

    "token in a cookie, or from a source without a location; unsafe method", "only from the application's own pages" => a_cookie_is_good_on_own_pages {
        let application = behind(builder().sources(TokenSources::new().cookie("session")));
        let post = |site: &str| {
            let ask = Ask::post("/me").header("cookie", format!("session={}", good().sign()));
            ask.header("sec-fetch-site", site)
        };
        assert_eq!(application.send(&post("same-origin")).await.status, 200);
        assert_eq!(application.send(&post("cross-site")).await, Answer::csrf());
        let closure = TokenSources::none().from_fn(Location::Custom, |_| Some(good().sign()));
        let cross = Ask::post("/me").header("sec-fetch-site", "cross-site");
        assert_eq!(behind(builder().sources(closure)).send(&cross).await, Answer::csrf());
    }

    "value of the claim `csrf`", "only in a header" => the_csrf_value_is_not_looked_for_in_a_form {
        let application = behind(builder().sources(TokenSources::new().cookie("session")));
        let token = good().claim("csrf", "s3cret").sign();
        let post = Ask::post("/me").header("cookie", format!("session={token}")).header("sec-fetch-site", "same-origin");
        let form = post.clone().header("content-type", "application/x-www-form-urlencoded").body("csrf_token=s3cret");
        assert_eq!(application.send(&form).await, Answer::csrf());
        assert_eq!(application.send(&post.header("x-csrf-token", "s3cret")).await.status, 200);
    }

    "methods without a CSRF check", "`GET`, `HEAD`, `OPTIONS`, `TRACE`, or fewer" => only_safe_methods_are_not_checked {
        let with = |methods: &[&str]| {
            let csrf = Csrf::new().safe_methods(methods.iter().copied());
            builder().sources(TokenSources::new().cookie("session").csrf(csrf)).build()
        };
        assert!(with(&["GET", "HEAD", "OPTIONS", "TRACE"]).is_ok() && with(&[]).is_ok());
        let error = with(&["GET", "POST"]).expect_err("a mistake");
        assert_eq!(problem(&error), (BuildErrorKind::OutOfRange, "safe_methods"));
    }

    "two cookies of one name", "400, and all of them are removed" => two_cookies_of_one_name_are_refused_and_removed {
        let application = behind(builder().sources(TokenSources::new().cookie("session")));
        let twice = Ask::get("/me").header("cookie", format!("session={}; session=x", good().sign()));
        let gone = |path: &str| format!("session=; Path={path}; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT");
        let expected = Answer::malformed(ErrorKind::MultipleCredentials)
            .with_header("set-cookie", &gone("/"))
            .with_header("set-cookie", &gone("/me"));
        assert_eq!(application.send(&twice).await, expected);
    }

    "cookies of one name with and without `__Host-`, if both are sources", "the one with the prefix"
        => a_cookie_with_the_prefix_counts_before_the_same_name_without_it
    {
        let sources = TokenSources::new().cookie("session").cookie("__Host-session");
        let cookies = format!("session=planted; __Host-session={}", good().sign());
        let answer = behind(builder().sources(sources)).send(&Ask::get("/user").header("cookie", cookies)).await;
        assert_eq!(answer, Answer::text("Ada"));
    }

    "other origins in the CSRF check", "none" => no_other_origin_is_trusted {
        let with = |csrf: Csrf| builder().sources(TokenSources::new().cookie("session").csrf(csrf));
        let cross = Ask::post("/me").header("cookie", format!("session={}", good().sign()));
        let cross = cross.header("origin", "https://tenant-7.shop.example");
        assert_eq!(behind(with(Csrf::new())).send(&cross).await, Answer::csrf());
        let decided = Csrf::new().allow_origin_if(|origin| origin.ends_with(".shop.example"));
        for csrf in [decided, Csrf::new().allow_origin("https://*.shop.example")] {
            assert_eq!(behind(with(csrf)).send(&cross).await.status, 200);
        }
        assert!(with(Csrf::new().allow_origin("https://*")).build().is_err());
    }

    "empty cookie, empty custom header", "counts as no token" => an_empty_cookie_or_header_holds_no_token {
        let application = behind(builder().sources(TokenSources::new().cookie("session").header("x-token")));
        let empty = Ask::get("/me").header("cookie", "session=").header("x-token", "");
        assert_eq!(application.send(&empty).await, Answer::missing());
        assert_eq!(application.send(&empty.bearer(&good().sign())).await.status, 200);
    }

    "several protected resources", "a token must name the one whose path the request has" => a_path_has_its_resource {
        let issuer = TrustedIssuer::new(ISSUER).key(key().verification_key());
        let [user, me] = ["https://api.example/user", "https://api.example/me"];
        let builder = trusting(issuer).resource(ProtectedResource::new(user)).resource(ProtectedResource::new(me));
        let application = behind(builder);
        let token = good().claim("aud", user).sign();
        assert_eq!(application.send(&Ask::get("/user").bearer(&token)).await, Answer::text("Ada"));
        let answer = application.send(&Ask::get("/me").bearer(&token)).await;
        assert_eq!((answer.status, answer.code), (401, Some(ErrorKind::WrongAudience.code())));
    }

    "scopes", "imply no others" => a_scope_implies_no_other {
        let token = good().claim("scope", "admin").sign();
        let ask = Ask::get("/reports").bearer(&token);
        assert_eq!(application().send(&ask).await, Answer::forbidden("reports:read"));
        let implying = behind(builder().scope_implies("admin", ["reports:read"]));
        assert_eq!(implying.send(&ask).await, Answer::text("Ada"));
    }

    "empty list in a requirement", "500" => an_empty_list_opens_no_route {
        let answer = application().scopes::<&str>([]).send(&Ask::get("/reports").bearer(&good().sign())).await;
        assert_eq!(answer, Answer::fault(ErrorKind::Misconfigured));
    }

    "RSA keys", "2048 to 8192 bits" => rsa_keys_have_2048_to_8192_bits {
        for (bits, expected) in [
            (1024, Some(KeyErrorKind::TooShort)),
            (2047, Some(KeyErrorKind::TooShort)),
            (2048, None),
            (8192, None),
            (8193, Some(KeyErrorKind::TooLarge)),
        ] {
            assert_eq!(rsa(bits).err(), expected, "{bits}");
        }
    }

    "HMAC keys", "at least as long as the hash" => hmac_keys_are_as_long_as_the_hash {
        for (algorithm, least) in [(Algorithm::HS256, 32), (Algorithm::HS384, 48), (Algorithm::HS512, 64)] {
            assert!(Key::from_secret(algorithm, vec![7; least]).is_ok(), "{algorithm}");
            let error = Key::from_secret(algorithm, vec![7; least - 1]).expect_err("too short");
            assert_eq!(error.kind(), KeyErrorKind::TooShort, "{algorithm}");
        }
    }

    "PEM", "read despite white space, line ends that are written as `\\n`, and text around the block"
        => a_pem_is_read_despite_what_surrounds_it
    {
        let base64 = "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
        let exact = format!("-----BEGIN PUBLIC KEY-----\n{base64}\n-----END PUBLIC KEY-----\n");
        let thumbprint = |pem: &str| {
            let key = Key::from_pem(Algorithm::Ed25519, pem.as_bytes()).expect(pem);
            Backend::aws_lc_rs().thumbprint(&key).expect("a public key")
        };
        let escaped = exact.trim_end().replace('\n', "\\n");
        let indented = exact.replace('\n', "  \n    ");
        for pem in [escaped, indented, format!("\u{feff}{exact}"), format!("# ours\n{exact}until 2030\n")] {
            assert_eq!(thumbprint(&pem), thumbprint(&exact), "{pem}");
        }
    }

    "numbers of a JWK", "read despite leading zeros, missing leading zeros, padding, or the standard alphabet of base64; `null` counts as absent"
        => numbers_of_a_jwk_are_read_despite_zeros_and_padding
    {
        let (exact, zeros) = (encode([0x95; 256]), encode([&[0][..], &[0x95; 256]].concat()));
        let read = |n: &str, e: &str| {
            let jwk = json!({"kty": "RSA", "n": n, "e": e, "use": null, "alg": null, "key_ops": null, "d": null});
            let key = Key::from_jwk(&jwk.to_string()).expect(n);
            Backend::aws_lc_rs().thumbprint(&key)
        };
        for (n, e) in [(&zeros, "AAEAAQ=="), (&format!("{exact}=="), "AQAB"), (&exact, "AAAAAQAB")] {
            assert_eq!(read(n, e), read(&exact, "AQAB"));
        }
        let jwk = json!({"kty": "RSA", "n": exact, "e": "AQAB", "d": "AQAB"}).to_string();
        assert_eq!(Key::from_jwk(&jwk).expect_err("private").kind(), KeyErrorKind::PrivateKey);
        assert_eq!(KeySet::from_jwks("\u{feff}{\"keys\":[]}").expect("a set").keys().len(), 0);
    }

    "key sets", "at most 512 KiB and 100 keys; a key with more than 100 members or 16 `key_ops` is ignored"
        => key_sets_are_bounded
    {
        let jwk = key().public_jwk().expect("a public key");
        let with = |member: &str, value: Value| {
            let mut jwk = jwk.clone();
            jwk[member] = value;
            jwk
        };
        let read = |keys: Vec<Value>| KeySet::from_jwks(&json!({"keys": keys}).to_string());
        assert_eq!(read(vec![jwk.clone(); 100]).expect("a set").keys().len(), 100);
        assert_eq!(read(vec![jwk.clone(); 101]).expect_err("too many").kind(), KeyErrorKind::TooLarge);
        let long = with("more", "x".repeat(512 * 1024).into());
        assert_eq!(read(vec![long]).expect_err("too long").kind(), KeyErrorKind::TooLarge);
        let members = |count: usize| {
            let mut jwk = jwk.clone();
            let rest = count - jwk.as_object().expect("an object").len();
            (0..rest).for_each(|number| jwk[format!("m{number}")] = 0.into());
            jwk
        };
        let operations = |count: usize| {
            let others = (1..count).map(|number| format!("o{number}"));
            with("key_ops", others.chain(["verify".to_owned()]).collect::<Vec<_>>().into())
        };
        for (most, more) in [(members(100), members(101)), (operations(16), operations(17))] {
            let set = read(vec![more, most]).expect("a set");
            let ignored: Vec<_> = set.ignored().map(|(index, error)| (index, error.kind())).collect();
            assert_eq!((set.keys().len(), ignored), (1, vec![(0, KeyErrorKind::TooLarge)]));
        }
    }

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

    "issued access tokens", "15 minutes" => access_tokens_live_for_a_quarter_of_an_hour {
        let issued = Shop::usual().tokens.access("joe").issue().expect("a token");
        assert_eq!(issued.lifetime.as_secs(), 15 * 60);
    }

    "`typ` of issued access tokens", "`at+jwt` with a `client_id`, otherwise `JWT`" => issued_tokens_follow_rfc_9068_or_do_not_say_so {
        let shop = Shop::usual();
        for (access, typ) in [
            (shop.tokens.access("joe"), "JWT"),
            (shop.tokens.access("joe").client_id("app"), "at+jwt"),
        ] {
            let token = access.issue().expect("a token").token;
            assert_eq!(shop.verifier.verify(&token).await.expect("a good token").token_type(), Some(typ));
        }
    }

    "sessions", "end after 7 days without a refresh, and after 30 days" => sessions_end {
        let shop = Shop::usual();
        let mut pair = shop.sessions.login("joe").start().await.expect("a session");
        assert_eq!(pair.refresh.lifetime.as_secs(), 7 * DAY);
        for _ in 0..5 {
            shop.wait(5 * DAY);
            let token = shop.sessions.verify(&pair.refresh.token).await.expect("good");
            pair = shop.sessions.refresh(&token).await.expect("a pair");
        }
        assert_eq!(pair.refresh.expires_at.seconds().unsigned_abs(), NOW + 30 * DAY);
    }

    "refresh token that is used again", "good until its successor is used, then its session ends" => refresh_tokens_repeat_until_the_next_is_used {
        let shop = Shop::usual();
        let pair = shop.sessions.login("joe").start().await.expect("a session");
        let token = shop.sessions.verify(&pair.refresh.token).await.expect("good");
        for _ in 0..3 {
            let next = shop.sessions.refresh(&token).await.expect("a pair");
            assert!(shop.sessions.verify(&next.refresh.token).await.is_ok());
            shop.wait(DAY);
        }
        let next = shop.sessions.refresh(&token).await.expect("a pair");
        let next = shop.sessions.verify(&next.refresh.token).await.expect("good");
        shop.sessions.refresh(&next).await.expect("a pair");
        let error = shop.sessions.refresh(&token).await.expect_err("its successor was used");
        assert_eq!(error.kind(), ErrorKind::RefreshReused);
    }

    "another copy of a refresh token", "good for 10 seconds after the first copy was used, then its session ends" => copies_are_good_for_a_moment {
        for (waited, expected) in [(9, None), (10, Some(ErrorKind::RefreshReused))] {
            let shop = Shop::usual();
            let pair = shop.sessions.login("joe").start().await.expect("a session");
            let token = shop.sessions.verify(&pair.refresh.token).await.expect("good");
            let mut copies = Vec::new();
            for _ in 0..2 {
                let copy = shop.sessions.refresh(&token).await.expect("a pair");
                copies.push(shop.sessions.verify(&copy.refresh.token).await.expect("good"));
            }
            shop.sessions.refresh(&copies[0]).await.expect("a pair");
            shop.wait(waited);
            assert_eq!(shop.sessions.refresh(&copies[1]).await.err().map(|error| error.kind()), expected, "{waited}");
        }
    }

    "sessions in cookies", "not bound to the browser's device" => sessions_are_not_bound_to_devices {
        let headers = jwt_tests::device::login_headers(&Shop::usual()).await;
        assert!(headers.iter().all(|(name, _)| name == "set-cookie" || name == "cache-control"), "{headers:?}");
    }
    "sessions of one subject", "100, then the least recently used one ends" => a_subject_has_a_hundred_sessions {
        let shop = Shop::usual();
        let first = shop.sessions.login("joe").start().await.expect("a session");
        shop.wait(1);
        for _ in 0..100 {
            shop.sessions.login("joe").start().await.expect("a session");
        }
        let left = shop.sessions.list("joe").await.expect("an answer");
        assert!(left.len() == 100 && left.iter().all(|session| session.id != first.session_id));
    }

    "new signing key", "published 24 hours before it signs" => a_new_key_is_published_before_it_signs {
        let shop = Shop::usual();
        let first = shop.ring.signing_kid();
        let second = shop.ring.rotate(stranger(Algorithm::ES256)).expect("a new key");
        assert_eq!(shop.ring.keys().len(), 2);
        shop.wait(DAY - 1);
        assert_eq!(shop.ring.signing_kid(), first);
        shop.wait(1);
        assert_eq!(shop.ring.signing_kid(), second);
    }

    "old signing key", "kept for 30 days and 5 minutes" => an_old_key_is_kept_while_its_tokens_live {
        let shop = Shop::usual();
        shop.ring.rotate(stranger(Algorithm::ES256)).expect("a new key");
        shop.wait(DAY + 30 * DAY + 299);
        assert_eq!(shop.ring.keys().len(), 2);
        shop.wait(1);
        assert_eq!(shop.ring.keys().len(), 1);
    }
}

const DAY: u64 = 24 * 60 * 60;
