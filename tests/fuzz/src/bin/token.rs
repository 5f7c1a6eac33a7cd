//! Compares three modes of the token cache with each other and with a model.
//!
//! Signed tokens are verified repeatedly, unchanged and changed, while time passes, keys change and tokens are revoked.
//! All three verifiers must return the same result, and accept exactly the tokens that the model accepts.

#![no_main]

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jwt_core::crypto::Backend;
use jwt_core::keys::{Key, KeySource, KeyTable, Lookup, Wanted};
use jwt_core::revocation::{MemoryRevocations, Revocation, RevocationSettings};
use jwt_core::testing::ManualClock;
use jwt_core::verify::TokenCacheSettings;
use jwt_core::{Algorithm, ErrorKind, TrustedIssuer, Verifier};
use jwt_fuzz::forge::{self, NOW, encode, mac, seal};
use jwt_fuzz::model::{Claims, Header, LEEWAY, Parts, is_type};
use jwt_fuzz::{Input, json};
use libfuzzer_sys::fuzz_target;

/// An issuer with rules for type, age, lifetime and subject.
const STRICT: &str = "https://strict.example";
/// An issuer with the default rules, whose keys change.
const PLAIN: &str = "https://plain.example";
const AUDIENCE: &str = "https://api.example";
const MAX_AGE: f64 = 600.0;
const MAX_LIFETIME: f64 = 1000.0;

const SECRETS: [[u8; 32]; 3] = [[1; 32], [2; 32], [3; 32]];
const KIDS: [&str; 3] = ["a", "b", "c"];

const NAMES: [&str; 16] = [
    "iss",
    "sub",
    "aud",
    "exp",
    "nbf",
    "iat",
    "jti",
    "cnf",
    "events",
    "scope",
    "sid",
    "client_id",
    "alg",
    "kid",
    "typ",
    "crit",
];
const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+ \0";

/// A key source whose keys can be replaced.
#[derive(Clone, Debug)]
struct Keys(Arc<Mutex<KeyTable>>);

impl Keys {
    fn new(held: u8) -> Self {
        Self(Arc::new(Mutex::new(table(held))))
    }

    fn hold(&self, held: u8) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = table(held);
    }
}

impl KeySource for Keys {
    fn find_key(&self, wanted: &Wanted<'_>) -> Lookup {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).find_key(wanted)
    }

    fn generation(&self, now: Duration) -> Option<u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).generation(now)
    }
}

fn key(index: usize) -> Key {
    Key::from_secret(Algorithm::HS256, SECRETS[index]).expect("long enough").with_kid(KIDS[index])
}

fn is_held(held: u8, index: usize) -> bool {
    held & 1 << index != 0
}

fn table(held: u8) -> KeyTable {
    let keys: Vec<Key> = (0..KIDS.len()).filter(|&index| is_held(held, index)).map(key).collect();
    KeyTable::prepare(Backend::rust_crypto(), &keys, &[Algorithm::HS256])
}

struct Stage {
    clock: ManualClock,
    keys: Keys,
    revocations: MemoryRevocations,
    verifiers: [Verifier; 3],
    /// The state of the model.
    now: f64,
    held: u8,
    revoked: Vec<(String, String)>,
}

impl Stage {
    fn new(held: u8) -> Self {
        let (clock, keys) = (ManualClock::at(NOW), Keys::new(held));
        let settings = RevocationSettings::new().without_token_ids().longest_lifetime(Duration::MAX);
        let revocations = MemoryRevocations::with_settings(settings.clock(clock.clone()));
        let cache = TokenCacheSettings::new().max_entries(2);
        let verifiers = [None, Some(cache), Some(cache.digests())].map(|cache| {
            let plain = TrustedIssuer::new(PLAIN).key_source(Arc::new(keys.clone())).algorithms([Algorithm::HS256]);
            let strict = TrustedIssuer::new(STRICT).key(key(0)).token_types(["at+jwt"]).require_claims(["sub"]);
            let strict = strict.max_age(Duration::from_secs(600)).max_lifetime(Duration::from_secs(1000));
            let builder = Verifier::builder().issuer(plain.audience(AUDIENCE)).issuer(strict.audience(AUDIENCE));
            let builder = builder.clock(clock.clone()).revocations(revocations.clone());
            let builder = match cache {
                Some(cache) => builder.token_cache(cache),
                None => builder.without_token_cache(),
            };
            builder.build().expect("no contradiction")
        });
        Self { clock, keys, revocations, verifiers, now: NOW as f64, held, revoked: Vec::new() }
    }

