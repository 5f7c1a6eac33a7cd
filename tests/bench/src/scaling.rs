//! Inputs of variable length, one for each kind that is received, fetched or configured. Reading twice the length should take
//! about twice the instructions, not four times as many.

use std::convert::Infallible;
use std::future::{Future as _, ready};
use std::hint::black_box;
use std::ops::ControlFlow;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jwt_core::authorize::{Requirement, claim, roles, scopes};
use jwt_core::claims::ClaimPath;
use jwt_core::config::VerifierConfig;
use jwt_core::crypto::{Backend, SigningKey};
use jwt_core::forward::ForwardClaims;
use jwt_core::gate::{Admission, Answer, Exchange, Gate, RequestState, ResponseFuture};
use jwt_core::http::{Csrf, Headers, RequestView, TokenSources};
use jwt_core::keys::{Fetched, Key, KeySet, KeyTable, fetch_fn};
use jwt_core::testing::{BareRequest, ManualClock};
use jwt_core::verify::Authenticator;
use jwt_core::{Algorithm, Step, TrustedIssuer, Verified, Verifier};

use crate::stand::{AUDIENCE, ISSUER, sequence, tlv};

type Work = Box<dyn FnMut()>;

/// A kind of input, and the code that reads it.
pub struct Input {
    pub name: &'static str,
    /// The number of parts. Twice as many are measured next.
    pub size: usize,
    /// Creates an input with this number of parts, and returns the work of reading it.
    pub of_size: fn(usize) -> Work,
}

const fn input(name: &'static str, size: usize, of_size: fn(usize) -> Work) -> Input {
    Input { name, size, of_size }
}

