//! Compares the decisions about DPoP proofs with the twelve checks of RFC 9449 section 4.3, made again on other crates.
//!
//! An accepted proof must pass all of them, and a proof in which only harmless things vary must be accepted. Each proof is used
//! up by its first use and by nothing else. A service that remembers keys and one that does not must agree, and one with nonces
//! must accept the same proofs if they have its nonce.

#![no_main]

use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use ed25519_dalek::{Signature, Signer as _, SigningKey};
use jwt_core::gate::{Gate as _, RequestState};
use jwt_core::keys::Key;
use jwt_core::proof::{Dpop, ProofUse, ReplayLog};
use jwt_core::testing::{BareRequest, ManualClock};
use jwt_core::verify::Authenticator;
use jwt_core::{Algorithm, BoxError, Step, TrustedIssuer, Verifier};
use jwt_fuzz::Input;
use jwt_fuzz::forge::{NOW, SECRET, decode, encode, seal};
use jwt_fuzz::json::{self, Json};
use jwt_fuzz::model::{Header, is_type};
use libfuzzer_sys::fuzz_target;
use sha2::{Digest as _, Sha256};
use url::Url;

const BASE: &str = "https://api.example";
const ISSUER: &str = "https://id.example";
const MAX_AGE: f64 = 60.0;
const LEEWAY: f64 = 10.0;

/// A client, with its token.
struct Device {
    key: SigningKey,
    x: String,
    thumbprint: [u8; 32],
    token: String,
}