    /// Returns whether the token must be accepted now.
    fn accepts(&self, token: &str) -> bool {
        self.judge(token).is_some()
    }

    fn judge(&self, token: &str) -> Option<()> {
        let must = |condition: bool| condition.then_some(());
        let parts = Parts::of(token)?;
        let (header, claims) = (Header::read(&parts.header)?, Claims::read(&parts.payload)?);
        must(header.algorithm == "HS256")?;
        let issuer = claims.text("iss")?;
        must(issuer == PLAIN || issuer == STRICT)?;
        must(match header.token_type.as_deref() {
            Some(name) => is_type(name, "at+jwt") || (issuer == PLAIN && is_type(name, "jwt")),
            None => issuer == PLAIN,
        })?;

        let held = if issuer == PLAIN { self.held } else { 1 };
        let mut fitting = (0..KIDS.len()).filter(|&index| is_held(held, index));
        let key = match header.key_id.as_deref() {
            Some(kid) => fitting.find(|&index| KIDS[index] == kid)?,
            None => fitting.next().filter(|_| fitting.next().is_none())?,
        };
        must(parts.signature == mac(&SECRETS[key], &parts.signed))?;

        must(claims.audience.iter().any(|name| name == AUDIENCE) && !claims.is_for_something_else())?;
        let (now, expires_at) = (self.now, claims.expires_at?);
        must(claims.is_timely(now))?;
        if issuer == STRICT {
            let issued_at = claims.issued_at?;
            must(now < issued_at + MAX_AGE + LEEWAY && expires_at - issued_at <= MAX_LIFETIME)?;
            must(claims.text("sub").is_some_and(|subject| !subject.is_empty()))?;
        }
        let is_it = |(name, id): &(String, String)| name == issuer && Some(id.as_str()) == claims.text("jti");
        must(!self.revoked.iter().any(is_it))
    }

