//! Explains refusals to the operator. Each function runs only once a token is refused, and keeps no value of the token: only
//! lengths, distances in time, and how a value differs from a configured one.

use std::sync::Arc;
use std::time::Duration;

use crate::claim_rules::{AudienceRule, Times};
use crate::claims::{ClaimsError, NumericDate, RegisteredClaims, claim};
use crate::error::{Check, Detail, Error, ErrorKind, Found};
use crate::http::request::RequestView;
use crate::http::token;
use crate::jose::Algorithm;
use crate::jose::compact::{Bytes, Compact};
use crate::jose::malformed;
use crate::json::{self, Unique};
use crate::keys::Wanted;

use super::issuers::{Issuer, IssuerSet};

/// How many names are compared with a token's, so that a long list does not make refusals dear.
const MAX_COMPARED: usize = 16;

/// Explains why a request has no token.
#[cold]
pub(super) fn absence(error: Error, request: &dyn RequestView, is_preflight: bool) -> Error {
    let preflight = is_preflight.then_some(
        "it's a CORS preflight, which browsers send without a token: put the CORS middleware outside of this layer, by adding it \
         later, or call `pass_preflights`",
    );
    match preflight.or_else(|| token::describe_absence(request)) {
        Some(sentence) => error.with_detail(Detail::Constant(sentence)),
        None => error,
    }
}

/// Credentials that have characters which no token has.
#[cold]
pub(super) fn credentials(kind: ErrorKind, bytes: &[u8]) -> Error {
    let error = Error::from(kind);
    if kind == ErrorKind::MalformedCredentials {
        error.with_detail(Detail::Constant(token::describe_malformed(bytes)))
    } else {
        error
    }
}

/// A token that isn't a JWS, or whose header isn't accepted.
#[cold]
pub(super) fn token(kind: ErrorKind, check: Check, token: &str) -> Error {
    let error = Error::from(kind).at(check);
    match kind {
        ErrorKind::MalformedToken => error.with_detail(Detail::Constant(malformed::describe(token))),
        ErrorKind::AlgorithmNotAllowed => error.with_detail(Detail::Constant(
            "the header's `alg` isn't the name of a signature algorithm that this crate knows, or it's `none`: have the issuer \
             sign with one that is, for example ES256 or RS256",
        )),
        _ => error,
    }
}

/// A payload that isn't a claims set.
#[cold]
pub(super) fn payload(error: ClaimsError) -> Error {
    let malformed = Error::from(ErrorKind::MalformedClaims).at(Check::Claims);
    match error {
        ClaimsError::Payload => malformed.with_detail(Detail::Constant(
            "the payload isn't a JSON object, or a name is in it twice, or it's nested too deeply",
        )),
        ClaimsError::Claim(name) => malformed.with_unmet(name),
    }
}

/// Returns the finding that probably is a mistake in the settings, if there is one.
fn nearest(found: impl Iterator<Item = Found>) -> Option<Found> {
    found.min_by_key(|found| !found.is_near())
}

/// A token of an issuer that isn't trusted.
#[cold]
pub(super) fn issuer(issuers: &IssuerSet, name: Option<&str>) -> Error {
    let found = match name {
        None => Found::Nothing,
        Some(name) => {
            let given = issuers.given().iter().filter(|issuer| issuer.domain.is_none());
            let given = given.filter_map(|issuer| issuer.name.as_deref());
            nearest(given.take(MAX_COMPARED).filter_map(|given| Found::near(name, given))).unwrap_or(Found::Other)
        }
    };
    let expected = Arc::clone(&issuers.expected);
    Error::from(ErrorKind::UnknownIssuer).at(Check::Issuer).with_detail(Detail::Expected { expected, found })
}

#[cold]
pub(super) fn algorithm(issuer: &Issuer, found: Algorithm) -> Error {
    let symmetric = found.is_symmetric() && !issuer.algorithms.iter().any(|allowed| allowed.is_symmetric());
    let found = if symmetric { Found::Symmetric } else { Found::Other };
    let expected = Arc::clone(&issuer.expected.algorithms);
    Error::from(ErrorKind::AlgorithmNotAllowed).at(Check::Algorithm).with_detail(Detail::Expected { expected, found })
}

#[cold]
pub(super) fn token_type(error: Error, issuer: &Issuer, token_type: Option<&str>) -> Error {
    let found = if token_type.is_none() { Found::Nothing } else { Found::Other };
    error.at(Check::Type).with_detail(Detail::Expected { expected: Arc::clone(&issuer.expected.types), found })
}

/// A token whose key isn't there.
#[cold]
pub(super) fn key(issuer: &Issuer, wanted: &Wanted<'_>) -> Error {
    let kid_bytes = wanted.key_id.map(|kid| u16::try_from(kid.len()).unwrap_or(u16::MAX));
    let fits = issuer.keys.has_key_for(wanted.algorithm);
    Error::from(ErrorKind::UnknownKey).at(Check::Key).with_detail(Detail::Key {
        algorithm: wanted.algorithm.name(),
        kid_bytes,
        fits,
    })
}

