use super::BuildErrorKind;

/// Says what to do about a wrong setting of a builder, in words that follow the problem. Empty if the problem says it all.
pub(super) fn advice(kind: BuildErrorKind, setting: &str) -> &'static str {
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
