use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::Arc;

use crate::claims::ClaimPath;
use crate::error::{BuildError, BuildErrorKind};
use crate::gate::{Admission, Answer, Gate, RequestState, Rewrite};
use crate::http::request::{RequestView, is_tchar};
use crate::http::token::{Kept, Strip};
use crate::json::{self, Value};
use crate::step::Step;
use crate::verified::Verified;
use crate::verify::Verifier;

/// Forwards claims in headers to an upstream service.
///
/// It's a [gate](crate::gate::Gate): put it into the adapter's `GateLayer` or `GateMiddleware`. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ForwardClaims {
    plan: Arc<Plan>,
}

#[derive(Debug, Default)]
struct Plan {
    claims: Vec<(ClaimPath, String)>,
    strip: Strip,
}

/// Headers that frame or route a request, or have credentials.
const RESERVED: [&str; 17] = [
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "expect",
    "forwarded",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

impl ForwardClaims {
    /// Forwards claims but not the token. Each pair is the [JSON pointer](ClaimPath) of a claim and the name of a header. The
    /// token is removed from every place where `verifier` looks for it, so pass the verifier of the layer outside this one.
    ///
    /// # Errors
    ///
    /// Returns the first invalid pair, or an error if a token source does not know its place.
    pub fn new<'c>(
        verifier: &Verifier,
        claims: impl IntoIterator<Item = (&'c str, &'c str)>,
    ) -> Result<Self, BuildError> {
        let unknown = BuildError::new(BuildErrorKind::Missing, "place").because(
            "of a token source is unknown, so its token cannot be removed: implement `TokenSource::place`, or use \
             `ForwardClaims::keeping_token`",
        );
        let strip = Strip::of(verifier.sources()).ok_or(unknown)?;
        Ok(Plan { strip, claims: Plan::claims(claims)? }.into())
    }

    /// Forwards claims and also the token, for services that verify it themselves.
    ///
    /// # Errors
    ///
    /// Returns the first invalid pair.
    pub fn keeping_token<'c>(claims: impl IntoIterator<Item = (&'c str, &'c str)>) -> Result<Self, BuildError> {
        Ok(Plan { strip: Strip::default(), claims: Plan::claims(claims)? }.into())
    }
}

impl From<Plan> for ForwardClaims {
    fn from(plan: Plan) -> Self {
        Self { plan: Arc::new(plan) }
    }
}

impl Gate for ForwardClaims {
    fn enter(&self, request: &dyn RequestView, state: &RequestState) -> Step<Result<Admission, Answer>> {
        // A CORS preflight is rejected: the gateway must answer it, not the upstream service.
        let headers = match state.optional_token() {
            Ok(Some(verified)) => self.plan.headers(verified),
            Ok(None) => Vec::new(),
            Err(rejection) => return Step::Ready(Err(rejection.into())),
        };
        let (plan, target) = (Arc::clone(&self.plan), self.plan.strip.target(request.target()));
        let rewrite = Rewrite::new(move |name, value| plan.line(name, value), headers, target);
        Step::Ready(Ok(Admission::unchanged().rewriting(rewrite)))
    }
}

