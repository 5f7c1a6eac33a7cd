//! Compares token sources and CSRF protection with a model, and checks the requests that a gateway forwards.
//!
//! A forwarded request must not contain a token in any source. Its other cookies, parameters and headers must be
//! unchanged.

#![no_main]

use std::sync::LazyLock;

use jwt_core::forward::ForwardClaims;
use jwt_core::gate::{Gate as _, RequestState};
use jwt_core::http::{Csrf, Headers, TokenSources};
use jwt_core::testing::BareRequest;
use jwt_core::verify::Authenticator;
use jwt_core::{ErrorKind, Verifier};
use jwt_fuzz::{Input, forge};
use libfuzzer_sys::fuzz_target;

const COOKIE: &str = "__Host-access";
const PARAMETER: &str = "access_token";
const HEADER: &str = "x-token";
const FORWARDED: &str = "x-user";
const ALLOWED: &str = "https://app.example";
const HOST: &str = "api.example";

static VERIFIER: LazyLock<Verifier> = LazyLock::new(|| {
    let csrf = Csrf::new().allow_origin(ALLOWED);
    forge::LAX.with_sources(TokenSources::new().cookie(COOKIE).query(PARAMETER).header("X-Token").csrf(csrf))
});
static AUTHENTICATOR: LazyLock<Authenticator> = LazyLock::new(|| VERIFIER.clone().into());
static FORWARD: LazyLock<ForwardClaims> =
    LazyLock::new(|| ForwardClaims::new(&VERIFIER, [("/sub", FORWARDED)]).expect("every place is known"));