    fn verify(&mut self, token: &str, revoke: bool) {
        let expected = self.accepts(token);
        let outcomes = self.verifiers.each_ref().map(|verifier| forge::verify(verifier, token));
        let shown = outcomes.each_ref().map(|outcome| match outcome {
            Ok(verified) => {
                let claims = verified.registered();
                let (issuer, key) = (claims.issuer().map(str::to_owned), verified.key_id());
                Ok(format!(
                    "{issuer:?} {key:?} {:?} {} {}",
                    verified.token_type(),
                    verified.algorithm(),
                    verified.payload()
                ))
            }
            Err(error) => Err((error.kind(), error.unmet().map(str::to_owned))),
        });
        assert_eq!(shown[0], shown[1], "without a cache, and with one: {token}");
        assert_eq!(shown[0], shown[2], "without a cache, and with digests: {token}");
        assert_eq!(shown[0].is_ok(), expected, "{:?}, by the model: {token}", shown[0]);
        let Ok(verified) = &outcomes[0] else { return };
        let claims = verified.registered();
        if let (true, Some(issuer), Some(id)) = (revoke, claims.issuer(), claims.token_id().filter(|id| !id.is_empty()))
        {
            self.revocations.revoke(&Revocation::token(verified)).expect("there's room");
            self.revoked.push((issuer.to_owned(), id.to_owned()));
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let mut input = Input::new(data);
    let mut stage = Stage::new(1 + (input.byte() & 1) * 2);
    let count = 1 + input.below(3);
    let tokens: Vec<String> = (0..count).map(|index| token(&mut input, index)).collect();
    for _ in 0..10 {
        let token = input.pick(&(0..count).collect::<Vec<_>>());
        match input.below(8) {
            0 => stage.verify(&tokens[token], true),
            1 => {
                let seconds = u64::from(input.pick(&[1_u16, 59, 60, 61, 299, 300, 360, 600, 660, 1000]));
                stage.clock.advance(Duration::from_secs(seconds));
                stage.now += seconds as f64;
            }
            2 => {
                stage.held = input.byte() & 7;
                stage.keys.hold(stage.held);
            }
            3 | 4 => {
                let mut changed = tokens[token].clone().into_bytes();
                input.edit(&mut changed, LETTERS);
                let Ok(changed) = String::from_utf8(changed) else { continue };
                if !tokens.contains(&changed) {
                    let refused = forge::verify(&stage.verifiers[0], &changed);
                    assert!(refused.is_err(), "nobody signed {changed}");
                }
                stage.verify(&changed, false);
            }
            _ => stage.verify(&tokens[token], false),
        }
        if input.is_empty() {
            break;
        }
    }
    // The rest of the input is a token itself.
    stage.verify(&tokens[0], false);
    if let Ok(raw) = std::str::from_utf8(input.rest()) {
        let is_malformed = |kind| matches!(kind, ErrorKind::MalformedToken | ErrorKind::TokenTooLarge);
        let outcome = forge::verify(&stage.verifiers[1], raw);
        assert!(outcome.is_err());
        assert!(Parts::of(raw).is_some() || outcome.is_err_and(|error| is_malformed(error.kind())), "{raw}");
    }
});

/// Writes and signs a token.
fn token(input: &mut Input<'_>, index: usize) -> String {
    // Most choices are valid; otherwise hardly any token would be accepted.
    let key = if input.once_in(3) { input.below(KIDS.len() + 1) } else { 0 };
    let mut header = vec![("alg".to_owned(), spoil(input, "\"HS256\"".to_owned()))];
    if !input.once_in(4) {
        let kid = KIDS[if input.once_in(8) { input.below(KIDS.len()) } else { key % KIDS.len() }];
        let kid = json::quote(input, kid);
        header.push(("kid".to_owned(), spoil(input, kid)));
    }
    let types = ["at+jwt", "at+jwt", "application/AT+jwt", "", "JWT", "text/at+jwt", "logout+jwt"];
    let token_type = if input.once_in(3) { input.pick(&types) } else { types[0] };
    if !token_type.is_empty() {
        header.push(("typ".to_owned(), json::quote(input, token_type)));
    }
    let issuer = input.pick(&[PLAIN, PLAIN, PLAIN, STRICT, STRICT, STRICT, "https://plain.example/"]);
    let mut claims = vec![("iss".to_owned(), json::quote(input, issuer))];
    let audience = match input.below(10) {
        0 => format!("[\"x\",\"{AUDIENCE}\"]"),
        1 => format!("[\"x\",\"y\",\"z\",\"{AUDIENCE}\",\"\"]"),
        2 => r#"["https://api.example/"]"#.to_owned(),
        _ => format!("\"{AUDIENCE}\""),
    };
    claims.push(("aud".to_owned(), spoil(input, audience)));
    for (name, usual, dates) in [
        ("exp", 300, [300, 1, 0, -59, -60, -61, 700, 999]),
        ("iat", -1, [0, 60, 61, -300, -599, -659, -660, 400]),
        ("nbf", 0, [0, 60, 61, -300, 59, 1, 120, 999]),
    ] {
        let is_usual = !input.once_in(3);
        if is_usual && name == "nbf" {
            continue;
        }
        if is_usual || !input.once_in(8) {
            let date = NOW as i64 + if is_usual { usual } else { input.pick(&dates) };
            let date = if input.once_in(8) { format!("{date}.5") } else { date.to_string() };
            claims.push((name.to_owned(), spoil(input, date)));
        }
    }
    // Every token has its own `jti`, because a revocation is dropped once its token has expired.
    for (name, texts) in [("sub", ["ada", ""]), ("jti", [["0", "1", "2"][index], ""])] {
        if !input.once_in(8) {
            let text = texts[usize::from(input.once_in(8))];
            let text = json::quote(input, text);
            claims.push((name.to_owned(), spoil(input, text)));
        }
    }
    let more = input.once_in(4);
    let mut nothing = Input::new(&[]);
    let payload = json::write_object(if more { input } else { &mut nothing }, &NAMES, &claims);
    let header = json::write_object(if more && input.once_in(3) { input } else { &mut nothing }, &NAMES, &header);
    let secret = SECRETS.get(key).copied().unwrap_or([9; 32]);
    seal(&secret, &encode(header), &encode(payload))
}

/// Returns the value, and about once in 32 times any other.
fn spoil(input: &mut Input<'_>, value: String) -> String {
    if input.once_in(32) { json::write_value(input, &NAMES) } else { value }
}
