//! [`Detail`]: the explanation of an error.

use std::borrow::Cow;
use std::sync::Arc;

use super::found::Found;
use super::kind::ErrorKind;

/// The part of an error that explains it. It's put into words only when it's read, because refusing a flood of bad
/// tokens must stay cheap.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Detail {
    /// The sentence that is true of every error of the kind.
    #[default]
    None,
    /// The part of the configuration that was not met: the name of a claim, a path or a requirement, or scopes.
    Unmet(Arc<str>),
    /// A claim with another value than the configured one.
    Value(Box<ExpectedValue>),
    /// A constant sentence.
    Constant(&'static str),
    /// A sentence from the configuration and from the application's own types.
    Text(Arc<str>),
    /// The configuration's expectation, in words prepared when the verifier was built, and how the token differs.
    Expected { expected: Arc<str>, found: Found },
    /// A time that does not fit, in seconds. `limit` comes from a setting.
    Time { by: u32, limit: u32, leeway: u16 },
    /// Why the issuer's keys could not be fetched.
    Fetch(Arc<str>),
    /// The key that isn't there.
    Key { algorithm: &'static str, kid_bytes: Option<u16>, fits: Option<bool> },
}

/// The value that the configuration expects of a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ExpectedValue {
    pub(crate) name: Arc<str>,
    pub(crate) expected: String,
    /// Describes the token's value without showing it.
    pub(crate) found: &'static str,
}

impl Detail {
    /// Whether the cause is probably a mistake in the settings, and not the client's.
    pub(crate) const fn is_setup_fault(&self) -> bool {
        matches!(self, Self::Expected { found, .. } if found.is_near())
    }

    /// Returns the part of the configuration that was not met.
    pub(crate) fn unmet(&self) -> Option<&str> {
        match self {
            Self::Unmet(name) => Some(name),
            Self::Value(value) => Some(&value.name),
            _ => None,
        }
    }

    /// Puts the detail of an error of this kind into words.
    pub(crate) fn sentence(&self, kind: ErrorKind) -> Option<Cow<'_, str>> {
        Some(match self {
            Self::None => Cow::Borrowed(usual(kind)?),
            Self::Constant(sentence) => Cow::Borrowed(sentence),
            Self::Text(sentence) => Cow::Borrowed(sentence),
            Self::Fetch(cause) => format!("the issuer's keys couldn't be fetched: {cause}").into(),
            Self::Unmet(name) => Cow::Owned(unmet(kind, name)),
            Self::Value(value) => format!(
                "the claim `{}` must be the string `{}`, and {}: have the issuer set it, or correct `TrustedIssuer::claim`",
                value.name, value.expected, value.found
            )
            .into(),
            Self::Expected { expected, found } => match (kind, found) {
                (ErrorKind::WrongAudience, Found::Other) => format!(
                    "{expected}; the token is for another: the client must request one for this service, or the issuer must add it"
                ),
                (ErrorKind::UnknownIssuer, Found::Other) => {
                    format!("{expected}; the token's is another: add a `TrustedIssuer` for it if you trust it")
                }
                (ErrorKind::WrongType, Found::Other) => format!(
                    "{expected}; the token's is another: it's a token of another kind, or `TrustedIssuer::token_types` must name it"
                ),
                (ErrorKind::AlgorithmNotAllowed, Found::Other) => {
                    format!("{expected}; the token's is another: `TrustedIssuer::algorithms` sets which are allowed")
                }
                _ => format!("{expected}{}", found.continuation()),
            }
            .into(),
            Self::Time { by, limit, leeway } => time(kind, *by, *limit, *leeway).into(),
            Self::Key { algorithm, kid_bytes, fits } => key(algorithm, *kid_bytes, *fits).into(),
        })
    }
}