static DEVICES: LazyLock<[Device; 2]> = LazyLock::new(|| {
    [1, 2].map(|seed| {
        let key = SigningKey::from_bytes(&[seed; 32]);
        let x = encode(key.verifying_key().to_bytes());
        let thumbprint = hash(format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#));
        let payload = format!(
            r#"{{"iss":"{ISSUER}","aud":"{BASE}","exp":{},"cnf":{{"jkt":"{}"}}}}"#,
            NOW + 600,
            encode(thumbprint)
        );
        let token = seal(&SECRET, &encode(r#"{"alg":"HS256","typ":"at+jwt"}"#), &encode(payload));
        Device { key, x, thumbprint, token }
    })
});

/// A replay log that shows its records since it was cleared.
#[derive(Clone, Debug, Default)]
struct Log(Arc<Mutex<Vec<ProofUse>>>);

impl Log {
    fn take(&self) -> Vec<ProofUse> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl ReplayLog for Log {
    fn record(&self, proof: &ProofUse) -> Step<Result<bool, BoxError>> {
        let mut uses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = !uses.iter().any(|used| used.id().as_ref() == proof.id().as_ref());
        uses.push(*proof);
        Step::Ready(Ok(is_new))
    }
}

struct Service {
    authenticator: Authenticator,
    log: Log,
}

impl Service {
    fn new(change: impl FnOnce(Dpop) -> Dpop) -> Self {
        let log = Log::default();
        let key = Key::from_secret(Algorithm::HS256, SECRET).expect("long enough");
        let issuer = TrustedIssuer::new(ISSUER).audience(BASE).key(key).dpop_required();
        let dpop = change(Dpop::new(BASE).replay_log(log.clone()));
        let verifier = Verifier::builder().issuer(issuer).dpop(dpop).clock(ManualClock::at(NOW)).build();
        Self { authenticator: verifier.expect("no contradiction").into(), log }
    }

    /// Returns whether the request is admitted, and else the nonce that the client should use.
    fn admits(&self, request: &BareRequest) -> Result<(), Option<String>> {
        let outcome = self.authenticator.enter(request, &RequestState::missing("")).ready().expect("nothing waits");
        let answer = match outcome {
            Ok(_) => return Ok(()),
            Err(answer) => answer,
        };
        assert!((400..500).contains(&answer.status), "{answer:?}");
        Err(answer.headers.into_iter().find(|(name, _)| *name == "dpop-nonce").map(|(_, nonce)| nonce))
    }
}

/// One that remembers keys, one that does not, and one with nonces.
static SERVICES: LazyLock<[Service; 3]> = LazyLock::new(|| {
    [Service::new(|dpop| dpop), Service::new(|dpop| dpop.remembered_keys(0)), Service::new(|dpop| dpop.nonces([7; 32]))]
});

static NONCE: LazyLock<String> = LazyLock::new(|| {
    let device = &DEVICES[0];
    let claims =
        format!(r#"{{"jti":"a","htm":"GET","htu":"{BASE}/","iat":{NOW},"ath":"{}"}}"#, encode(hash(&device.token)));
    let header =
        format!(r#"{{"typ":"dpop+jwt","alg":"EdDSA","jwk":{{"kty":"OKP","crv":"Ed25519","x":"{}"}}}}"#, device.x);
    let proof = sign(&device.key, &format!("{}.{}", encode(header), encode(claims)));
    let request = Request { method: "GET", target: "/", scheme: "DPoP", token: &device.token, proofs: vec![proof] };
    SERVICES[2].admits(&request.bare()).expect_err("it has no nonce").expect("a nonce")
});

fn hash(text: impl AsRef<[u8]>) -> [u8; 32] {
    Sha256::digest(text).into()
}

fn sign(key: &SigningKey, input: &str) -> String {
    format!("{input}.{}", encode(key.sign(input.as_bytes()).to_bytes()))
}

struct Request<'r> {
    method: &'r str,
    target: &'r str,
    scheme: &'r str,
    token: &'r str,
    proofs: Vec<String>,
}

impl Request<'_> {
    fn bare(&self) -> BareRequest {
        let request = BareRequest::new(self.method, self.target);
        let request = request.header("authorization", format!("{} {}", self.scheme, self.token));
        self.proofs.iter().fold(request, |request, proof| request.header("dpop", proof.as_str()))
    }

    /// Makes the twelve checks, and returns the claims of the proof.
    fn check(&self, device: &Device) -> Option<Json> {
        let must = |condition: bool| condition.then_some(());
        must(self.scheme.trim_end().eq_ignore_ascii_case("dpop") && self.token == device.token)?;
        let [proof] = &self.proofs[..] else { return None };
        let segments: Vec<&str> = proof.split('.').collect();
        let [header, payload, signature] = segments[..] else { return None };
        must(proof.len() <= 16 * 1024 && header.len() <= 6 * 1024)?;
        let text = |segment| String::from_utf8(decode(segment)?).ok();
        let (header_text, payload_text) = (text(header)?, text(payload)?);

        let header = Header::read(&header_text)?;
        must(header.token_type.is_some_and(|name| is_type(&name, "dpop+jwt")))?;
        must(["EdDSA", "Ed25519"].contains(&&*header.algorithm))?;
        let header = Json::object(&header_text)?;
        let jwk = header.get("jwk")?;
        let private = ["d", "p", "q", "dp", "dq", "qi", "oth", "priv"];
        must(private.into_iter().all(|name| matches!(jwk.get(name), None | Some(Json::Null))))?;
        let member = |name| jwk.get(name).and_then(Json::text);
        must((member("kty"), member("crv"), member("x")) == (Some("OKP"), Some("Ed25519"), Some(&device.x)))?;
        let signature = Signature::from_slice(&decode(signature)?).ok()?;
        let input = proof.rsplit_once('.').map_or("", |(input, _)| input);
        device.key.verifying_key().verify_strict(input.as_bytes(), &signature).ok()?;

        let claims = Json::object(&payload_text)?;
        let text = |name| claims.get(name).and_then(Json::text);
        let date = |name| match claims.get(name) {
            Some(Json::Number(number)) => number.as_f64(),
            _ => None,
        };
        must((1..=512).contains(&text("jti")?.len()))?;
        must(text("htm")? == self.method)?;
        let path = self.target.split('?').next().unwrap_or_default();
        must(normal(text("htu")?)? == normal(&format!("{BASE}{path}"))?)?;
        let (now, issued_at) = (NOW as f64, date("iat")?);
        must(issued_at <= now + LEEWAY && now <= issued_at + MAX_AGE)?;
        must(claims.get("exp").is_none() || date("exp")? + LEEWAY > now)?;
        must(claims.get("nbf").is_none() || date("nbf")? <= now + LEEWAY)?;
        must(text("ath")? == encode(hash(self.token)))?;
        must(claims.get("nonce").is_none() || text("nonce").is_some())?;
        Some(claims)
    }
}

/// Returns a URL in its normal form: by the crate `url`, which leaves percent-encoding alone.
fn normal(text: &str) -> Option<String> {
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) || text.contains(['?', '#', '\\', '@']) {
        return None;
    }
    let mut parts = text.split('%');
    let mut decoded = parts.next()?.to_owned();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        let byte = u8::from_str_radix(digits, 16).ok()?;
        match char::from(byte) {
            plain if plain.is_ascii_alphanumeric() || "-._~".contains(plain) => decoded.push(plain),
            _ => decoded.push_str(&format!("%{byte:02X}")),
        }
        decoded.push_str(rest);
    }
    Url::parse(&decoded).ok().map(Into::into)
}

/// Makes choices, and remembers whether all of them are harmless.
struct Writer<'i, 'b> {
    input: &'i mut Input<'b>,
    is_good: bool,
}

impl Writer<'_, '_> {
    fn choose<'t>(&mut self, good: &[&'t str], bad: &[&'t str]) -> &'t str {
        if self.input.once_in(24) {
            self.is_good = false;
            return self.input.pick(bad);
        }
        self.input.pick(good)
    }

    /// Writes an object of these members, sometimes with others.
    fn object(&mut self, names: &[&str], members: Vec<(&str, String)>) -> String {
        let mut members: Vec<_> = members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        if self.input.once_in(8) {
            self.is_good = false;
            return json::write_object(self.input, names, &members);
        }
        if self.input.once_in(24) {
            self.is_good = false;
            let removed = self.input.below(members.len());
            members.remove(removed);
        }
        let members: Vec<_> = members.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
        format!("{{{}}}", members.join(","))
    }

    fn proof(&mut self, device: &Device, other: &Device, method: &str, urls: &[&str], nonce: &str) -> String {
        let mut quote = |good: &[&str], bad: &[&str]| json::quote(&mut Input::new(&[]), self.choose(good, bad));
        let jwk = vec![
            ("kty", quote(&["OKP"], &["EC", "RSA", "okp", "AKP"])),
            ("crv", quote(&["Ed25519"], &["Ed448", "P-256", "X25519"])),
            ("x", quote(&[&device.x], &[&other.x, "", "AA"])),
        ];
        let typ =
            quote(&["dpop+jwt", "DPoP+JWT", "application/dpop+jwt"], &["JWT", "at+jwt", "", "dpop+jwt ", "x/dpop+jwt"]);
        let alg = quote(&["EdDSA", "Ed25519"], &["none", "HS256", "ES256", "eddsa", ""]);
        let jti = quote(&["a", "b", "é", " "], &[""]);
        let htm = quote(&[method], &["GET", "POST", "get", ""]);
        let htu = quote(
            urls,
            &[
                "https://api.example/x",
                "http://api.example/reports",
                "/reports",
                "",
                "https://api.example/reports?page=2",
                "https://api.example/reports#a",
                "https://a@api.example/reports",
            ],
        );
        let token_hashes = [&device.token, &other.token].map(|token| encode(hash(token)));
        let ath = quote(&[&token_hashes[0]], &[&token_hashes[1], "", &device.token]);
        let nonce = quote(&[nonce], &["", "x"]);
        let numbers = ["1799999940", "1800000010", "1800000000", "1799999999.5", "18e8"];
        let others =
            ["1799999939.9", "1800000010.1", "0", "-1", "1e300", "\"1800000000\"", "null", "true", "1800000000.0e"];
        let iat = self.choose(&numbers, &others).to_owned();
        let jwk = self.object(&["d", "k", "alg", "use", "key_ops", "kid", "priv"], jwk);
        let header = vec![("typ", typ), ("alg", alg), ("jwk", jwk)];
        let header = self.object(&["kid", "crit", "b64", "cty", "jwk", "x"], header);
        let mut claims = vec![("jti", jti), ("htm", htm), ("htu", htu), ("iat", iat), ("ath", ath)];
        let optional = self.input.byte();
        for (bit, name, value) in
            [(1, "exp", "1799999991"), (2, "nbf", "1800000010"), (4, "nonce", &nonce), (8, "x", "{}")]
        {
            if optional & bit != 0 {
                claims.push((name, value.to_owned()));
            }
        }
        let claims = self.object(&["exp", "nbf", "nonce", "jti", "htu", "x"], claims);
        let mut input = format!("{}.{}", encode(header), encode(claims)).into_bytes();
        if self.input.once_in(16) {
            self.is_good = false;
            self.input.edit(&mut input, b"Aa0-_.=+ ");
        }
        let input = String::from_utf8_lossy(&input).into_owned();
        let signer = if self.input.once_in(24) {
            self.is_good = false;
            other
        } else {
            device
        };
        let mut proof = sign(&signer.key, &input).into_bytes();
        if self.input.once_in(16) {
            self.is_good = false;
            self.input.edit(&mut proof, b"Aa0-_.=+ ");
        }
        String::from_utf8_lossy(&proof).into_owned()
    }
}

fuzz_target!(|data: &[u8]| {
    let mut input = Input::new(data);
    let [device, other] = &*DEVICES;
    let mut writer = Writer { input: &mut input, is_good: true };
    let method = writer.input.pick(&["GET", "POST", "PATCH", "get"]);
    // Each target with ways to write its URL.
    let (target, urls): (_, &[&str]) = writer.input.pick(&[
        (
            "/reports",
            &[
                "https://api.example/reports",
                "HTTPS://API.example:443/./report%73",
                "https://api.example:/x/../reports",
            ][..],
        ),
        ("/reports?page=2", &["https://api.example/reports", "https://api.example:0443/reports"]),
        ("/", &["https://api.example", "https://api.example/", "https://api.example/.", "https://api.example/a/.."]),
        ("/a%2fb/%7Ec//", &["https://api.example/a%2Fb/~c//", "https://api.example/a%2fb/%7ec//"]),
    ]);
    let proof = writer.proof(device, other, method, urls, &NONCE);
    let scheme = writer.choose(&["DPoP", "dpop"], &["Bearer", "DPo", "DPoP "]);
    let token = writer.choose(&[&device.token], &[&other.token]);
    let proofs = match writer.choose(&["one"], &["two", "none", "different"]) {
        "one" => vec![proof],
        "two" => vec![proof.clone(), proof],
        "none" => Vec::new(),
        _ => vec![proof, "x".to_owned()],
    };
    let is_good = writer.is_good;
    let request = Request { method, target, scheme, token, proofs };
    let (bare, shown) = (request.bare(), &request.proofs);
    let claims = request.check(device).or_else(|| request.check(other));

    let outcomes = SERVICES.each_ref().map(|service| service.admits(&bare).is_ok());
    assert_eq!(outcomes[0], outcomes[1], "with remembered keys, and without: {shown:?}");
    assert!(!outcomes[0] || claims.is_some(), "accepted against a check: {shown:?}");
    assert!(!is_good || outcomes[0], "a good proof is refused: {shown:?}");
    let has_nonce = claims.as_ref().and_then(|claims| claims.get("nonce")).and_then(Json::text) == Some(NONCE.as_str());
    assert_eq!(outcomes[2], outcomes[0] && has_nonce, "with nonces: {shown:?}");

    for (service, is_accepted) in SERVICES.iter().zip(outcomes) {
        if is_accepted {
            assert!(service.admits(&bare).is_err(), "accepted twice: {shown:?}");
        }
        let uses = service.log.take();
        assert_eq!(uses.len(), if is_accepted { 2 } else { 0 }, "only accepted proofs are recorded: {shown:?}");
        let (Some(claims), [first, ..]) = (&claims, &uses[..]) else { continue };
        let device = if request.token == device.token { device } else { other };
        assert_eq!(first.key().as_ref(), encode(device.thumbprint));
        let id = claims.get("jti").and_then(Json::text).expect("accepted");
        assert_eq!(first.id().as_ref(), encode(hash([&device.thumbprint[..16], id.as_bytes()].concat())));
        let Some(Json::Number(issued_at)) = claims.get("iat") else { panic!("accepted without iat") };
        let rest = issued_at.as_f64().expect("accepted") + MAX_AGE + LEEWAY - NOW as f64;
        assert!(first.keep_for() >= Duration::from_secs_f64(rest) - Duration::from_micros(1), "{shown:?}");
    }
});
