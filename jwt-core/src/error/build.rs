use std::borrow::Cow;
use std::convert::Infallible;
use std::fmt;

use super::{Detail, Error, ErrorKind};

macro_rules! kinds {
    ($($(#[doc = $doc:literal])+ $kind:ident, $code:literal, $problem:literal;)+) => {
        /// The problem with a setting or a value.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum BuildErrorKind {
            $($(#[doc = $doc])+ $kind,)+
        }

        impl BuildErrorKind {
            /// Returns a stable name in snake case, for logs.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$kind => $code,)+ }
            }

            /// Returns the problem as words that follow the setting's name.
            const fn problem(self) -> &'static str {
                match self { $(Self::$kind => $problem,)+ }
            }
        }
    };
}

kinds! {
    /// A required decision is missing, because it has no safe default.
    Undecided, "undecided", "must be decided";
    /// A value is empty.
    Empty, "empty", "is empty";
    /// A value is outside of its range.
    OutOfRange, "out_of_range", "is out of range";
    /// A value contains characters that aren't allowed there.
    IllegalCharacters, "illegal_characters", "contains characters that aren't allowed";
    /// A value doesn't have the required form.
    Invalid, "invalid", "is invalid";
    /// A URL is invalid, or has parts that aren't allowed.
    InvalidUrl, "invalid_url", "is not a usable URL";
    /// A URL is neither `https` nor on a loopback host.
    InsecureUrl, "insecure_url", "is neither https nor on a loopback host";
    /// Two settings contradict each other.
    Contradiction, "contradiction", "contradicts another setting";
    /// The same value, or one that can't be told apart from it, was added twice.
    Duplicate, "duplicate", "was added twice";
    /// A name is reserved: this crate writes it itself, or it has a method of its own.
    Reserved, "reserved", "is reserved";
    /// A token or a cookie is larger than others accept.
    TooLarge, "too_large", "is too large";
    /// There is no such setting.
    Unknown, "unknown", "is not a setting";
    /// The file, the environment variable or the list of keys that a setting names can't be read.
    Unreadable, "unreadable", "can't be read";
    /// Something that the setting needs is missing: a key, a feature of this crate, or a part that your code supplies.
    Missing, "missing", "is missing";
    /// A key is unusable.
    UnusableKey, "unusable_key", "is unusable";
    /// None of the keys can be used for this.
    NoUsableKey, "no_usable_key", "has no key that fits an allowed algorithm";
    /// Keys can't be told apart: give each a `kid`, or call
    /// [`try_keys_in_turn`](crate::TrustedIssuer::try_keys_in_turn).
    AmbiguousKeys, "ambiguous_keys",
        "has keys that can't be told apart: give each a `kid`";
    /// The back end doesn't support an allowed algorithm.
    UnsupportedAlgorithm, "unsupported_algorithm", "has an algorithm that the back end doesn't support";
    /// There is no cryptographic back end: enable the feature `aws-lc-rs` or `rust-crypto`, or call the builder's
    /// [`crypto`](crate::VerifierBuilder::crypto).
    NoBackend, "no_backend",
        "is missing: enable the feature `aws-lc-rs` or `rust-crypto`, or pass a back end to the builder's `crypto`";
    /// There is no HTTP client that fetches keys: enable the feature `jwks`, or `remote` with a `Fetch` of your own.
    NoFetch, "no_fetch",
        "needs an HTTP client: enable the feature `jwks` of jwt-tower, jwt-actix or jwt-core, or `remote` with your own `Fetch`";
    /// The back end failed to sign.
    Signing, "signing", "could not sign";
    /// A remote signer failed or took too long.
    SignerUnavailable, "signer_unavailable", "is unavailable";
    /// The signing key is remote, so the token must be awaited.
    MustWait, "must_wait", "is remote: await the token with `issue_step`";
    /// The system's random number generator failed.
    Randomness, "randomness", "needs random bytes, and the system's generator failed";
}

/// Why something couldn't be built from its settings: a verifier, a table of routes, cookies, a key ring, or a token.
///
/// It names the setting and never contains its value.
///
/// ```
/// use jwt_core::{BuildErrorKind, TrustedIssuer, Verifier};
///
/// let issuer = TrustedIssuer::new("https://id.example");
/// let error = Verifier::builder().issuer(issuer).build().unwrap_err();
/// assert_eq!((error.kind(), error.setting()), (BuildErrorKind::Undecided, "audience"));
/// ```
///
/// It converts into an [`Error`] of the kind [`IssuingFailed`](ErrorKind::IssuingFailed), and into the adapters' `Rejection`, so
/// you can use `?` in a handler that issues tokens or sets cookies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildError {
    kind: BuildErrorKind,
    setting: Cow<'static, str>,
    problem: Cow<'static, str>,
    /// What to do, in the words of the builder that has the setting.
    hint: &'static str,
}

impl BuildError {
    pub(crate) const fn new(kind: BuildErrorKind, setting: &'static str) -> Self {
        Self { kind, setting: Cow::Borrowed(setting), problem: Cow::Borrowed(kind.problem()), hint: "" }
    }

