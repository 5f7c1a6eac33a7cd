//! Where the token is in a request, its form, and the route that it opens.

use jwt_core::gate::ProtectedResource;
use jwt_core::http::{Csrf, Location, TokenSources};
use jwt_core::{Algorithm, BuildErrorKind, ErrorKind, TrustedIssuer};
use jwt_tests::answer::Answer;
use jwt_tests::ask::Ask;
use jwt_tests::forge::ISSUER;
use jwt_tests::setup::{application, behind, builder, good, issuer, key, stranger, trusting};
use serde_json::Value;

use super::{accepts, problem, refuses};

rows! {
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
        let mut expected = Answer::malformed(ErrorKind::MultipleCredentials);
        for conditions in ["", "; Secure; Partitioned"] {
            for path in ["/", "/me"] {
                expected = expected.with_header("set-cookie", &format!("session=; Path={path}{conditions}; Max-Age=0"));
            }
        }
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
}