fn time(kind: ErrorKind, by: u32, limit: u32, leeway: u16) -> String {
    match kind {
        ErrorKind::Expired => format!(
            "`exp` was {by} s ago, and the leeway is {leeway} s: the client must get a new token; if it's new, compare this \
             machine's clock with the issuer's"
        ),
        ErrorKind::NotYetValid => {
            format!("`nbf` is in {by} s, and the leeway is {leeway} s: compare this machine's clock with the issuer's")
        }
        ErrorKind::IssuedInFuture => {
            format!("`iat` is in {by} s, and the leeway is {leeway} s: compare this machine's clock with the issuer's")
        }
        ErrorKind::TooOld => format!(
            "`iat` was {by} s ago, `max_age` is {limit} s and the leeway {leeway} s: the client must get a new token"
        ),
        _ => format!(
            "the token is valid for {by} s, and `max_lifetime` is {limit} s: shorten it at the issuer, or raise the setting"
        ),
    }
}

fn key(algorithm: &str, kid_bytes: Option<u16>, fits: Option<bool>) -> String {
    let kid = match kid_bytes {
        Some(bytes) => {
            format!("no key of the issuer has the token's `kid` (it has {bytes} bytes) and the algorithm {algorithm}")
        }
        None => format!("the token has no `kid`, and no key of the issuer is for {algorithm}"),
    };
    let fits = match (fits, kid_bytes) {
        (Some(true), Some(_)) => format!(
            "; there are other keys for {algorithm}: does the token come from another environment, tenant or realm, or was \
             its key withdrawn?"
        ),
        (Some(false), Some(_)) => {
            format!("; it has no key for {algorithm} at all: compare its key set with `TrustedIssuer::algorithms`")
        }
        _ => ": compare its key set with `TrustedIssuer::algorithms`".to_owned(),
    };
    kid + &fits
}

/// The sentence for a part of the configuration that was not met.
fn unmet(kind: ErrorKind, name: &str) -> String {
    match kind {
        ErrorKind::MissingClaim if name == "exp" => {
            "the token has no `exp`: have the issuer set it; only `dangerous_without_expiry` accepts tokens that never end".to_owned()
        }
        ErrorKind::MissingClaim => {
            format!("the claim `{name}` is missing or empty: have the issuer add it, or change the setting that needs it")
        }
        ErrorKind::WrongClaim => format!("the claim `{name}` doesn't have the value that the verifier expects"),
        ErrorKind::WrongType => format!(
            "the token has `{name}`, so it's probably an ID token, which is meant for the client: the client must send its access \
             token; `TrustedIssuer::dangerous_accept_id_tokens` accepts both"
        ),
        ErrorKind::MalformedClaims => format!("the claim `{name}` {}", expected_type(name)),
        ErrorKind::LifetimeTooLong => format!(
            "the token is valid for longer than `{name}` remembers a revocation: raise `RevocationSettings::longest_lifetime` in \
             every process, or shorten the token's lifetime at the issuer"
        ),
        ErrorKind::InsufficientScope => {
            format!("the token lacks `{name}`: the client must request it, and the issuer must grant it")
        }
        ErrorKind::InsufficientRole => {
            format!("none of the required roles is at `{name}`: grant one, or compare the path with where the issuer puts roles")
        }
        ErrorKind::RequirementNotMet | ErrorKind::RuleRefused => format!("the requirement `{name}` isn't met"),
        ErrorKind::InsufficientAuthentication => {
            format!("the login doesn't meet `{name}`: the client must have the user log in again")
        }
        ErrorKind::RuleUnavailable => format!("the requirement `{name}` couldn't decide: a WARN in the log has its error"),
        ErrorKind::Misconfigured => format!("the requirement `{name}` is misconfigured: an ERROR in the log says how to fix it"),
        ErrorKind::LayerMissing => format!(
            "`{name}` has not run on this route: add it after the routes and the layers that need it, because layers added later run first"
        ),
        _ => format!("`{name}`"),
    }
}

/// Continues "the claim …".
fn expected_type(name: &str) -> &'static str {
    match name {
        "exp" | "nbf" | "iat" => {
            "must be a number of seconds since 1970, up to the year 9999: a string, `null` or milliseconds don't fit"
        }
        "aud" => "must be a string or a list of strings",
        _ => "must be a string: have the issuer write it in quotes",
    }
}

