//! Properties of every input: valid claims come back as they were signed, invalid input is rejected without a panic,
//! and no part of a token gets into a response.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jwt_core::authorize::{Requirement, claim};
use jwt_core::claims::ClaimPath;
use jwt_core::crypto::SigningKey;
use jwt_core::gate::Answer;
use jwt_core::http::TokenSources;
use jwt_core::testing::BareRequest;
use jwt_core::testing::ManualClock;
use jwt_core::verify::Authenticator;
use jwt_core::{Algorithm, Class, Error, ErrorKind, TrustedIssuer, Verified, Verifier};
use jwt_tests::forge::{AUDIENCE, Forge, ISSUER, NOW, encode, sign_raw};
use proptest::prelude::*;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

struct Party {
    key: SigningKey,
    verifier: Verifier,
    everywhere: Authenticator,
}

/// A key whose algorithm has only one valid signature per message, and a verifier that trusts it, with every token
/// source.
fn party(algorithm: Algorithm) -> Party {
    let key = SigningKey::generate(algorithm).expect("a key").with_kid("k");
    let issuer = TrustedIssuer::new(ISSUER).audience(AUDIENCE).key(key.verification_key());
    let verifier = Verifier::builder().issuer(issuer).clock(ManualClock::at(NOW)).build().expect("a verifier");
    let sources = TokenSources::new().cookie("session").query("access_token").header("x-token");
    let everywhere = Authenticator::from(verifier.with_sources(sources));
    Party { key, verifier, everywhere }
}

static PARTIES: LazyLock<[Party; 2]> = LazyLock::new(|| [party(Algorithm::HS256), party(Algorithm::Ed25519)]);

fn verify(verifier: &Verifier, token: &str) -> Result<Verified, Error> {
    verifier.verify_step(token, None).ready().expect("a key that's available isn't waited for")
}

fn authenticate(authenticator: &Authenticator, request: &BareRequest) -> Result<(), Answer> {
    jwt_tests::gate::enter(authenticator, request).map(drop)
}

