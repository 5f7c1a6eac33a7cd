//! What to do about a wrong setting. The words fit a builder and a configuration, which have the same names for it.

use super::build_kind::BuildErrorKind::{
    self, Contradiction, Duplicate, Empty, IllegalCharacters, InsecureUrl, InvalidUrl, NoUsableKey, OutOfRange,
    Undecided,
};

/// The kind of problem, the setting's name or the end of it with `_` for a dot, and words that follow the problem. The first match
/// counts.
const ADVICE: &[(BuildErrorKind, &str, &str)] = &[
    (
        NoUsableKey,
        "keys",
        ": `KeySet::ignored` says why keys of a set are left out, and `TrustedIssuer::algorithms` sets which fit",
    ),
    (Contradiction, "algorithms", ": a secret that can be fetched isn't a secret, so leave out HS256, HS384 and HS512"),
    (Contradiction, "key", FETCHED_OR_GIVEN),
    (Contradiction, "keys", FETCHED_OR_GIVEN),
    (Contradiction, "key_source", FETCHED_OR_GIVEN),
    (Contradiction, "token_types", PROFILE),
    (Contradiction, "access_token_profile", PROFILE),
    (Contradiction, "allow_missing_type", ": it goes with `token_types`; without them, tokens may lack `typ` anyway"),
    (Contradiction, "dangerous_any_issuer", ": an issuer that accepts every name must be the only one"),
    (
        Contradiction,
        "dangerous_accept_during_revocation_outage",
        ": there is no list that could fail; set one with `revocations`",
    ),
    (Undecided, "dpop_url", ": set it to the address that clients use, for example `https://api.example`"),
    (Undecided, "fapi2", ": tokens must be bound to their sender, so set `dpop` or `mutual_tls` to `required`"),
    (OutOfRange, "dpop_leeway", ": it's at most 60 s"),
    (OutOfRange, "leeway", ": it's at most 300 s; correct the clocks instead"),
    (OutOfRange, "max_token_bytes", ": it must be at least one byte, and enough for the tokens of your issuers"),
    (
        OutOfRange,
        "token_cache",
        ": both limits must be at least 1; there's a setting of its own to switch the cache off",
    ),
    (OutOfRange, "dpop_max_age", ": it must be between 1 s and 10 min"),
    (OutOfRange, "nonce_period", ": it must be between 10 s and 24 h"),
    (OutOfRange, "max_age", LONGER_THAN_ZERO),
    (OutOfRange, "max_lifetime", LONGER_THAN_ZERO),
    (OutOfRange, "longest_lifetime", LONGER_THAN_ZERO),
    (OutOfRange, "refresh_timeout", ": it must be longer than zero and at most 30 s"),
    (OutOfRange, "refresh_max_bytes", ": it must be between 1 byte and 512 KiB"),
    (OutOfRange, "refresh_max_keys", ": it must be between 1 and 1000"),
    (OutOfRange, "refresh_least_lifetime", LIFETIMES),
    (OutOfRange, "refresh_most_lifetime", LIFETIMES),
    (OutOfRange, "refresh_lifetime", LIFETIMES),
    (
        OutOfRange,
        "key_refresh",
        ": the lifetime must be between its two limits, which are longer than zero, the timeout at most 30 s, the size at most \
         512 KiB, and the number of keys at most 1000; none of them may be zero",
    ),
    (
        OutOfRange,
        "safe_methods",
        ": only GET, HEAD, OPTIONS and TRACE are safe; for others, see `Csrf::dangerous_safe_methods`",
    ),
    (OutOfRange, "idle", LIFETIME_OF_TOKENS),
    (OutOfRange, "lifetime", LIFETIME_OF_TOKENS),
    (OutOfRange, "absolute", ": it must be at least one second"),
    (OutOfRange, "grace", ": it's at most 60 s"),
    (OutOfRange, "valid_after", ": it must be shorter than the token's lifetime"),
    (OutOfRange, "kid", ": it must have between 1 and 256 bytes"),
    (OutOfRange, "scope_implies", ": a scope includes too many others; name only the ones that it includes itself"),
    (OutOfRange, "", ": it must be at least 1"),
    (IllegalCharacters, "realm", ": use printable ASCII without quotes and backslashes"),
    (IllegalCharacters, "challenge", CHALLENGE),
    (IllegalCharacters, "challenges", CHALLENGE),
    (IllegalCharacters, "scope", SCOPE),
    (IllegalCharacters, "scope_implies", SCOPE),
    (IllegalCharacters, "header", HEADER),
    (IllegalCharacters, "certificate_header", HEADER),
    (IllegalCharacters, "cookie", COOKIE),
    (IllegalCharacters, "name", COOKIE),
    (IllegalCharacters, "path", PATH),
    (IllegalCharacters, "device_bound", PATH),
    (IllegalCharacters, "domain", ": write the name of a host, without a scheme, a port or a dot at its start"),
    (
        InvalidUrl,
        "dangerous_http_hosts",
        ": write host names or addresses without scheme, port and path, such as `keycloak`",
    ),
    (
        InvalidUrl,
        "dpop_url",
        ": write the address that clients use, for example `https://api.example`, without a query",
    ),
    (InvalidUrl, "resource", RESOURCE),
    (InvalidUrl, "resources", RESOURCE),
    (InsecureUrl, "issuer", PLAIN_HTTP),
    (InsecureUrl, "discover", PLAIN_HTTP),
    (InsecureUrl, "jwks", PLAIN_HTTP),
    (InsecureUrl, "jwks_url", PLAIN_HTTP),
    (InsecureUrl, "metadata_url", PLAIN_HTTP),
    (InsecureUrl, "", ": use https"),
    (Duplicate, "issuer", ": give one `TrustedIssuer` all of its keys and audiences"),
    (Empty, "sources", ": name a place for the token, for example with `TokenSources::new`"),
    (Empty, "", ": give it a value, or leave it out"),
];