/// Every input.
pub const ALL: &[Input] = &[
    input("a set: operations of a key", 1000, |size| jwk(&format!(r#""key_ops":[{}]"#, texts(size)))),
    input("a set: certificates of a key", 1000, |size| jwk(&format!(r#""x5c":[{}]"#, texts(size)))),
    input("a set: members of a key", 1000, |size| jwk(&members(size))),
    input("a set: members of a key with escapes", 1000, |size| jwk(&members(size).replace('m', "\\u006d"))),
    input("a set: members within a key", 1000, |size| jwk(&format!(r#""more":{{{}}}"#, members(size)))),
    input("a set: one member of a key again and again", 1000, |size| jwk(&list(size, |_| r#""kid":"k""#.to_owned()))),
    input("a set: members", 4000, |size| set(&format!(r#""keys":[],"more":0,{}"#, members(size.max(1))))),
    input("a set: keys", 1000, |size| set(&format!(r#""keys":[{}]"#, list(size, |_| format!("{{{OKP}}}"))))),
    input("a set: nested arrays", 1000, |size| jwk(&format!(r#""more":[{}]"#, list(size, |_| "[[[[]]]]".to_owned())))),
    input("a set: digits of a number", 4000, |size| jwk(&format!(r#""more":0.1{}"#, "7".repeat(size)))),
    input("a set: characters of a text", 4000, |size| jwk(&format!(r#""x":"{}""#, "\\n".repeat(size)))),
    input("a table: keys of one name", 100, |size| table(size, |_| "k".to_owned())),
    input("a table: keys of many names", 100, |size| table(size, |number| format!("k{number}"))),
    input("metadata: members", 4000, |size| discovery(&format!(r#""jwks_uri":"{JWKS}",{}"#, members(size.max(1))))),
    input("metadata: segments of an address", 1000, |size| {
        discovery(&format!(r#""jwks_uri":"{JWKS}{}""#, "/a/..".repeat(size)))
    }),
    input("a header: parameters", 100, |size| {
        token(&list(size, |number| format!(r#","m{number}":0"#)).replace(",,", ","), "", true)
    }),
    input("a header: critical parameters", 100, |size| token(&format!(r#","crit":[{}]"#, texts(size)), "", false)),
    input("claims: members", 4000, |size| token("", &members(size.max(1)), true)),
    input("claims: members with escapes", 1000, |size| token("", &members(size.max(1)).replace('m', "\\u006d"), true)),
    input("claims: members of a member", 4000, |size| token("", &format!(r#""more":{{{}}}"#, members(size)), true)),
    input("claims: one member again and again", 1000, |size| {
        token("", &format!(r#""more":0,{}"#, list(size.max(1), |_| r#""more":0"#.to_owned())), false)
    }),
    input("claims: objects", 1000, |size| {
        token("", &format!(r#""more":[{}]"#, list(size, |_| r#"{"a":{"b":{}}}"#.to_owned())), true)
    }),
    input("claims: events", 4000, |size| token("", &format!(r#""events":{{{}}}"#, members(size)), true)),
    input("claims: audiences", 1000, |size| audiences(size)),
    input("claims: decoded", 1000, |size| decoded(&members(size.max(1)))),
    input("a requirement: scopes in a text", 1000, |size| {
        let names: Vec<String> = (0..size).map(|number| format!("o{number}")).collect();
        requirement(&format!(r#""scope":"{} a b c""#, names.join(" ")), scopes(["a", "b", "c"]))
    }),
    input("a requirement: scopes in an array", 1000, |size| {
        requirement(&format!(r#""scp":["a","b","c",{}]"#, texts(size.max(1))), scopes(["a", "b", "c"]))
    }),
    input("a requirement: roles", 1000, |size| {
        let roles_of_token = format!(r#""realm":{{"roles":["a","b","c",{}]}}"#, texts(size.max(1)));
        requirement(&roles_of_token, roles("/realm/roles", ["a", "b", "c"]))
    }),
    input("a requirement: a claim's worth", 4000, |size| {
        let value = format!("{{{}}}", members(size));
        requirement(&format!(r#""more":{value}"#), claim("/more").equals(json(&value)))
    }),
    input("a form: fields", 1000, |size| form(&format!("{}csrf_token=a", "a=b&".repeat(size)))),
    input("a form: escapes", 4000, |size| form(&format!("a={}&csrf_token=a", "%41".repeat(size)))),
    input("a request: cookies", 1000, |size| request("cookie", &"a=b; ".repeat(size))),
    input("a request: blanks in a cookie", 4000, |size| request("cookie", &format!("a{}=b", " ".repeat(size)))),
    input("a request: options of a connection", 1000, |size| request("connection", &"a, ".repeat(size))),
    input("a request: protocols", 1000, |size| request("upgrade", &"a, ".repeat(size))),
    input("a request: lines of cookies", 1000, |size| {
        let request = (0..size).fold(bare("POST", "/"), |request, _| request.header("cookie", "a=b"));
        authenticate(request)
    }),
    input("a request: parameters", 1000, |size| authenticate(bare("GET", &format!("/?{}", "a=b&".repeat(size))))),
    input("a request: an origin", 4000, |size| request("origin", &format!("https{}", ":/".repeat(size)))),
    input("sent on: cookies", 1000, |size| line("cookie", &format!("{}session=a", "a=b; ".repeat(size)))),
    input("sent on: options of a connection", 1000, |size| {
        line("connection", &format!("{}x_user", "a, ".repeat(size)))
    }),
    input("sent on: parameters", 1000, |size| {
        let (state, request) = (state(""), bare("GET", &format!("/?{}access_token=a", "a=b&".repeat(size))));
        let forward = forward();
        Box::new(move || assert!(rewrite(&forward, &request, &state, &mut Lines::default()).is_some()))
    }),
    input("sent on: elements of a claim", 1000, |size| {
        let state = state(&format!(r#""sub":"u","groups":["a",{}]"#, texts(size.max(1))));
        let (forward, request) = (forward(), bare("GET", "/"));
        Box::new(move || {
            let mut lines = Lines::default();
            rewrite(&forward, &request, &state, &mut lines);
            assert_eq!(lines.0.len(), 2);
        })
    }),
    input("a path: steps", 1000, |size| {
        let path = "/a~1b".repeat(size.max(1));
        Box::new(move || assert!(black_box(ClaimPath::new(&path)).is_ok()))
    }),
    input("a configuration: issuers", 500, |size| {
        let issuer = |number| format!(r#"{{"issuer":"https://{number}.example","audience":"a","discover":true}}"#);
        configuration(&format!(r#""issuers":[{}]"#, list(size, issuer)))
    }),
    input("a configuration: cookies", 1000, |size| {
        configured("sources", &format!(r#"{{"cookies":[{}]}}"#, texts(size)))
    }),
    input("a configuration: headers", 2000, |size| {
        configured("sources", &format!(r#"{{"headers":[{}]}}"#, texts(size)))
    }),
    input("a configuration: issuers and cookies", 250, |size| {
        let issuer = |number| format!(r#"{{"issuer":"https://{number}.example","audience":"a","discover":true}}"#);
        let cookies = texts(size);
        configuration(&format!(r#""sources":{{"cookies":[{cookies}]}},"issuers":[{}]"#, list(size, issuer)))
    }),
    input("a configuration: issuers and scopes", 250, |size| {
        let issuer = |number| format!(r#"{{"issuer":"https://{number}.example","audience":"a","discover":true}}"#);
        let implied = format!(r#""scope_implies":{{"all":[{}]}}"#, texts(size));
        configuration(&format!(r#"{implied},"issuers":[{}]"#, list(size, issuer)))
    }),
    input("a configuration: issuers and resources", 250, |size| {
        let issuer = |number| format!(r#"{{"issuer":"https://{number}.example","discover":true}}"#);
        let resource = |number| format!(r#"{{"resource":"https://api.example/{number}"}}"#);
        let resources = list(size.max(1), resource);
        configuration(&format!(r#""resources":[{resources}],"issuers":[{}]"#, list(size, issuer)))
    }),
    input("a configuration: audiences", 1000, |size| {
        issuer_with(&format!(r#""audience":["a",{}]"#, texts(size.max(1))))
    }),
    input("a configuration: claims", 2000, |size| {
        issuer_with(&format!(r#""audience":"a","claims":{{{}}}"#, list(size, |number| format!(r#""m{number}":"a""#))))
    }),
    input("a configuration: variables", 1000, |size| {
        let variables = (0..size).map(|number| (format!("HOME_{number}"), "a".to_owned()));
        let own = [("JWT_ISSUER", "https://id.example"), ("JWT_AUDIENCE", "a")];
        let own = own.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let variables: Vec<_> = own.into_iter().chain(variables).collect();
        Box::new(move || assert!(black_box(VerifierConfig::from_vars("JWT", variables.clone())).is_ok()))
    }),
    input("PEM: lines", 1000, |size| pem(&format!("{BEGIN}\n{}{END}", LINE.repeat(size)))),
    input("PEM: lines before it", 1000, |size| pem(&format!("{}{BEGIN}\n{LINE}{END}", LINE.repeat(size)))),
    input("PEM: beginnings", 1000, |size| pem(&format!("{BEGIN}\n").repeat(size))),
    input("PEM: characters of a line", 4000, |size| pem(&format!("{BEGIN}\n{}\n{END}", "A".repeat(size)))),
    input("PEM: almost beginnings", 1000, |size| pem(&"-----BEGIN-----\n".repeat(size))),
    input("PEM: attributes of a name", 1000, |size| pem(&certificate(size))),
    input("a secret: attributes of a name", 1000, |size| {
        let der = STANDARD.decode(certificate(size).lines().nth(1).unwrap_or_default()).unwrap_or_default();
        Box::new(move || drop(black_box(Key::from_secret(Algorithm::HS256, &der))))
    }),
];

const OKP: &str = r#""kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo""#;
const JWKS: &str = "https://id.example/jwks";
const NOW: u64 = 1_900_000_000;
const LINE: &str = "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURoAAAAA\n";
const BEGIN: &str = "-----BEGIN PUBLIC KEY-----";
const END: &str = "-----END PUBLIC KEY-----\n";

/// Joins `size` strings with commas.
fn list(size: usize, one: impl FnMut(usize) -> String) -> String {
    (0..size).map(one).collect::<Vec<_>>().join(",")
}

/// Returns strings of the same length, so that they don't differ in length.
fn texts(size: usize) -> String {
    list(size, |number| format!(r#""o{number:06}""#))
}

fn members(size: usize) -> String {
    list(size, |number| format!(r#""m{number}":{number}"#))
}

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).expect("JSON")
}

fn set(members: &str) -> Work {
    let text = format!("{{{members}}}");
    Box::new(move || drop(black_box(KeySet::from_jwks(&text))))
}

fn jwk(members: &str) -> Work {
    let comma = if members.is_empty() { "" } else { "," };
    set(&format!(r#""keys":[{{{OKP}{comma}{members}}}]"#))
}

fn table(size: usize, name: fn(usize) -> String) -> Work {
    let keys: Vec<Key> = (0..size)
        .map(|number| {
            let secret = format!("{number:>64}");
            Key::from_secret(Algorithm::HS256, secret).expect("a secret").with_kid(name(number))
        })
        .collect();
    Box::new(move || {
        let table = KeyTable::prepare(Backend::aws_lc_rs(), &keys, &[Algorithm::HS256]);
        assert_eq!(black_box(table).len(), size);
    })
}

fn discovery(members: &str) -> Work {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let document = format!(r#"{{"issuer":"{ISSUER}",{members}}}"#);
    let token = signed("", "");
    Box::new(move || {
        let document = document.clone();
        let fetch = fetch_fn(move |url: String| {
            let is_set = url.starts_with(JWKS);
            ready(Ok(Fetched::new(if is_set { format!(r#"{{"keys":[{{{OKP}}}]}}"#) } else { document.clone() })))
        });
        let issuer = TrustedIssuer::discover(ISSUER).audience(AUDIENCE);
        let verifier = Verifier::builder().issuer(issuer).fetch(fetch).without_token_cache().build();
        let verifier = verifier.expect("a verifier");
        // The set was fetched, and the token's key isn't in it.
        let outcome = runtime.block_on(async {
            let refreshed = verifier.fetch_keys().await;
            refreshed.is_ok() && verifier.verify(&token).await.is_err()
        });
        assert!(black_box(outcome));
    })
}

fn secret() -> SigningKey {
    SigningKey::from_secret(Algorithm::HS256, [7; 32]).expect("a secret")
}

fn verifier() -> Verifier {
    let issuer = TrustedIssuer::new(ISSUER).audience(AUDIENCE).key(secret().verification_key());
    let builder = Verifier::builder().issuer(issuer).clock(ManualClock::at(NOW)).max_token_bytes(1 << 20);
    builder.without_token_cache().build().expect("a verifier")
}

fn signed(header: &str, claims: &str) -> String {
    let comma = if claims.is_empty() { "" } else { "," };
    let header = format!(r#"{{"alg":"HS256"{header}}}"#);
    let aud = if claims.contains(r#""aud""#) { String::new() } else { format!(r#","aud":"{AUDIENCE}""#) };
    let claims = format!(r#"{{"iss":"{ISSUER}","exp":{}{aud}{comma}{claims}}}"#, NOW + 60);
    let input = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let signature = secret().sign(input.as_bytes()).expect("the key signs");
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn token(header: &str, claims: &str, is_good: bool) -> Work {
    let (verifier, token) = (verifier(), signed(header, claims));
    Box::new(move || match verifier.verify_step(&token, None) {
        Step::Ready(outcome) => assert_eq!(black_box(outcome).is_ok(), is_good),
        _ => unreachable!("fixed keys answer at once"),
    })
}

fn audiences(size: usize) -> Work {
    token("", &format!(r#""aud":["{AUDIENCE}",{}]"#, texts(size.max(1))), true)
}

fn verified(claims: &str) -> Verified {
    match verifier().verify_step(&signed("", claims), None) {
        Step::Ready(Ok(verified)) => verified,
        _ => unreachable!("a good token"),
    }
}

fn decoded(claims: &str) -> Work {
    let verified = verified(claims);
    Box::new(move || assert!(black_box(verified.claims::<serde_json::Value>()).is_ok()))
}

fn requirement(claims: &str, requirement: impl Requirement + 'static) -> Work {
    let verified = verified(claims);
    Box::new(move || assert!(black_box(requirement.check(&verified)).is_ok()))
}

fn sources() -> TokenSources {
    let sources = TokenSources::new().cookie("session").query("access_token").header("x-token");
    sources.csrf(Csrf::new().form_field("csrf_token"))
}

fn bare(method: &str, target: &str) -> BareRequest {
    with_claims(method, target, "")
}

/// Returns a request with a token of these claims, in the session cookie.
fn with_claims(method: &str, target: &str, claims: &str) -> BareRequest {
    let request = BareRequest::new(method, target).header("content-type", "application/x-www-form-urlencoded");
    request.header("cookie", format!("session={}", signed("", claims)))
}

fn enter(gate: &impl Gate, request: &dyn RequestView, state: &RequestState) -> Result<Admission, Answer> {
    gate.enter(request, state).ready().expect("fixed keys answer at once")
}

/// The state of a request that no gate has seen.
const fn unseen() -> RequestState {
    RequestState::missing("JwtLayer")
}

fn authenticate(request: BareRequest) -> Work {
    let authenticator = Authenticator::from(verifier().with_sources(sources()));
    Box::new(move || drop(black_box(enter(&authenticator, &request, &unseen()))))
}

fn request(header: &str, value: &str) -> Work {
    authenticate(bare("POST", "/").header(header, value))
}

/// Reads a form's body in pieces, as it arrives.
fn form(body: &str) -> Work {
    let (authenticator, body) = (Authenticator::from(verifier().with_sources(sources())), body.to_owned());
    Box::new(move || {
        let request = with_claims("POST", "/", r#""csrf":"a""#).header("sec-fetch-site", "same-origin");
        let entry = authenticator.enter(&request, &unseen());
        let response = pin!(ResponseFuture::new(entry, Form(body.as_bytes())));
        let outcome = black_box(response.poll(&mut Context::from_waker(Waker::noop())));
        assert!(matches!(outcome, Poll::Ready(Ok(200))));
    })
}

/// A form, whose rest wasn't read yet.
struct Form<'b>(&'b [u8]);

impl Exchange for Form<'_> {
    type Response = u16;
    type Error = Infallible;
    type Call = ();

    fn poll_body(&mut self, take: &mut dyn FnMut(&[u8]) -> usize, _: &mut Context<'_>) -> Poll<bool> {
        while let Some((piece, rest)) = self.0.split_at_checked(7.min(self.0.len())).filter(|(piece, _)| !piece.is_empty()) {
            if take(piece) < piece.len() {
                break;
            }
            self.0 = rest;
        }
        Poll::Ready(true)
    }

    fn restore_body(&mut self, taken: Vec<u8>) {
        black_box(taken);
    }

    fn call(self, _admission: &mut Admission) {}

    fn poll_call(_: Pin<&mut ()>, _: &mut Context<'_>) -> Poll<Result<ControlFlow<u16, u16>, Infallible>> {
        Poll::Ready(Ok(ControlFlow::Continue(200)))
    }

    fn answer(self, answer: Answer) -> u16 {
        answer.status
    }

    fn headers(_: &mut u16) -> impl Headers {
        Lines(Vec::new())
    }
}

fn forward() -> ForwardClaims {
    let verifier = verifier().with_sources(TokenSources::new().cookie("session").query("access_token"));
    ForwardClaims::new(&verifier, [("/sub", "x-user"), ("/groups", "x-groups")]).expect("headers")
}

/// Returns the state of a request with a token of these claims.
fn state(claims: &str) -> RequestState {
    let authenticator = Authenticator::from(verifier().with_sources(sources()));
    let admission = enter(&authenticator, &with_claims("GET", "/", claims), &unseen());
    admission.ok().and_then(|admission| admission.state).expect("a valid token")
}

/// The headers of a request, without a framework.
#[derive(Default)]
struct Lines(Vec<(String, Vec<u8>)>);

impl Headers for Lines {
    fn lines(&self, each: &mut dyn FnMut(&str, &[u8])) {
        self.0.iter().for_each(|(name, value)| each(name, value));
    }

    fn append(&mut self, name: &str, value: Vec<u8>) {
        self.0.push((name.to_owned(), value));
    }

    fn remove(&mut self, name: &str) {
        self.0.retain(|(other, _)| other != name);
    }
}

fn rewrite(
    forward: &ForwardClaims,
    request: &BareRequest,
    state: &RequestState,
    headers: &mut dyn Headers,
) -> Option<String> {
    black_box(enter(forward, request, state).expect("a rewrite").rewrite(headers))
}

fn line(name: &'static str, value: &str) -> Work {
    let (forward, request, state) = (forward(), bare("GET", "/"), state(""));
    let value = value.as_bytes().to_vec();
    Box::new(move || {
        let mut lines = Lines(vec![(name.to_owned(), value.clone())]);
        rewrite(&forward, &request, &state, &mut lines);
    })
}

fn configuration(members: &str) -> Work {
    let text = format!("{{{members}}}");
    Box::new(move || {
        let config: VerifierConfig = serde_json::from_str(&text).expect("a configuration");
        assert!(black_box(config.into_builder()).is_ok());
    })
}

fn configured(field: &str, value: &str) -> Work {
    let issuer = format!(r#"{{"issuer":"{ISSUER}","audience":"a","discover":true}}"#);
    configuration(&format!(r#""{field}":{value},"issuers":[{issuer}]"#))
}

fn issuer_with(members: &str) -> Work {
    configuration(&format!(r#""issuers":[{{"issuer":"{ISSUER}","discover":true,{members}}}]"#))
}

fn pem(text: &str) -> Work {
    let text = text.to_owned();
    Box::new(move || drop(black_box(Key::from_pem(Algorithm::Ed25519, &text))))
}

/// The beginning of a certificate, up to its issuer: a name whose attributes are in the wrong order.
fn certificate(attributes: usize) -> String {
    let attribute = |number: usize| {
        let value = tlv(0x0c, format!("{number:06}").as_bytes());
        sequence(&[vec![0x06, 3, 0x55, 4, 3], value])
    };
    let attributes: Vec<u8> = (0..attributes).rev().flat_map(attribute).collect();
    let algorithm = sequence(&[vec![0x06, 3, 0x2b, 0x65, 0x70]]);
    let name = sequence(&[tlv(0x31, &attributes)]);
    let certificate = sequence(&[sequence(&[vec![0xa0, 3, 2, 1, 2], vec![2, 1, 1], algorithm, name])]);
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", STANDARD.encode(certificate))
}