/// Any JSON with unique names that isn't nested deeper than the limit.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_filter("JSON has no other numbers", |number| number.is_finite()).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 48, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(any::<String>(), inner, 0..6)
                .prop_map(|members| Value::from(members.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// Private claims, beside the registered ones.
fn private_claims() -> impl Strategy<Value = Vec<(String, Value)>> {
    prop::collection::btree_map("x_.{0,12}", any_json(), 0..6).prop_map(|claims| claims.into_iter().collect())
}

fn forge(party: &Party, claims: Vec<(String, Value)>) -> Forge {
    claims.into_iter().fold(Forge::new(&party.key), |forge, (name, value)| forge.claim(&name, value))
}

/// A change to one byte of a string.
#[derive(Clone, Debug)]
enum Change {
    Flip(prop::sample::Index, u8),
    Cut(prop::sample::Index),
    CutFront(prop::sample::Index),
    Remove(prop::sample::Index),
    Insert(prop::sample::Index, Vec<u8>),
    Swap(prop::sample::Index, prop::sample::Index),
    /// One of the characters of base64url, so that the segment still decodes.
    Replace(prop::sample::Index, u8),
}

fn any_change() -> impl Strategy<Value = Change> {
    let at = any::<prop::sample::Index>;
    let legal = prop::sample::select(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.".to_vec());
    prop_oneof![
        (at(), 0..8_u8).prop_map(|(index, bit)| Change::Flip(index, bit)),
        at().prop_map(Change::Cut),
        at().prop_map(Change::CutFront),
        at().prop_map(Change::Remove),
        (at(), prop::collection::vec(any::<u8>(), 1..8)).prop_map(|(index, bytes)| Change::Insert(index, bytes)),
        (at(), at()).prop_map(|(one, other)| Change::Swap(one, other)),
        (at(), legal.clone()).prop_map(|(index, byte)| Change::Replace(index, byte)),
        (at(), prop::collection::vec(legal, 1..4)).prop_map(|(index, bytes)| Change::Insert(index, bytes)),
    ]
}

fn change(bytes: &mut Vec<u8>, change: Change) {
    if bytes.is_empty() {
        return;
    }
    let length = bytes.len();
    match change {
        Change::Flip(index, bit) => bytes[index.index(length)] ^= 1 << bit,
        Change::Cut(index) => bytes.truncate(index.index(length)),
        Change::CutFront(index) => drop(bytes.drain(..index.index(length))),
        Change::Remove(index) => drop(bytes.remove(index.index(length))),
        Change::Insert(index, inserted) => {
            let at = index.index(length + 1);
            drop(bytes.splice(at..at, inserted));
        }
        Change::Swap(one, other) => bytes.swap(one.index(length), other.index(length)),
        Change::Replace(index, byte) => bytes[index.index(length)] = byte,
    }
}

/// The decoded contents of a token in any encoding, or `None` if it does not decode.
fn decoded(token: &str) -> Option<Vec<Vec<u8>>> {
    token.split('.').map(|segment| URL_SAFE_NO_PAD.decode(segment).ok()).collect()
}

/// Characters that must not get into a response, and words that represent a claim's contents.
const MARK: &str = "zq7mark";

fn text_of(answer: &Answer) -> String {
    let error = answer.error.as_ref().expect("a rejection");
    format!("{error} {error:?} {} {:?}", answer.status, answer.headers)
}

/// The JSON pointers of all values in a payload, except that of the payload itself.
fn collect_pointers(value: &Value, pointer: &str, pointers: &mut Vec<String>) {
    let steps: Vec<(String, &Value)> = match value {
        Value::Object(members) => members.iter().map(|(name, value)| (name.clone(), value)).collect(),
        Value::Array(elements) => elements.iter().enumerate().map(|(at, value)| (at.to_string(), value)).collect(),
        _ => Vec::new(),
    };
    for (step, value) in steps {
        let pointer = format!("{pointer}/{}", step.replace('~', "~0").replace('/', "~1"));
        collect_pointers(value, &pointer, pointers);
        pointers.push(pointer);
    }
}

#[derive(Debug, Deserialize, PartialEq)]
struct Account {
    iss: String,
    aud: Value,
    exp: u64,
    iat: Option<f64>,
    missing: Option<String>,
    #[serde(default)]
    scope: Cow<'static, str>,
}

#[derive(Debug, Deserialize, PartialEq)]
struct Flat {
    #[serde(flatten)]
    account: Account,
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

/// The claims are what `serde_json` reads from the payload, for every requested type.
fn decodes_alike<T: DeserializeOwned + Debug + PartialEq>(verified: &Verified) -> Result<(), TestCaseError> {
    prop_assert_eq!(verified.claims::<T>().ok(), serde_json::from_str::<T>(verified.payload()).ok());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn claims_come_back_as_they_were_signed(claims in private_claims(), party in 0..2_usize) {
        let party = &PARTIES[party];
        let forged = forge(party, claims);
        let verified = verify(&party.verifier, &forged.sign()).expect("a good token");
        let signed = Value::from(forged.claims.clone()).to_string();
        prop_assert_eq!(verified.payload(), &signed);
        // `serde_json` rounds the last digit of some numbers, so the value is read again.
        let read: Value = serde_json::from_str(&signed).expect("JSON");
        prop_assert_eq!(verified.claims::<Value>().expect("an object"), read);
        decodes_alike::<HashMap<String, Value>>(&verified)?;
        decodes_alike::<BTreeMap<String, String>>(&verified)?;
        decodes_alike::<Account>(&verified)?;
        decodes_alike::<Flat>(&verified)?;
        let registered = verified.registered();
        prop_assert_eq!(registered.issuer(), Some(ISSUER));
        prop_assert_eq!(registered.subject(), forged.claims["sub"].as_str());
        let scopes = registered.scopes().names();
        prop_assert_eq!(scopes, ["reports:read", "profile"]);
    }

    #[test]
    fn a_claim_is_found_at_every_path(claims in private_claims(), other in "(/[a-c0-2~/]{0,3}){0,3}|.{0,6}") {
        let party = &PARTIES[0];
        let forged = forge(party, claims);
        let verified = verify(&party.verifier, &forged.sign()).expect("a good token");
        let payload = Value::from(forged.claims);
        let mut pointers = vec![other];
        collect_pointers(&payload, "", &mut pointers);
        for pointer in pointers {
            let path = ClaimPath::new(&pointer);
            let escapes = pointer.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']));
            prop_assert_eq!(path.is_ok(), pointer.starts_with('/') && escapes, "{}", pointer);
            let Ok(path) = path else { continue };
            let value = payload.pointer(&pointer).filter(|value| !value.is_null());
            let met = |requirement: &dyn Requirement| requirement.check(&verified).is_ok();
            prop_assert_eq!(met(&claim(path.clone()).is_present()), value.is_some(), "{}", pointer);
            prop_assert!(value.is_none_or(|value| met(&claim(path.clone()).equals(value.clone()))), "{}", pointer);
            prop_assert!(!met(&claim(path).equals(json!({"no": ["claim"]}))), "{}", pointer);
        }
    }

    #[test]
    fn any_string_as_subject_comes_back_as_it_was_signed(subject in any::<String>()) {
        let party = &PARTIES[0];
        let verified = verify(&party.verifier, &Forge::new(&party.key).claim("sub", subject.clone()).sign());
        let verified = verified.expect("a good token");
        let registered = verified.registered();
        prop_assert_eq!(registered.subject(), Some(subject.as_str()));
    }

    #[test]
    fn any_string_is_refused_as_a_token(
        token in prop_oneof![any::<String>(), "[A-Za-z0-9_.-]{0,200}", r"(\PC*\.){0,5}\PC*"],
    ) {
        for party in PARTIES.iter() {
            let error = verify(&party.verifier, &token).expect_err("no token");
            prop_assert_eq!(error.class(), Class::Refused);
        }
    }

    #[test]
    fn any_header_and_payload_are_verified_without_a_panic(
        header in prop_oneof![any_json().prop_map(|json| json.to_string()), any::<String>()],
        payload in prop_oneof![any_json().prop_map(|json| json.to_string()), any::<String>()],
    ) {
        let party = &PARTIES[0];
        let good = format!(r#"{{"alg":"{}"}}"#, party.key.algorithm());
        for header in [&header, &good] {
            let outcome = verify(&party.verifier, &sign_raw(&party.key, header, &payload));
            prop_assert!(outcome.is_err(), "without an issuer: {} {}", header, payload);
        }
    }

    /// HMAC and Ed25519 have one signature for a key and a message. Other encodings of the token are rejected.
    #[test]
    fn a_changed_token_is_accepted_only_if_it_decodes_to_the_same(
        claims in private_claims(),
        changes in prop::collection::vec(any_change(), 1..4),
        party in 0..2_usize,
    ) {
        let party = &PARTIES[party];
        let token = forge(party, claims).sign();
        let mut bytes = token.clone().into_bytes();
        changes.into_iter().for_each(|one| change(&mut bytes, one));
        let changed = String::from_utf8_lossy(&bytes);
        match verify(&party.verifier, &changed) {
            Ok(_) => prop_assert_eq!(decoded(&changed), decoded(&token)),
            Err(error) => prop_assert_eq!(error.class(), Class::Refused),
        }
        let request = BareRequest::new("GET", "/").header("authorization", [b"Bearer ", bytes.as_slice()].concat());
        if authenticate(&party.everywhere, &request).is_ok() {
            prop_assert_eq!(decoded(String::from_utf8_lossy(&bytes).trim()), decoded(&token));
        }
    }

    #[test]
    fn any_request_is_answered_without_a_panic(
        method in prop_oneof![Just("GET".to_owned()), Just("POST".to_owned()), any::<String>()],
        target in prop_oneof![any::<String>(), r"/\PC{0,20}\?access_token=\PC{0,40}(&access_token=\PC{0,9})?"],
        authorization in prop::collection::vec(prop_oneof![any_bytes(), after(b"Bearer "), after(b"bEaReR")], 0..3),
        cookies in prop::collection::vec(prop_oneof![any_bytes(), after(b"session="), after(b"a=b; session=\"")], 0..3),
        own in prop::collection::vec(any_bytes(), 0..2),
        connection in prop::option::of(any_bytes()),
    ) {
        let mut request = BareRequest::new(method, target);
        let lines = authorization.into_iter().map(|value| ("authorization", value));
        let lines = lines.chain(cookies.into_iter().map(|value| ("cookie", value)));
        let lines = lines.chain(own.into_iter().map(|value| ("x-token", value)));
        for (name, value) in lines.chain(connection.into_iter().map(|value| ("connection", value))) {
            request = request.header(name, value);
        }
        for party in PARTIES.iter() {
            let refusal = authenticate(&party.everywhere, &request).expect_err("no token");
            let class = refusal.error.as_ref().expect("a rejection").class();
            prop_assert!(matches!(class, Class::Missing | Class::Malformed | Class::Refused), "{:?}", class);
            let expected = if class == Class::Malformed { 400 } else { 401 };
            prop_assert_eq!(refusal.status, expected);
            for (_, value) in &refusal.headers {
                prop_assert!(value.bytes().all(|byte| matches!(byte, 0x20..=0x7e)), "{}", value);
            }
        }
    }

    #[test]
    fn the_contents_of_claims_neither_change_nor_appear_in_a_rejection(
        defect in 0..DEFECTS,
        texts in prop::array::uniform2(any::<String>()),
        names in prop::array::uniform2("[a-z]{1,8}"),
    ) {
        let party = &PARTIES[0];
        let refusals = [0, 1].map(|index| {
            let text = format!("{MARK}{}", texts[index]);
            let forged = Forge::new(&party.key)
                .claim("sub", text.clone())
                .claim(&format!("{MARK}_{}", names[index]), json!({"a": [text]}))
                .claim("name", text);
            let credentials = format!("Bearer {}", spoil(defect, &forged));
            let request = BareRequest::new("GET", "/").header("authorization", credentials);
            authenticate(&party.everywhere, &request).expect_err("a defect")
        });
        prop_assert_eq!(&refusals[0].error, &refusals[1].error);
        prop_assert_eq!(refusals[0].status, refusals[1].status);
        prop_assert_eq!(&refusals[0].headers, &refusals[1].headers);
        prop_assert_eq!(&refusals[0].body, &refusals[1].body);
        for refusal in &refusals {
            let text = text_of(refusal);
            prop_assert!(!text.contains(MARK), "{}", text);
        }
    }

    /// The JSON parser may be stricter than `serde_json`, never laxer.
    #[test]
    fn accepted_claims_are_an_object_for_serde_json_too(
        changes in prop::collection::vec(any_change(), 0..3),
        claims in private_claims(),
    ) {
        let party = &PARTIES[0];
        let forged = forge(party, claims);
        let mut payload = Value::from(forged.claims.clone()).to_string().into_bytes();
        changes.into_iter().for_each(|one| change(&mut payload, one));
        match verify(&party.verifier, &forged.sign_payload(&payload)) {
            Ok(verified) => {
                let read: Map<String, Value> = serde_json::from_slice(&payload).expect("JSON for `serde_json` too");
                let registered = verified.registered();
                prop_assert_eq!(read["iss"].as_str(), registered.issuer());
                prop_assert_eq!(read.get("sub").and_then(Value::as_str), registered.subject());
            }
            Err(error) => prop_assert_eq!(error.class(), Class::Refused),
        }
    }
}

fn any_bytes() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..64)
}

/// Any bytes, after a beginning that gets further into the parser.
fn after(beginning: &'static [u8]) -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![any_bytes(), "[A-Za-z0-9_.-]{0,64}".prop_map(String::into_bytes)]
        .prop_map(move |rest| [beginning, rest.as_slice()].concat())
}

const DEFECTS: usize = 12;

/// A token with one flaw, and otherwise any contents.
fn spoil(defect: usize, forged: &Forge) -> String {
    let forged = forged.clone();
    match defect {
        0 => forged.claim("exp", NOW - 1_000).claim("iat", NOW - 2_000).claim("nbf", NOW - 2_000).sign(),
        1 => forged.claim("nbf", NOW + 1_000).sign(),
        2 => forged.claim("aud", "https://other.example").sign(),
        3 => forged.claim("iss", "https://other.example").sign(),
        4 => forged.without("exp").sign(),
        5 => forged.header("typ", MARK).sign(),
        6 => forged.header("kid", MARK).sign(),
        7 => forged.header("crit", json!([MARK])).sign(),
        8 => forged.header("alg", MARK).sign(),
        9 => forged.claim("cnf", json!({"jkt": MARK})).sign(),
        10 => forged.claim("exp", MARK).sign(),
        _ => {
            let token = forged.sign();
            let (input, _) = token.rsplit_once('.').expect("three segments");
            format!("{input}.{}", encode([0; 32]))
        }
    }
}

#[test]
fn every_flaw_has_its_own_error_kind() {
    let party = &PARTIES[0];
    let forged = Forge::new(&party.key);
    assert!(verify(&party.verifier, &forged.sign()).is_ok());
    let kinds: Vec<ErrorKind> = (0..DEFECTS)
        .map(|defect| verify(&party.verifier, &spoil(defect, &forged)).expect_err("a defect").kind())
        .collect();
    let mut unique = kinds.clone();
    unique.sort_unstable_by_key(|kind| kind.code());
    unique.dedup();
    assert_eq!(unique.len(), DEFECTS, "{kinds:?}");
}

#[test]
fn a_token_of_any_depth_and_length_is_verified_without_a_panic() {
    let party = &PARTIES[0];
    for depth in [1, 31, 32, 33, 1_000, 5_000] {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let payload = format!("{{\"x\":{}1{}}}", open.repeat(depth), close.repeat(depth));
            let token = sign_raw(&party.key, r#"{"alg":"HS256"}"#, payload);
            let result = catch_unwind(AssertUnwindSafe(|| verify(&party.verifier, &token).is_err()));
            assert!(matches!(result, Ok(true)), "{depth}");
        }
    }
    for bytes in [0, 1, 16 * 1024, 16 * 1024 + 1, 4 * 1024 * 1024] {
        for text in [".".repeat(bytes), "A".repeat(bytes), format!("e30.{}.AA", "A".repeat(bytes))] {
            assert!(verify(&party.verifier, &text).is_err());
        }
    }
}