const FETCHED_OR_GIVEN: &str =
    ": an issuer's keys are either fetched (`discover`, `jwks`) or given (`key`, `keys`, `key_source`)";
const PROFILE: &str =
    ": the profile (RFC 9068) requires `at+jwt`, an issuer, an audience and `exp`, so leave out what changes them";
const LONGER_THAN_ZERO: &str = ": it must be longer than zero";
const LIFETIMES: &str =
    ": the limits must be longer than zero, and the lifetime between them (by default 60 s and 24 h)";
const LIFETIME_OF_TOKENS: &str =
    ": it must be longer than zero, and for issued tokens at most the key ring's `longest_lifetime`";
const SCOPE: &str = ": a scope is not empty, and has no white space, quotes or backslashes (RFC 6749 section 3.3)";
const HEADER: &str = ": a header's name has only letters, digits and marks such as `-` (RFC 9110 section 5.1)";
const COOKIE: &str = ": a cookie's name has no white space, quotes, commas, semicolons or brackets";
const CHALLENGE: &str = ": write a scheme other than `Bearer` and its parameters, for example `Basic realm=\"api\"`";
const PATH: &str = ": it must begin with `/`, and have only characters that a URL's path may have";
const RESOURCE: &str = ": write an `https` address without a fragment, for example `https://api.example`";
const PLAIN_HTTP: &str = ": use https, or, if the network in between is trusted as in docker compose, name the host with `dangerous_http_hosts`";

/// Says what to do about a wrong setting. Empty if the problem says it all. `setting` is the name of a method, a path in a
/// configuration, or an environment variable.
pub(super) fn of(kind: BuildErrorKind, setting: &str) -> &'static str {
    let name = setting.rsplit("].").next().unwrap_or_default().to_ascii_lowercase().replace('.', "_");
    let fits = |end: &str| {
        end.is_empty() || name.strip_suffix(end).is_some_and(|start| start.is_empty() || start.ends_with('_'))
    };
    ADVICE.iter().find(|(of, end, _)| *of == kind && fits(end)).map_or("", |(_, _, advice)| advice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_depends_on_the_setting_in_a_builder_a_file_and_the_environment() {
        for (kind, settings, part) in [
            (OutOfRange, &["leeway", "JWT_LEEWAY"][..], "300 s"),
            (OutOfRange, &["dpop.leeway", "JWT_DPOP_LEEWAY"], "60 s"),
            (OutOfRange, &["max_age", "issuers[0].max_age", "JWT_MAX_AGE"], "longer than zero"),
            (OutOfRange, &["dpop.max_age", "JWT_DPOP_MAX_AGE"], "10 min"),
            (OutOfRange, &["issuers[1].refresh.timeout", "JWT_REFRESH_TIMEOUT"], "30 s"),
            (OutOfRange, &["max_issuers", "look_ups"], "at least 1"),
            (InsecureUrl, &["discover", "issuers[0].issuer", "JWT_JWKS_URL"], "`dangerous_http_hosts`"),
            (IllegalCharacters, &["access_name", "cookie"], "a cookie's name"),
            (Empty, &["token_types", "issuers[0].audience"], "give it a value"),
        ] {
            for setting in settings {
                assert!(of(kind, setting).contains(part), "{setting}: {}", of(kind, setting));
            }
        }
        assert_eq!(of(Undecided, "github_actions"), "");
    }

    #[test]
    fn every_row_can_be_reached() {
        for (index, (kind, end, advice)) in ADVICE.iter().enumerate() {
            let name = if end.is_empty() { "anything" } else { end };
            assert_eq!(of(*kind, name), *advice, "row {index}");
        }
    }
}
