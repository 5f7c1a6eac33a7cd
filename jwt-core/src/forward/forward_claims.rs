use std::sync::Arc;

use crate::claims::ClaimPath;
use crate::gate::{Admission, Answer, Gate, Line, RequestState, Rewrite};
use crate::http::request::{RequestView, is_tchar};
use crate::http::token::{Kept, Strip};
use crate::step::Step;
use crate::verified::Verified;
use crate::verify::Verifier;

use super::value::header_value;
use super::{ForwardError, ForwardErrorKind};

/// Which claim goes into which header, for requests that are sent on.
///
/// It's the [gate](crate::gate::Gate) of the adapters' `ForwardLayer` and `ForwardMiddleware`. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ForwardClaims {
    plan: Arc<Plan>,
}

#[derive(Debug, Default)]
struct Plan {
    claims: Vec<(ClaimPath, String)>,
    strip: Strip,
}

/// Headers that frame and route a request or carry credentials.
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
    /// Sends claims on, and not the token: pairs of the [path of a claim](ClaimPath) and the name of a header. The token
    /// is taken out wherever `verifier` looks for it, so it must be the one whose layer stands before.
    ///
    /// # Errors
    ///
    /// The first pair that cannot be, or a token source whose place is not known.
    pub fn new<'c>(
        verifier: &Verifier,
        claims: impl IntoIterator<Item = (&'c str, &'c str)>,
    ) -> Result<Self, ForwardError> {
        let unknown = ForwardError::new(ForwardErrorKind::UnknownPlace, "");
        let strip = Strip::of(verifier.sources()).ok_or(unknown)?;
        Ok(Plan { strip, claims: Plan::claims(claims)? }.into())
    }

    /// Sends claims on, and the token too, for services that verify it themselves.
    ///
    /// # Errors
    ///
    /// The first pair that cannot be.
    pub fn keeping_token<'c>(claims: impl IntoIterator<Item = (&'c str, &'c str)>) -> Result<Self, ForwardError> {
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
        // A CORS preflight that was let pass is rejected: it's for this side of the gateway to answer.
        let headers = match state.optional_token() {
            Ok(Some(verified)) => self.plan.headers(verified),
            Ok(None) => Vec::new(),
            Err(refusal) => return Step::Ready(Err(refusal.into())),
        };
        let (plan, target) = (Arc::clone(&self.plan), self.plan.strip.target(request.target()));
        let rewrite = Rewrite::new(move |name, value| plan.line(name, value), headers, target);
        Step::Ready(Ok(Admission::unchanged().rewriting(rewrite)))
    }
}

impl Plan {
    fn claims<'c>(
        pairs: impl IntoIterator<Item = (&'c str, &'c str)>,
    ) -> Result<Vec<(ClaimPath, String)>, ForwardError> {
        let mut plan = Self::default();
        for (path, name) in pairs {
            let error = |kind, text| Err(ForwardError::new(kind, text));
            let Ok(path) = ClaimPath::new(path) else { return error(ForwardErrorKind::NotAPath, path) };
            if name.is_empty() || !name.bytes().all(is_tchar) {
                return error(ForwardErrorKind::NotAHeader, name);
            }
            if RESERVED.iter().any(|reserved| is_alike(reserved.as_bytes(), name.as_bytes())) {
                return error(ForwardErrorKind::ReservedHeader, name);
            }
            if plan.is_ours(name.as_bytes()) {
                return error(ForwardErrorKind::Duplicate, name);
            }
            plan.claims.push((path, name.to_ascii_lowercase()));
        }
        Ok(plan.claims)
    }

    /// What is left of a header line of the request. `name` is in lower case.
    fn line(&self, name: &str, value: &[u8]) -> Line {
        if self.is_ours(name.as_bytes()) {
            return Line::Drop;
        }
        if name == "connection" {
            return self.connection(value);
        }
        match self.strip.header(name, value) {
            Kept::Whole => Line::Keep,
            Kept::Part(value) => Line::Replace(value),
            Kept::Nothing => Line::Drop,
        }
    }

    /// The headers to add for a token: names in lower case, values of visible ASCII and spaces.
    fn headers(&self, verified: &Verified) -> Vec<(String, String)> {
        let payload = verified.payload();
        let headers = self.claims.iter().filter_map(|(path, name)| {
            let claim = path.claim_in(payload)?;
            let value = header_value(claim);
            if value.is_none() {
                tracing::debug!(claim = path.as_str(), header = name, "claim has no form of a header");
            }
            Some((name.clone(), value?))
        });
        headers.collect()
    }

    fn is_ours(&self, name: &[u8]) -> bool {
        self.claims.iter().any(|(_, ours)| is_alike(ours.as_bytes(), name))
    }

    /// RFC 9110 section 7.6.1: the next hop drops what is named here, and would drop what was put in.
    fn connection(&self, value: &[u8]) -> Line {
        let options = || value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii);
        if !options().any(|option| self.is_ours(option)) {
            return Line::Keep;
        }
        let kept: Vec<&[u8]> = options().filter(|option| !self.is_ours(option)).collect();
        if kept.is_empty() { Line::Drop } else { Line::Replace(kept.join(&b", "[..])) }
    }
}