/// The sentence that is true of every error of the kind.
const fn usual(kind: ErrorKind) -> Option<&'static str> {
    Some(match kind {
        ErrorKind::NoCredentials => {
            "no token in the places that `TokenSources` names (by default `Authorization: Bearer …`): did a proxy remove the \
             header, or does the client use another scheme?"
        }
        ErrorKind::MultipleCredentials => {
            "several tokens, several `Authorization` lines or several cookies of one name: the client must send one token in \
             one place"
        }
        ErrorKind::TokenTooLarge => {
            "the token exceeds `VerifierBuilder::max_token_bytes`, or its header 4 KiB: have the issuer leave out claims such as \
             groups, or raise the limit"
        }
        ErrorKind::CriticalHeader => {
            "the header has `crit` or `b64`, and this crate supports no such extension: have the issuer leave it out"
        }
        ErrorKind::NestedToken => "the payload is another token (`cty` is `JWT`): have the issuer send the inner one",
        ErrorKind::AmbiguousKey => {
            "several keys of the issuer fit, because the token has no `kid` or several keys share it: have the issuer set a \
             `kid` for each key"
        }
        ErrorKind::UnknownIssuer => "the `IssuerResolver` doesn't know the token's `iss`",
        ErrorKind::InsufficientAuthentication => {
            "the login is too old or not strong enough: the client must have the user log in again"
        }
        ErrorKind::WrongSubject => "`sub` isn't the one that `TrustedIssuer::subject` names",
        ErrorKind::UnsupportedConfirmation => {
            "the token has `cnf`, so it's bound to a key (DPoP or mutual TLS) and needs a proof that isn't checked here: call \
             `TrustedIssuer::dpop_allowed` or `mutual_tls_allowed`, or have the issuer issue bearer tokens"
        }
        ErrorKind::UnboundToken => {
            "the token isn't bound to the key of a proof: have the issuer bind it, or send it as a bearer token if the issuer \
             allows both"
        }
        ErrorKind::MissingProof => {
            "the token is bound to a key: the client must send it as `Authorization: DPoP …`, with a proof in the header `DPoP`"
        }
        ErrorKind::WrongProofKey => "the client must sign proofs with the key that it got the token with",
        ErrorKind::ReplayedProof => {
            "the client must create a proof with a new `jti` for each request, also when it repeats one; if it does, someone \
             has copied its requests"
        }
        ErrorKind::StaleNonce => {
            "the client must repeat the request with the nonce of the header `DPoP-Nonce` in its proof, which DPoP clients do \
             by themselves"
        }
        ErrorKind::WrongCertificate => {
            "the token is bound to the certificate that the client got it with, and this connection has another one or none: \
             does TLS end at a proxy whose certificate header isn't trusted?"
        }
        ErrorKind::UnknownPrincipal => "the token is valid, but your function that loads the principal returned `None`",
        ErrorKind::CsrfFailed => {
            "the token came in a cookie and the request from another origin, or without the CSRF token: have the proxy pass `Host` \
             on, name your pages' origin with `Csrf::allow_origin`, or send the CSRF token"
        }
        ErrorKind::UnprovenDevice => {
            "the session is bound to a browser's device, and another request for it has proved another key: log in again"
        }
        ErrorKind::UndecidedRoute => "the routes table has no entry for this route and method: add one to `Routes`",
        ErrorKind::KeysUnavailable => {
            "the issuer's keys couldn't be fetched: a WARN in the log has the cause. Nothing needs a restart"
        }
        ErrorKind::Revoked => {
            "the token, its session, or all tokens of its subject or issuer were revoked: the user must log in again"
        }
        ErrorKind::SessionEnded => {
            "the session ended by a logout, by its age, or because it wasn't used: the user must log in again"
        }
        ErrorKind::RefreshReused => {
            "a refresh token was used twice, so it may be stolen and its session has ended: the user must log in again; a client \
             must replace its refresh token by each new one, and use it for one request at a time"
        }
        ErrorKind::RuleRefused => "a requirement on every token, from `VerifierBuilder::require_token`, isn't met",
        ErrorKind::PrincipalUnavailable => {
            "your function that loads the principal failed: a WARN in the log has its error"
        }
        ErrorKind::SessionsUnavailable => "the session store failed: an ERROR in the log has its error",
        ErrorKind::SigningUnavailable => "the remote signer failed or took too long: an ERROR in the log has its error",
        ErrorKind::IssuingFailed => {
            "a token can't be issued with these settings: an ERROR in the log names the setting"
        }
        ErrorKind::RevocationUnavailable => "the revocation list didn't answer: is its server up?",
        ErrorKind::ReplayLogUnavailable => {
            "the replay log of DPoP proofs is full or didn't answer: a WARN in the log has the cause"
        }
        ErrorKind::LayerMissing => {
            "no layer has verified this request: add `JwtLayer` or `JwtMiddleware` around this route"
        }
        ErrorKind::PathChanged => "change paths outside of the layer that has the routes table",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_without_a_detail_of_its_own_is_explained() {
        // Their details depend on the token or the requirement, and are always set.
        const NEVER_BARE: &[ErrorKind] = &[
            ErrorKind::MalformedCredentials,
            ErrorKind::MalformedToken,
            ErrorKind::MalformedClaims,
            ErrorKind::AlgorithmNotAllowed,
            ErrorKind::WrongType,
            ErrorKind::UnknownKey,
            ErrorKind::BadSignature,
            ErrorKind::Expired,
            ErrorKind::NotYetValid,
            ErrorKind::IssuedInFuture,
            ErrorKind::TooOld,
            ErrorKind::LifetimeTooLong,
            ErrorKind::WrongAudience,
            ErrorKind::WrongClaim,
            ErrorKind::MissingClaim,
            ErrorKind::InvalidProof,
            ErrorKind::ClaimsMismatch,
            ErrorKind::InsufficientScope,
            ErrorKind::InsufficientRole,
            ErrorKind::RequirementNotMet,
            ErrorKind::RuleUnavailable,
            ErrorKind::Misconfigured,
        ];
        for &kind in ErrorKind::ALL {
            assert_ne!(usual(kind).is_some(), NEVER_BARE.contains(&kind), "{kind:?}");
        }
    }

    #[test]
    fn every_sentence_is_in_lower_case_without_a_full_stop() {
        let text = || Arc::from("n");
        let found = [
            Found::Nothing,
            Found::Other,
            Found::TrailingSlash,
            Found::Case,
            Found::Scheme,
            Found::Prefix,
            Found::Host,
            Found::Path,
            Found::IdToken,
            Found::Graph,
        ];
        let mut details = vec![Detail::None, Detail::Unmet(text()), Detail::Time { by: 61, limit: 5, leeway: 60 }];
        details.extend(found.map(|found| Detail::Expected { expected: "`aud` must be `a`".into(), found }));
        for fits in [None, Some(true), Some(false)] {
            details.extend([None, Some(8)].map(|kid_bytes| Detail::Key { algorithm: "ES256", kid_bytes, fits }));
        }
        for detail in details {
            for &kind in ErrorKind::ALL {
                let Some(sentence) = detail.sentence(kind) else { continue };
                let starts = sentence.starts_with(|first: char| first.is_ascii_lowercase() || first == '`');
                assert!(starts && !sentence.ends_with('.') && sentence.len() < 400, "{sentence}");
            }
        }
    }

    #[test]
    fn the_page_about_refusals_has_every_code() {
        let page = include_str!("../../doc/why_401.md");
        for kind in ErrorKind::ALL {
            assert!(page.contains(&format!("`{}`", kind.code())), "{}", kind.code());
        }
    }

    #[test]
    fn a_detail_is_small() {
        assert!(size_of::<Detail>() <= 24, "errors travel in results");
        assert!(size_of::<crate::Error>() <= 40);
    }
}
