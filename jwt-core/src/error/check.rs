//! [`Check`]: the checks of a verifier, in their order.

macro_rules! checks {
    ($($(#[doc = $doc:literal])+ $check:ident = $name:literal,)+) => {
        /// A check of a verifier. An error names the one that failed.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Check {
            $($(#[doc = $doc])+ $check,)+
        }

        impl Check {
            /// The names of all checks, in the order in which a verifier runs them.
            pub(crate) const NAMES: &[&str] = &[$($name,)+];

            pub(crate) const fn name(self) -> &'static str {
                match self { $(Self::$check => $name,)+ }
            }
        }
    };
}

checks! {
    /// The size, and three segments.
    Form = "form",
    /// The header's JSON, `crit`, `b64`, `cty`, and an `alg` that exists.
    Header = "header",
    /// The payload's JSON, and the types of the registered claims.
    Claims = "claims",
    /// `iss` is a trusted issuer.
    Issuer = "issuer",
    /// `alg` is allowed for the issuer.
    Algorithm = "algorithm",
    /// `typ` is accepted.
    Type = "type",
    /// `sub` and `jti` are strings.
    Identifiers = "identifiers",
    /// The issuer has a key for `kid` and `alg`.
    Key = "key",
    /// The signature.
    Signature = "signature",
    /// The token isn't a logout token.
    Logout = "logout",
    /// `aud` names this service.
    Audience = "audience",
    /// `exp`, `nbf`, `iat`, the age and the lifetime.
    Times = "times",
    /// `sub` is the accepted subject.
    Subject = "subject",
    /// Claims that are required, or must have a value.
    Required = "required_claims",
    /// The token isn't bound to its sender, or the sender proves it.
    Confirmation = "confirmation",
    /// The token isn't an ID token.
    IdToken = "id_token",
    /// The token isn't revoked.
    Revocation = "revocation",
    /// The requirements on every token.
    Requirements = "requirements",
}