impl Plan {
    fn claims<'c>(pairs: impl IntoIterator<Item = (&'c str, &'c str)>) -> Result<Vec<(ClaimPath, String)>, BuildError> {
        let mut plan = Self::default();
        for (path, name) in pairs {
            let path = ClaimPath::new(path)?;
            if name.is_empty() || !name.bytes().all(is_tchar) {
                return refused(BuildErrorKind::IllegalCharacters, name, "is not a legal header name");
            }
            if RESERVED.iter().any(|reserved| is_alike(reserved.as_bytes(), name.as_bytes())) {
                let problem = "is reserved: the header frames or routes the request, or has credentials";
                return refused(BuildErrorKind::Reserved, name, problem);
            }
            if plan.is_ours(name.as_bytes()) {
                let problem = "is the header of two claims, or one that a server may take for it";
                return refused(BuildErrorKind::Duplicate, name, problem);
            }
            plan.claims.push((path, name.to_ascii_lowercase()));
        }
        Ok(plan.claims)
    }

    /// Returns the new value of a header line of the request, or `None` to remove it. `name` is in lower case.
    fn line<'v>(&self, name: &str, value: &'v [u8]) -> Option<Cow<'v, [u8]>> {
        if self.is_ours(name.as_bytes()) {
            return None;
        }
        if name == "connection" {
            return self.connection(value);
        }
        match self.strip.header(name, value) {
            Kept::Whole => Some(value.into()),
            Kept::Part(value) => Some(value.into()),
            Kept::Nothing => None,
        }
    }

    /// Returns the headers to add for a token: names in lower case, values of visible ASCII and spaces.
    fn headers(&self, verified: &Verified) -> Vec<(String, String)> {
        let payload = verified.payload();
        let headers = self.claims.iter().filter_map(|(path, name)| {
            let claim = path.claim_in(payload)?;
            let value = header_value(claim);
            if value.is_none() {
                tracing::debug!(
                    claim = path.as_str(),
                    header = name,
                    "a claim was not forwarded: it is not a string, number, boolean or array of these"
                );
            }
            Some((name.clone(), value?))
        });
        headers.collect()
    }

    fn is_ours(&self, name: &[u8]) -> bool {
        self.claims.iter().any(|(_, ours)| is_alike(ours.as_bytes(), name))
    }

    /// Removes our headers from `Connection`, because the next hop drops every header named there. RFC 9110 section 7.6.1.
    fn connection<'v>(&self, value: &'v [u8]) -> Option<Cow<'v, [u8]>> {
        let options = || value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii);
        if !options().any(|option| self.is_ours(option)) {
            return Some(value.into());
        }
        let kept: Vec<&[u8]> = options().filter(|option| !self.is_ours(option)).collect();
        (!kept.is_empty()).then(|| kept.join(&b", "[..]).into())
    }
}

fn refused<T>(kind: BuildErrorKind, name: &str, problem: &'static str) -> Result<T, BuildError> {
    Err(BuildError::new(kind, "").at(name.to_owned()).because(problem))
}

/// Returns whether a server may take one name for the other. Servers in the tradition of CGI replace every character except
/// letters and digits by `_`.
fn is_alike(one: &[u8], other: &[u8]) -> bool {
    let plain = |byte: &u8| if byte.is_ascii_alphanumeric() { byte.to_ascii_lowercase() } else { b'-' };
    one.len() == other.len() && one.iter().map(plain).eq(other.iter().map(plain))
}

/// Returns a claim as a header value, or `None` if it cannot be one.
pub(super) fn header_value(claim: Value<'_>) -> Option<String> {
    let mut out = String::new();
    if let Value::Array(array) = claim {
        let mut is_legal = true;
        let mut first = true;
        json::array(array, |element| {
            if !std::mem::take(&mut first) {
                out.push(',');
            }
            is_legal &= scalar(element, &mut out);
        })
        .ok()
        .filter(|()| is_legal)?;
    } else if !scalar(claim, &mut out) {
        return None;
    }
    Some(out).filter(|out| !out.is_empty())
}

fn scalar(value: Value<'_>, out: &mut String) -> bool {
    match value {
        Value::Text(text) => encode(&text.decode(), out),
        Value::Number(number) => out.push_str(number),
        Value::Bool(bool) => out.push_str(if bool { "true" } else { "false" }),
        Value::Null | Value::Array(_) | Value::Object(_) => return false,
    }
    true
}