    /// Replaces the kind's usual words, which follow the setting's name.
    pub(crate) fn because(self, problem: impl Into<Cow<'static, str>>) -> Self {
        Self { problem: problem.into(), ..self }
    }

    /// Adds what to do.
    pub(crate) fn hint(self, hint: &'static str) -> Self {
        Self { hint, ..self }
    }

    /// Adds the cause to the problem. It must not show a key.
    pub(crate) fn because_of(self, cause: Option<impl fmt::Display>) -> Self {
        match cause {
            Some(cause) => {
                let problem = format!("{}: {cause}", self.problem);
                self.because(problem)
            }
            None => self,
        }
    }

    /// Replaces the setting: by a path in a configuration, or by a name that isn't constant. A hint, which names methods, is
    /// dropped.
    pub(crate) fn at(self, setting: impl Into<Cow<'static, str>>) -> Self {
        Self { setting: setting.into(), hint: "", ..self }
    }

    /// Returns the kind of problem.
    #[must_use]
    pub const fn kind(&self) -> BuildErrorKind {
        self.kind
    }

    /// Returns the stable name of [`kind`](Self::kind).
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.kind.code()
    }

    /// Returns the wrong setting: the name of the method that sets it, the path or the environment variable of a configuration, or
    /// the name of a claim, header or route as you wrote it.
    #[must_use]
    pub fn setting(&self) -> &str {
        &self.setting
    }
}

/// Issuing failed in a handler because of a setting or a bug: logged, and answered with 500. If a remote signer is unavailable,
/// the answer is 503.
impl From<BuildError> for Error {
    fn from(error: BuildError) -> Self {
        tracing::error!(%error, "a token could not be issued");
        let kind = match error.kind {
            BuildErrorKind::SignerUnavailable => ErrorKind::SigningUnavailable,
            _ => ErrorKind::IssuingFailed,
        };
        Self::from(kind).with_detail(Detail::Text(error.to_string().into()))
    }
}

/// For conversions that can't fail: a function that takes a [`ClaimPath`](crate::claims::ClaimPath) or a string takes both.
impl From<Infallible> for BuildError {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hint = if self.hint.is_empty() { advice(self.kind, &self.setting) } else { self.hint };
        write!(f, "`{}` {}{hint}", self.setting, self.problem)
    }
}

impl std::error::Error for BuildError {}

/// Says what to do about a wrong setting of a builder, in words that follow the problem. Empty if the problem says it all.
fn advice(kind: BuildErrorKind, setting: &str) -> &'static str {
    use BuildErrorKind::{Contradiction, Duplicate, Empty, InvalidUrl, NoUsableKey, OutOfRange};
    match (kind, setting) {
        (NoUsableKey, "keys") => {
            ": `KeySet::ignored` says why keys of a set are left out, and `TrustedIssuer::algorithms` sets which fit"
        }
        (InvalidUrl, "discover" | "jwks" | "metadata_url") => {
            ": write all of it, for example `https://id.example`, without a query"
        }
        (Contradiction, "algorithms") => {
            ": a secret that can be fetched isn't a secret, so leave out HS256, HS384 and HS512"
        }
        (Contradiction, "key" | "keys" | "key_source") => {
            ": an issuer's keys are either fetched (`discover`, `jwks`) or given (`key`, `keys`, `key_source`)"
        }
        (Contradiction, "token_types" | "access_token_profile") => {
            ": the profile (RFC 9068) requires `at+jwt`, an issuer, an audience and `exp`, so leave out what changes them"
        }
        (Contradiction, "dangerous_any_issuer") => ": an issuer that accepts every name must be the only one",
        (Contradiction, "dangerous_accept_during_revocation_outage") => {
            ": there is no list that could fail; set one with `revocations`"
        }
        (OutOfRange, "leeway") => ": it's at most 300 s; correct the clocks instead",
        (Duplicate, "issuer") => ": give one `TrustedIssuer` all of its keys and audiences",
        (Empty, "sources") => ": name a place for the token, for example with `TokenSources::new`",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_its_setting_and_its_problem() {
        let error = BuildError::new(BuildErrorKind::OutOfRange, "leeway");
        assert_eq!(
            (error.kind(), error.code(), error.setting()),
            (BuildErrorKind::OutOfRange, "out_of_range", "leeway")
        );
        assert_eq!(error.to_string(), "`leeway` is out of range: it's at most 300 s; correct the clocks instead");
        let error = error.at("issuers[0].leeway").because("is wrong");
        assert_eq!(error.to_string(), "`issuers[0].leeway` is wrong");
        assert_eq!(Error::from(error).to_string(), "token cannot be issued: `issuers[0].leeway` is wrong");
    }

    #[test]
    fn errors_are_send_sync_and_clone() {
        fn assert<T: std::error::Error + Send + Sync + Clone>() {}
        assert::<BuildError>();
    }
}