/// Whether a server may take one name for the other: CGI and its heirs turn everything but letters and digits into `_`.
fn is_alike(one: &[u8], other: &[u8]) -> bool {
    let plain = |byte: &u8| if byte.is_ascii_alphanumeric() { byte.to_ascii_lowercase() } else { b'-' };
    one.len() == other.len() && one.iter().map(plain).eq(other.iter().map(plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forward() -> Arc<Plan> {
        ForwardClaims::keeping_token([("/sub", "X-User"), ("/roles", "x-roles")]).expect("sound").plan
    }

    #[test]
    fn a_header_that_could_be_taken_for_ours_is_dropped() {
        for name in ["x-user", "x_user", "x.user", "x~user", "x-roles", "x_roles"] {
            assert_eq!(forward().line(name, b"root"), Line::Drop, "{name}");
        }
        for name in ["x-users", "xuser", "x-use", "authorization", "user"] {
            assert_eq!(forward().line(name, b"root"), Line::Keep, "{name}");
        }
    }

    #[test]
    fn nobody_has_the_next_hop_drop_what_was_put_in() {
        for (value, expected) in [
            ("close", Line::Keep),
            ("x-user", Line::Drop),
            ("X-User, X_ROLES", Line::Drop),
            ("close , x-user,keep-alive", Line::Replace(b"close, keep-alive".to_vec())),
        ] {
            assert_eq!(forward().line("connection", value.as_bytes()), expected, "{value}");
        }
    }

    #[test]
    fn what_cannot_be_forwarded_is_an_error() {
        use ForwardErrorKind::{Duplicate, NotAHeader, NotAPath, ReservedHeader};
        for (pairs, kind) in [
            (vec![("sub", "x-user")], NotAPath),
            (vec![("/sub", "")], NotAHeader),
            (vec![("/sub", "x user")], NotAHeader),
            (vec![("/sub", "x-user\r\n")], NotAHeader),
            (vec![("/sub", "caf\u{e9}")], NotAHeader),
            (vec![("/sub", "Content-Length")], ReservedHeader),
            (vec![("/sub", "transfer_encoding")], ReservedHeader),
            (vec![("/sub", "Authorization")], ReservedHeader),
            (vec![("/sub", "x-user"), ("/name", "X_User")], Duplicate),
        ] {
            let error = ForwardClaims::keeping_token(pairs.clone()).expect_err("unsound");
            assert_eq!(error.kind(), kind, "{pairs:?}");
        }
    }

    #[test]
    fn only_claims_of_the_token_are_put_in() {
        let verified = Verified::of_payload(r#"{"sub":"ada","roles":{"a":1}}"#);
        assert_eq!(forward().headers(&verified), [("x-user".to_owned(), "ada".to_owned())]);
        let gate = ForwardClaims::from(Plan::default());
        let entry = gate.enter(&crate::testing::BareRequest::new("GET", "/"), &RequestState::missing("Layer"));
        let answer = entry.ready().expect("at once").expect_err("no layer ran");
        assert_eq!(answer.error.map(|error| error.code()), Some("layer_missing"));
    }
}