fn encode(text: &str, out: &mut String) {
    let last = text.len().saturating_sub(1);
    for (place, byte) in text.bytes().enumerate() {
        let stays = match byte {
            b'%' | b',' => false,
            b' ' => place != 0 && place != last,
            _ => byte.is_ascii_graphic(),
        };
        if stays {
            out.push(char::from(byte));
        } else {
            // Writing to a `String` cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forward() -> Arc<Plan> {
        ForwardClaims::keeping_token([("/sub", "X-User"), ("/roles", "x-roles")]).expect("valid").plan
    }

    #[test]
    fn a_header_with_a_similar_name_is_dropped() {
        for name in ["x-user", "x_user", "x.user", "x~user", "x-roles", "x_roles"] {
            assert_eq!(forward().line(name, b"root"), None, "{name}");
        }
        for name in ["x-users", "xuser", "x-use", "authorization", "user"] {
            assert_eq!(forward().line(name, b"root").as_deref(), Some(&b"root"[..]), "{name}");
        }
    }

    #[test]
    fn the_next_hop_cannot_be_told_to_drop_our_headers() {
        for (value, expected) in [
            ("close", Some("close")),
            ("x-user", None),
            ("X-User, X_ROLES", None),
            ("close , x-user,keep-alive", Some("close, keep-alive")),
        ] {
            let plan = forward();
            let line = plan.line("connection", value.as_bytes());
            assert_eq!(line.as_deref(), expected.map(str::as_bytes), "{value}");
        }
    }

    #[test]
    fn an_invalid_configuration_is_an_error() {
        use BuildErrorKind::{Duplicate, IllegalCharacters, Invalid, Reserved};
        for (pairs, kind) in [
            (vec![("sub", "x-user")], Invalid),
            (vec![("/sub", "")], IllegalCharacters),
            (vec![("/sub", "x user")], IllegalCharacters),
            (vec![("/sub", "x-user\r\n")], IllegalCharacters),
            (vec![("/sub", "caf\u{e9}")], IllegalCharacters),
            (vec![("/sub", "Content-Length")], Reserved),
            (vec![("/sub", "transfer_encoding")], Reserved),
            (vec![("/sub", "Authorization")], Reserved),
            (vec![("/sub", "x-user"), ("/name", "X_User")], Duplicate),
        ] {
            let error = ForwardClaims::keeping_token(pairs.clone()).expect_err("invalid");
            assert_eq!(error.kind(), kind, "{pairs:?}");
        }
    }

    #[test]
    fn only_claims_of_the_token_are_forwarded() {
        let verified = Verified::of_payload(r#"{"sub":"ada","roles":{"a":1}}"#);
        assert_eq!(forward().headers(&verified), [("x-user".to_owned(), "ada".to_owned())]);
        let gate = ForwardClaims::from(Plan::default());
        let entry = gate.enter(&crate::testing::BareRequest::new("GET", "/"), &RequestState::missing("Layer"));
        let answer = entry.ready().expect("ready").expect_err("no layer ran");
        assert_eq!(answer.error.map(|error| error.code()), Some("layer_missing"));
    }

    #[test]
    fn a_claim_is_encoded_as_one_header_line() {
        for (claim, expected) in [
            (r#""Ada""#, Some("Ada")),
            (r#""Ada Lovelace""#, Some("Ada Lovelace")),
            (r#"" Ada ""#, Some("%20Ada%20")),
            (r#"" ""#, Some("%20")),
            (r#""a,b""#, Some("a%2Cb")),
            (r#""100%""#, Some("100%25")),
            (r#""a\r\nx-user: root""#, Some("a%0D%0Ax-user: root")),
            (r#""\u0000\u007f\t""#, Some("%00%7F%09")),
            (r#""Žižka""#, Some("%C5%BDi%C5%BEka")),
            (r#""\ud83d\ude00""#, Some("%F0%9F%98%80")),
            (r#""""#, None),
            ("5", Some("5")),
            ("-1.5e3", Some("-1.5e3")),
            ("true", Some("true")),
            ("false", Some("false")),
            ("null", None),
            (r#"["a", "b,c", 5, true]"#, Some("a,b%2Cc,5,true")),
            (r#"["admin"]"#, Some("admin")),
            ("[]", None),
            (r#"["a", null]"#, None),
            (r#"["a", ["b"]]"#, None),
            (r#"["a", {}]"#, None),
            (r#"{"a": 1}"#, None),
        ] {
            let payload = format!(r#"{{"claim": {claim}}}"#);
            let found = ClaimPath::new("/claim").expect("a path").claim_in(&payload);
            assert_eq!(found.and_then(header_value).as_deref(), expected, "{claim}");
        }
    }
}
