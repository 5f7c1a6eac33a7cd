//! [`ErrorKind`] and [`Class`]: the reasons to refuse a request.

macro_rules! kinds {
    ($($(#[doc = $doc:literal])+ $kind:ident, $code:literal, $class:ident, $message:literal;)+) => {
        /// Why a request is refused. Each kind has a constant message, a stable code and a class.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum ErrorKind {
            $($(#[doc = $doc])+ $kind,)+
        }

        impl ErrorKind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$kind,)+];

            /// Returns the stable, machine-readable code in snake case, for logs, metric labels and response bodies.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$kind => $code,)+ }
            }

            /// Returns the class, which decides the response.
            #[must_use]
            pub const fn class(self) -> Class {
                match self { $(Self::$kind => Class::$class,)+ }
            }

            pub(super) const fn message(self) -> &'static str {
                match self { $(Self::$kind => $message,)+ }
            }
        }
    };
}

kinds! {
    /// The request has no token in the configured places, or credentials of another scheme.
    NoCredentials, "no_credentials", Missing, "no credentials";
    /// The request carries more than one token. RFC 6750 section 3.1.
    MultipleCredentials, "multiple_credentials", Malformed, "more than one credential";
    /// The token is empty or contains characters that no token has. RFC 6750 section 2.1.
    MalformedCredentials, "malformed_credentials", Malformed, "malformed credentials";

    /// The token is longer than the limit.
    TokenTooLarge, "token_too_large", Refused, "token too large";
    /// The token isn't a JWS in compact form: wrong segments, base64url, UTF-8 or header JSON. RFC 7515 section 5.2.
    MalformedToken, "malformed_token", Refused, "malformed token";
    /// The payload isn't a JSON object with unique names, or a registered claim has the wrong type. RFC 7519
    /// section 4.
    MalformedClaims, "malformed_claims", Refused, "malformed claims";
    /// The header's `alg` is unknown or not allowed for the issuer. RFC 8725 section 3.1.
    AlgorithmNotAllowed, "algorithm_not_allowed", Refused, "algorithm not allowed";
    /// The header has `crit` or `b64`. RFC 7515 section 4.1.11, RFC 7797 section 7.
    CriticalHeader, "critical_header", Refused, "critical header parameter not understood";
    /// The header's `cty` says that the payload is another JWT. RFC 7519 section 5.2.
    NestedToken, "nested_token", Refused, "nested token";
    /// The header's `typ` isn't accepted. RFC 8725 section 3.11.
    WrongType, "wrong_type", Refused, "wrong token type";
    /// `iss` is missing or isn't a trusted issuer. RFC 8725 section 3.8.
    UnknownIssuer, "unknown_issuer", Refused, "unknown issuer";
    /// No key of the issuer matches the token's `kid` and `alg`.
    UnknownKey, "unknown_key", Refused, "unknown key";
    /// Several keys of the issuer match, and the token has no `kid` to choose one. RFC 7517 section 4.5.
    AmbiguousKey, "ambiguous_key", Refused, "ambiguous key";
    /// The signature is wrong.
    BadSignature, "bad_signature", Refused, "bad signature";
    /// The token is past its `exp`. RFC 7519 section 4.1.4.
    Expired, "expired", Refused, "token expired";
    /// The token's `nbf` is in the future. RFC 7519 section 4.1.5.
    NotYetValid, "not_yet_valid", Refused, "token not yet valid";
    /// The token's `iat` is in the future, or after its `exp`. RFC 7519 section 4.1.6.
    IssuedInFuture, "issued_in_future", Refused, "token issued in the future";
    /// The token was issued longer ago than the maximum age.
    TooOld, "too_old", Refused, "token too old";
    /// The token is valid for longer than the maximum lifetime.
    LifetimeTooLong, "lifetime_too_long", Refused, "token lifetime too long";
    /// `aud` is missing or does not name this service. RFC 7519 section 4.1.3.
    WrongAudience, "wrong_audience", Refused, "wrong audience";
    /// `sub` is missing or isn't the accepted subject. RFC 7519 section 4.1.2.
    WrongSubject, "wrong_subject", Refused, "wrong subject";
    /// A claim does not have the required value.
    WrongClaim, "wrong_claim", Refused, "wrong claim";
    /// A required claim is missing or empty.
    MissingClaim, "missing_claim", Refused, "missing claim";
    /// The token is bound to a key with `cnf`, and the proof of possession cannot be checked here. RFC 7800 section 3.1.
    UnsupportedConfirmation, "unsupported_confirmation", Refused, "token is bound to its sender";
    /// The issuer's tokens must be bound to their sender, or the request has a proof, and the token isn't bound. RFC 9449
    /// section 7.1.
    UnboundToken, "unbound_token", Refused, "token is not bound to its sender";
    /// The token is bound to a key and came as a bearer token, without a proof. RFC 9449 section 7.2.
    MissingProof, "missing_proof", Refused, "token needs a proof of possession";
    /// The DPoP proof is missing, malformed, too old, or for another request or token. RFC 9449 section 4.3.
    InvalidProof, "invalid_dpop_proof", Refused, "invalid proof of possession";
    /// The proof is by another key than the one that the token is bound to. RFC 9449 section 6.
    WrongProofKey, "wrong_proof_key", Refused, "proof by another key than the token's";
    /// The DPoP proof was used before. RFC 9449 section 11.1.
    ReplayedProof, "replayed_proof", Refused, "proof of possession used again";
    /// The DPoP proof has no nonce of this service, or an old one. RFC 9449 section 9.
    StaleNonce, "use_dpop_nonce", Refused, "proof of possession without a current nonce";
    /// The token is bound to a certificate, and the client has another one, or no certificate. RFC 8705 section 3.
    WrongCertificate, "wrong_certificate", Refused, "not the certificate that the token is bound to";
    /// The token was revoked, or its session, or all tokens of its subject or issuer.
    Revoked, "revoked", Refused, "token revoked";
    /// The token's session ended, expired or never existed.
    SessionEnded, "session_ended", Refused, "session ended";
    /// The refresh token was used twice, so it may be stolen, and its session was ended. RFC 9700 section 4.14.2.
    RefreshReused, "refresh_token_reused", Refused, "refresh token used again";
    /// The token does not meet a requirement that your application sets for every token.
    RuleRefused, "rule_refused", Refused, "refused by a requirement on every token";
    /// Your application has no principal for this token.
    UnknownPrincipal, "unknown_principal", Refused, "unknown principal";
    /// The claims don't fit the type that the handler asks for.
    ClaimsMismatch, "claims_mismatch", Refused, "claims do not fit the requested type";

    /// The token lacks a scope that the operation needs. RFC 6750 section 3.1.
    InsufficientScope, "insufficient_scope", Forbidden, "insufficient scope";
    /// The token lacks a role that the operation needs.
    InsufficientRole, "insufficient_role", Forbidden, "insufficient role";
    /// The token does not meet another requirement of the operation: on a claim, a requirement of your own, or a combination.
    RequirementNotMet, "requirement_not_met", Forbidden, "requirement not met";
    /// A table of routes is in use, and it has no rule for this route.
    UndecidedRoute, "undecided_route", Forbidden, "no decision about this route";
    /// The token came in a cookie, and the request may have been made by another site. RFC 6750 section 5.3.
    CsrfFailed, "csrf_failed", Forbidden, "request may have been made by another site";
    /// The session is bound to a device, and the request does not prove that it comes from there. The refresh token stays valid.
    UnprovenDevice, "unproven_device", Forbidden, "request does not prove the device of its session";

    /// The user's login isn't strong or recent enough for the operation. RFC 9470 section 3.
    InsufficientAuthentication, "insufficient_user_authentication", StepUp, "stronger login needed";

    /// The issuer's keys could not be fetched. It's an outage, not a bad token.
    KeysUnavailable, "keys_unavailable", Unavailable, "keys unavailable";
    /// The revocation list is unavailable. It's an outage, not a bad token.
    RevocationUnavailable, "revocation_unavailable", Unavailable, "revocation unavailable";
    /// The replay log of DPoP proofs is unavailable or full. It's an outage, not a bad proof.
    ReplayLogUnavailable, "replay_log_unavailable", Unavailable, "replay log unavailable";
    /// A requirement of your application could not be checked. It's an outage, not a bad token.
    RuleUnavailable, "rule_unavailable", Unavailable, "requirement could not be checked";
    /// Your application could not load the principal. It's an outage, not a bad token.
    PrincipalUnavailable, "principal_unavailable", Unavailable, "principal unavailable";
    /// The session store is unavailable. It's an outage, not a bad token.
    SessionsUnavailable, "sessions_unavailable", Unavailable, "sessions unavailable";
    /// The remote signer of a token is unavailable. It's an outage, not a bad token.
    SigningUnavailable, "signing_unavailable", Unavailable, "signing unavailable";

    /// An extractor or a requirement runs outside of the layer that verifies tokens.
    LayerMissing, "layer_missing", Misuse, "no layer has verified this request";
    /// The request's path was changed after a table of routes had allowed it.
    PathChanged, "path_changed", Misuse, "path was changed after its route was allowed";
    /// A requirement is misconfigured, so no token can meet it.
    Misconfigured, "misconfigured", Misuse, "requirement cannot be checked";
    /// A token cannot be issued, because its settings are invalid or its key cannot sign.
    IssuingFailed, "issuing_failed", Misuse, "token cannot be issued";
}

/// The class of an error, which decides the response's status and headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Class {
    /// No credentials were sent.
    Missing,
    /// The credentials cannot be read.
    Malformed,
    /// The token isn't valid.
    Refused,
    /// The token is valid but does not allow the operation.
    Forbidden,
    /// The token is valid, but the operation needs a stronger or more recent login.
    StepUp,
    /// Something that the decision needs is unavailable, such as keys or a store.
    Unavailable,
    /// The application is misconfigured.
    Misuse,
}