/// The state of a request that was let pass.
static ADMITTED: LazyLock<RequestState> = LazyLock::new(|| {
    let request = BareRequest::new("GET", "/").header(HEADER, TOKENS[0].as_str());
    let admission = AUTHENTICATOR.enter(&request, &RequestState::missing("")).ready().expect("the keys are there");
    admission.expect("a good token").state.expect("a state")
});
/// Tokens without a claim `csrf`, and with one.
static TOKENS: LazyLock<[String; 2]> = LazyLock::new(|| [forge::token("{}"), forge::token(r#"{"csrf":"s3cret"}"#)]);

/// The parts of a request.
struct Request {
    method: &'static str,
    target: String,
    lines: Vec<(String, Vec<u8>)>,
}

fuzz_target!(|data: &[u8]| {
    let mut input = Input::new(data);
    let request = request(&mut input);
    check_finding(&request);
    check_stripping(&request);
});

fn request(input: &mut Input<'_>) -> Request {
    let method = input.pick(&["GET", "POST", "HEAD", "OPTIONS", "TRACE", "PUT", "get", ""]);
    let mut target = input.pick(&["/", "/a/b", "", "*", "/access_token=x"]).to_owned();
    if !input.once_in(4) {
        target.push('?');
        for index in 0..input.below(4) {
            if index > 0 {
                target.push_str(input.pick(&["&", "&", "&&", ";", "?"]));
            }
            let name = input.pick(&["a", PARAMETER, "access%5Ftoken", "Access_token", "access_token+", "", "%", "é"]);
            target.push_str(name);
            target.push_str(input.pick(&["=", "=", "", "=="]));
            target.push_str(&value(input));
        }
    }
    let lines = (0..input.below(6)).map(|_| line(input)).collect();
    Request { method, target, lines }
}

fn line(input: &mut Input<'_>) -> (String, Vec<u8>) {
    let value = match input.below(12) {
        0 | 1 => {
            let scheme =
                input.pick(&["Bearer ", "bearer  ", "BEARER ", "Basic ", "DPoP ", "Bearer", "Bearer\t", "Bearer,", ""]);
            let credentials = scheme.to_owned() + &value(input);
            return named(input, "Authorization", &credentials);
        }
        2..=4 => {
            let mut line = String::new();
            for _ in 0..input.below(4) {
                line.push_str(input.pick(&[
                    "a",
                    COOKIE,
                    COOKIE,
                    "__host-access",
                    "__Host-access ",
                    "\u{a0}__Host-access",
                    "__Host-access\u{b}",
                    "\u{c}__Host-access",
                    "",
                ]));
                line.push_str(input.pick(&["=", "=", " = ", "", "=\""]));
                line.push_str(&value(input));
                line.push_str(input.pick(&["; ", ";", " ;\t", "\"; ", ";;", ", "]));
            }
            return named(input, "Cookie", &line);
        }
        5 => {
            let token = input.pick(&["", " ", "\t"]).to_owned() + &value(input);
            return named(input, "X-Token", &token);
        }
        6 => {
            let list = ["close", "authorization", "Cookie, close", "x-token", " X-User ,keep-alive", "x_user", ""];
            let options = input.pick(&list);
            return named(input, "Connection", options);
        }
        7 => input.pick(&[
            ("Sec-Fetch-Site", "same-origin"),
            ("Sec-Fetch-Site", "none"),
            ("Sec-Fetch-Site", "cross-site"),
        ]),
        8 => input.pick(&[
            ("Origin", "https://api.example"),
            ("Origin", ALLOWED),
            ("Origin", "null"),
            ("Origin", "https://other.example"),
            ("Origin", "https://API.example"),
            ("Origin", "api.example"),
        ]),
        9 => input.pick(&[("Host", HOST), ("Host", "other.example"), ("Host", "")]),
        10 => input.pick(&[("Upgrade", "websocket"), ("Upgrade", "h2c, WebSocket"), ("Upgrade", "h2c")]),
        _ => {
            input.pick(&[("X-CSRF-Token", "s3cret"), ("X-CSRF-Token", "other"), ("X-User", "root"), ("X_User", "root")])
        }
    };
    named(input, value.0, value.1)
}

/// Returns the line, sometimes with one change.
fn named(input: &mut Input<'_>, name: &str, value: &str) -> (String, Vec<u8>) {
    let name = if input.once_in(2) { name.to_ascii_lowercase() } else { name.to_owned() };
    let mut value = value.as_bytes().to_vec();
    if input.once_in(8) {
        input.edit(&mut value, b" \t;=,\"&%a\x0b\xa0\xff");
        // No HTTP server lets these into a value.
        value.retain(|byte| !b"\r\n\0".contains(byte));
    }
    (name, value)
}

fn value(input: &mut Input<'_>) -> String {
    match input.below(8) {
        0..4 => TOKENS[0].clone(),
        4 | 5 => TOKENS[1].clone(),
        6 => String::new(),
        _ => input.pick(&["a.b.c", "abc", "a b", "\"abc\"", "%61", "a+b", "a,b", "é"]).to_owned(),
    }
}

impl Request {
    fn bare(&self) -> BareRequest {
        let request = BareRequest::new(self.method, self.target.as_str());
        self.lines.iter().fold(request, |request, (name, value)| request.header(name.as_str(), value.as_slice()))
    }

    fn all(&self, name: &str) -> Vec<&[u8]> {
        let named = self.lines.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_slice()).collect()
    }

    /// Returns the values of a header, unless `Connection` names it.
    fn end_to_end(&self, name: &str) -> Vec<&[u8]> {
        let is_named = |line: &&[u8]| options(line).iter().any(|option| option.eq_ignore_ascii_case(name.as_bytes()));
        if self.all("connection").iter().any(is_named) { Vec::new() } else { self.all(name) }
    }

    fn query(&self) -> Option<&str> {
        self.target.split_once('?').map(|(_, query)| query)
    }

    fn outcome(&self) -> Result<(), ErrorKind> {
        let outcome =
            AUTHENTICATOR.enter(&self.bare(), &RequestState::missing("")).ready().expect("the keys are there");
        outcome.map(drop).map_err(|answer| answer.error.expect("a refusal").kind())
    }
}

/// Splits a list at its commas.
fn options(line: &[u8]) -> Vec<&[u8]> {
    line.split(|&byte| byte == b',').map(<[u8]>::trim_ascii).collect()
}

fn trim_blanks(bytes: &[u8]) -> &[u8] {
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let start = bytes.iter().position(|byte| !is_blank(byte)).unwrap_or(bytes.len());
    let end = bytes.iter().rposition(|byte| !is_blank(byte)).map_or(start, |last| last + 1);
    &bytes[start..end]
}

/// Splits a `Cookie` line into names and values. RFC 6265 section 5.4.
fn cookies(line: &[u8]) -> Vec<(&[u8], Option<&[u8]>)> {
    let parts = line.split(|&byte| byte == b';').map(trim_blanks).filter(|part| !part.is_empty());
    let pairs = parts.map(|part| {
        let mut halves = part.splitn(2, |&byte| byte == b'=').map(trim_blanks);
        (halves.next().unwrap_or_default(), halves.next())
    });
    pairs.collect()
}

#[derive(Clone, Debug, PartialEq)]
enum Place {
    Elsewhere,
    Cookie,
}

/// Returns every candidate for the request's token.
fn candidates(request: &Request) -> Vec<(Vec<u8>, Place)> {
    let mut found = Vec::new();
    let authorization = request.end_to_end("authorization");
    if authorization.len() > 1 {
        // Two lines are an error, even if neither is a bearer token.
        found.extend(authorization.iter().map(|_| (Vec::new(), Place::Elsewhere)));
    } else if let Some(line) = authorization.first() {
        let line = line.trim_ascii();
        let is_ours = line.len() >= 6 && line[..6].eq_ignore_ascii_case(b"bearer");
        let after = line.get(6).copied();
        let is_longer_name =
            after.is_some_and(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte));
        if is_ours && !is_longer_name {
            let is_spaced = after == Some(b' ');
            let start = line.iter().skip(6).position(|&byte| byte != b' ').map_or(line.len(), |spaces| 6 + spaces);
            found.push((if is_spaced { line[start..].to_vec() } else { Vec::new() }, Place::Elsewhere));
        }
    }
    for (name, value) in request.end_to_end("cookie").into_iter().flat_map(cookies) {
        if let (true, Some(value)) = (name == COOKIE.as_bytes(), value) {
            let is_quoted = value.len() >= 2 && value.starts_with(b"\"") && value.ends_with(b"\"");
            let value = if is_quoted { &value[1..value.len() - 1] } else { value };
            // An empty cookie holds no token.
            if !value.is_empty() {
                found.push((value.to_vec(), Place::Cookie));
            }
        }
    }
    if matches!(request.method, "GET" | "HEAD") {
        let parameters = form_urlencoded::parse(request.query().unwrap_or_default().as_bytes());
        let ours = parameters.filter(|(name, _)| name == PARAMETER);
        found.extend(ours.map(|(_, value)| (value.as_bytes().to_vec(), Place::Elsewhere)));
    }
    let lines = request.end_to_end(HEADER);
    // One empty line has no token.
    if lines.len() > 1 || lines.iter().any(|value| !value.trim_ascii().is_empty()) {
        found.extend(lines.into_iter().map(|value| (value.trim_ascii().to_vec(), Place::Elsewhere)));
    }
    found
}

/// The sender of the request according to the browser.
#[derive(PartialEq)]
enum Sender {
    Own,
    Other,
    Unknown,
}

fn sender(request: &Request) -> Sender {
    let (site, origin) = (request.all("sec-fetch-site"), request.all("origin"));
    let is_allowed = origin == [ALLOWED.as_bytes()];
    let is_own = match &site[..] {
        [] => match &origin[..] {
            [] => return Sender::Unknown,
            [origin] => match (&request.all("host")[..], origin.windows(3).position(|part| part == b"://")) {
                ([host], Some(at)) => !host.is_empty() && host.eq_ignore_ascii_case(&origin[at + 3..]),
                _ => false,
            },
            _ => false,
        },
        [site] => *site == b"same-origin" || *site == b"none",
        _ => false,
    };
    if is_own || is_allowed { Sender::Own } else { Sender::Other }
}

fn expected(request: &Request) -> Result<(), ErrorKind> {
    let found = candidates(request);
    let [(token, place)] = &found[..] else {
        return Err(if found.is_empty() { ErrorKind::NoCredentials } else { ErrorKind::MultipleCredentials });
    };
    let is_handshake =
        request.all("upgrade").into_iter().flat_map(options).any(|one| one.eq_ignore_ascii_case(b"websocket"));
    let is_safe = matches!(request.method, "GET" | "HEAD" | "OPTIONS" | "TRACE") && !is_handshake;
    let sender = sender(request);
    let is_checked = *place == Place::Cookie && !is_safe;
    if is_checked && (sender == Sender::Other || (sender == Sender::Unknown && is_handshake)) {
        return Err(ErrorKind::CsrfFailed);
    }
    let is_legible = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(byte);
    if token.is_empty() || !token.iter().all(is_legible) {
        return Err(ErrorKind::MalformedCredentials);
    }
    let Some(which) = TOKENS.iter().position(|known| known.as_bytes() == token) else {
        return Err(ErrorKind::MalformedToken);
    };
    let is_proven = match which {
        0 => sender == Sender::Own,
        _ => request.all("x-csrf-token") == [b"s3cret"],
    };
    if is_checked && !is_handshake && !is_proven { Err(ErrorKind::CsrfFailed) } else { Ok(()) }
}

fn check_finding(request: &Request) {
    let (ours, theirs) = (request.outcome(), expected(request));
    // The model does not say why a text isn't a token.
    let alike = ours == theirs || (theirs == Err(ErrorKind::MalformedToken) && ours.is_err());
    assert!(alike, "{ours:?}, by the model {theirs:?}: {request}");
}

/// The lines of a request, which a gateway changes.
struct Lines(Vec<(String, Vec<u8>)>);

impl Headers for Lines {
    fn lines(&self, each: &mut dyn FnMut(&str, &[u8])) {
        self.0.iter().for_each(|(name, value)| each(&name.to_ascii_lowercase(), value));
    }

    fn append(&mut self, name: &str, value: Vec<u8>) {
        self.0.push((name.to_owned(), value));
    }

    fn remove(&mut self, name: &str) {
        self.0.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
    }
}

fn check_stripping(request: &Request) {
    let mut stripped = Request { method: request.method, target: request.target.clone(), lines: Vec::new() };
    let admission = FORWARD.enter(&request.bare(), &ADMITTED).ready().expect("there's nothing to wait for");
    let mut lines = Lines(request.lines.clone());
    if let Some(target) = admission.expect("the token is verified").rewrite(&mut lines) {
        stripped.target = target;
    }
    stripped.lines = lines.0;
    // The next hop may look at any method, and may drop `Connection`.
    for connection in [true, false] {
        let mut sent_on = Request { lines: stripped.lines.clone(), target: stripped.target.clone(), ..*request };
        if !connection {
            sent_on.lines.retain(|(name, _)| !name.eq_ignore_ascii_case("connection"));
        }
        for method in ["GET", request.method] {
            sent_on.method = method;
            let strangers = sent_on.end_to_end("authorization").len();
            let kind = if strangers > 1 { ErrorKind::MultipleCredentials } else { ErrorKind::NoCredentials };
            assert_eq!(sent_on.outcome(), Err(kind), "after the gateway: {request}");
        }
    }

    let authorization = |request: &Request| {
        let is_token = |line: &[u8]| {
            let line = line.trim_ascii();
            let scheme: Vec<u8> = line.iter().copied().take_while(u8::is_ascii_alphanumeric).collect();
            scheme.eq_ignore_ascii_case(b"bearer") || scheme.eq_ignore_ascii_case(b"dpop")
        };
        let others: Vec<_> =
            request.all("authorization").into_iter().filter(|line| !is_token(line)).map(<[u8]>::to_vec).collect();
        others
    };
    assert_eq!(authorization(&stripped), authorization(request), "{request}");
    assert_eq!(stripped.all("authorization").len(), authorization(request).len(), "{request}");

    let others = |request: &Request| {
        let lines = request.all("cookie");
        let all = lines.into_iter().flat_map(cookies).map(|(name, value)| (name.to_vec(), value.map(<[u8]>::to_vec)));
        all.collect::<Vec<_>>()
    };
    let mut kept = others(request);
    kept.retain(|(name, _)| name != COOKIE.as_bytes());
    assert_eq!(others(&stripped), kept, "the other cookies: {request}");

    let parameters = |request: &Request| {
        let all = form_urlencoded::parse(request.query().unwrap_or_default().as_bytes());
        all.filter(|(name, _)| name != PARAMETER).map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>()
    };
    assert_eq!(parameters(&stripped), parameters(request), "the other parameters: {request}");
    let path = |request: &Request| request.target.split('?').next().map(str::to_owned);
    assert_eq!(path(&stripped), path(request), "{request}");

    // Many servers treat `X_User` as `X-User`.
    let plain = |byte: &u8| if byte.is_ascii_alphanumeric() { byte.to_ascii_lowercase() } else { b'-' };
    let is_forwarded = |name: &[u8]| name.iter().map(plain).eq(FORWARDED.bytes());
    for (name, value) in &stripped.lines {
        assert!(!is_forwarded(name.as_bytes()), "a header that is ours: {request}");
        let is_it = name.eq_ignore_ascii_case("connection") && options(value).into_iter().any(is_forwarded);
        assert!(!is_it, "the next hop would drop what is put in: {request}");
    }
    let strange = |request: &Request| {
        let touched = ["authorization", "cookie", "connection", HEADER];
        let is_touched = |name: &str| touched.iter().any(|other| name.eq_ignore_ascii_case(other));
        let lines = request.lines.iter().filter(|(name, _)| !is_touched(name) && !is_forwarded(name.as_bytes()));
        lines.cloned().collect::<Vec<_>>()
    };
    assert_eq!(strange(&stripped), strange(request), "the other headers: {request}");
    let hops = |request: &Request| {
        let all: Vec<Vec<u8>> = request.all("connection").into_iter().flat_map(options).map(<[u8]>::to_vec).collect();
        all.into_iter().filter(|option| !is_forwarded(option)).collect::<Vec<_>>()
    };
    assert_eq!(hops(&stripped), hops(request), "the other options: {request}");
}

impl std::fmt::Display for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {:?}", self.method, self.target)?;
        self.lines.iter().try_for_each(|(name, value)| write!(f, "\n{name}: {}", value.escape_ascii()))
    }
}
