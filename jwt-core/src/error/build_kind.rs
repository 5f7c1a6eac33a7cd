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
            pub(crate) const fn problem(self) -> &'static str {
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
    /// A value contains characters that are not allowed there.
    IllegalCharacters, "illegal_characters", "contains characters that aren't allowed";
    /// A value does not have the required form.
    Invalid, "invalid", "is invalid";
    /// A URL is invalid, or has parts that are not allowed.
    InvalidUrl, "invalid_url", "is not a usable URL";
    /// A URL is neither `https` nor on a loopback host.
    InsecureUrl, "insecure_url", "is neither https nor on a loopback host";
    /// Two settings contradict each other.
    Contradiction, "contradiction", "contradicts another setting";
    /// The same value, or one that cannot be told apart from it, was added twice.
    Duplicate, "duplicate", "was added twice";
    /// A name is reserved: this crate writes it itself, or it has a method of its own.
    Reserved, "reserved", "is reserved";
    /// A token or a cookie is larger than others accept.
    TooLarge, "too_large", "is too large";
    /// There is no such setting.
    Unknown, "unknown", "is not a setting";
    /// The file, the environment variable or the list of keys that a setting names cannot be read.
    Unreadable, "unreadable", "can't be read";
    /// Something that the setting needs is missing: a key, a feature of this crate, or a part that your code supplies.
    Missing, "missing", "is missing";
    /// A key is unusable.
    UnusableKey, "unusable_key", "is unusable";
    /// None of the keys can be used for this.
    NoUsableKey, "no_usable_key", "has no key that fits an allowed algorithm";
    /// Keys cannot be told apart: give each a `kid`, or call
    /// [`try_keys_in_turn`](crate::TrustedIssuer::try_keys_in_turn).
    AmbiguousKeys, "ambiguous_keys",
        "has keys that can't be told apart: give each a `kid`";
    /// The back end does not support an allowed algorithm.
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