/// A token that cannot be checked, because the keys could not be fetched.
#[cold]
pub(super) fn keys_unavailable(issuer: &Issuer) -> Error {
    let error = Error::from(ErrorKind::KeysUnavailable).at(Check::Key);
    match issuer.keys.status().and_then(|status| status.last_error) {
        Some(cause) => error.with_detail(Detail::Fetch(cause.explanation())),
        None => error,
    }
}

/// A wrong signature. Microsoft Graph's tokens are signed over a header that differs from the sent one.
#[cold]
pub(super) fn signature(issuer: &Issuer, compact: &Compact<'_>, algorithm: Algorithm) -> Error {
    const MICROSOFT: [&str; 2] = ["https://sts.windows.net/", "https://login.microsoftonline."];
    let (mut buffer, mut nonce) = (Bytes::new(), false);
    // Reading the header once more would double the cost of a refusal, so it's done only for the issuers of such tokens.
    if issuer.name.as_deref().is_some_and(|name| MICROSOFT.iter().any(|start| name.starts_with(start)))
        && let Ok(header) = compact.header(&mut buffer)
    {
        // It was read before, so an error cannot occur.
        let _ = json::object(header, Unique::Outermost, |name, _| nonce |= name == "nonce");
    }
    Error::from(ErrorKind::BadSignature).at(Check::Signature).with_detail(Detail::Constant(if nonce {
        "the header has `nonce`, so this is probably a token for Microsoft Graph, which nobody but Graph can verify: request one \
         with a scope of your own API"
    } else if algorithm.is_symmetric() {
        "the issuer signed with another secret: compare both, and look for a line break at the end or for one that must be \
         decoded from base64 first"
    } else {
        "the token was changed or cut short, or the issuer signed with another key under the same `kid`: compare the key with \
         the issuer's key set"
    }))
}

/// Claims that don't meet the issuer's rules. The signature is valid, so the claims may be looked at in any order.
#[cold]
pub(super) fn claims(
    error: Error,
    issuer: &Issuer,
    claims: &RegisteredClaims<'_>,
    payload: &str,
    now: Duration,
    leeway: Duration,
) -> Error {
    match error.kind() {
        ErrorKind::WrongAudience if !error.has_detail() => {
            let found = audience(issuer, claims, payload);
            error.with_detail(Detail::Expected { expected: Arc::clone(&issuer.expected.audience), found })
        }
        ErrorKind::WrongType if error.unmet().is_none() => error.with_detail(Detail::Constant(
            "the token names a logout event, so it's a logout token and only a logout endpoint accepts it",
        )),
        _ => times(error, issuer, &Times::of(claims), now, leeway),
    }
}

fn audience(issuer: &Issuer, claims: &RegisteredClaims<'_>, payload: &str) -> Found {
    const GRAPH: [&str; 3] =
        ["00000003-0000-0000-c000-000000000000", "https://graph.microsoft.com", "https://graph.microsoft.com/"];
    let (AudienceRule::AnyOf(expected) | AudienceRule::AllOf(expected)) = &issuer.policy.audience else {
        return Found::Other;
    };
    let names = match issuer.policy.audience_claim.as_deref() {
        None => claims.audience().map(|audience| audience.names()),
        Some(name) => claim(payload, name).map(|value| value.as_text().map(String::from).into_iter().collect()),
    };
    let Some(names) = names else { return Found::Nothing };
    let expected = expected.iter().take(MAX_COMPARED);
    let pairs = names.iter().take(MAX_COMPARED).flat_map(|name| expected.clone().map(move |expected| (name, expected)));
    if let Some(near) = nearest(pairs.filter_map(|(name, expected)| Found::near(name, expected))) {
        return near;
    }
    if names.iter().any(|name| GRAPH.contains(&name.as_str())) {
        return Found::Graph;
    }
    let is_id_token = ["nonce", "at_hash", "c_hash"].iter().any(|name| claim(payload, name).is_some());
    if is_id_token { Found::IdToken } else { Found::Other }
}

/// Times that don't fit.
#[cold]
pub(super) fn times(error: Error, issuer: &Issuer, times: &Times, now: Duration, leeway: Duration) -> Error {
    let now = NumericDate::from(now);
    let between = |later: Option<NumericDate>, earlier: Option<NumericDate>| {
        later.zip(earlier).map_or(Duration::ZERO, |(later, earlier)| later.since(earlier))
    };
    let (by, limit) = match error.kind() {
        ErrorKind::Expired => (between(Some(now), times.expires_at), None),
        ErrorKind::NotYetValid => (between(times.not_before, Some(now)), None),
        ErrorKind::IssuedInFuture => match between(times.issued_at, Some(now)) {
            by if by > leeway => (by, None),
            _ => return error.with_detail(Detail::Constant("`iat` is after `exp`: the issuer made a mistake")),
        },
        ErrorKind::TooOld => (between(Some(now), times.issued_at), issuer.policy.max_age),
        ErrorKind::LifetimeTooLong => (between(times.expires_at, times.issued_at), issuer.policy.max_lifetime),
        _ => return error,
    };
    let seconds = |time: Duration| u32::try_from(time.as_secs()).unwrap_or(u32::MAX);
    let (by, limit) = (seconds(by), seconds(limit.unwrap_or_default()));
    let leeway = u16::try_from(leeway.as_secs()).unwrap_or(u16::MAX);
    error.with_detail(Detail::Time { by, limit, leeway })
}
