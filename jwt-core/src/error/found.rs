//! [`Found`]: how a value differs from the expected one.

/// How a value differs from the expected one. The value itself is never kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// There is no value.
    Nothing,
    /// Another value.
    Other,
    /// It differs only by a slash at the end.
    TrailingSlash,
    /// It differs only in upper and lower case.
    Case,
    /// One has `http`, the other `https`.
    Scheme,
    /// One begins with `api://`, as Entra's names of applications do.
    Prefix,
    /// Another host or port, and the same path; or this machine under another name.
    Host,
    /// The same host, and another path.
    Path,
    /// The token looks like an ID token.
    IdToken,
    /// The token looks like one for Microsoft Graph.
    Graph,
    /// A symmetric algorithm.
    Symmetric,
}

impl Found {
    /// Compares a value with an expected one that it isn't equal to.
    pub(crate) fn near(value: &str, expected: &str) -> Option<Self> {
        let bare = |text: &str| text.strip_suffix('/').map_or(text.len(), str::len);
        // Nearly every other value differs in its length by more.
        if value.len().abs_diff(expected.len()) > 1 {
            return Self::resembling(value, expected);
        }
        let same = |one: &str, other: &str| one.eq_ignore_ascii_case(other);
        if value[..bare(value)] == expected[..bare(expected)] {
            Some(Self::TrailingSlash)
        } else if same(value, expected) {
            Some(Self::Case)
        } else {
            match (without_scheme(value), without_scheme(expected)) {
                (Some(rest), Some(other)) if rest == other => Some(Self::Scheme),
                _ => Self::resembling(value, expected),
            }
        }
    }

    /// Compares the parts of two names.
    fn resembling(value: &str, expected: &str) -> Option<Self> {
        let is_prefixed = |long: &str, short: &str| long.strip_prefix("api://") == Some(short);
        if is_prefixed(value, expected) || is_prefixed(expected, value) {
            return Some(Self::Prefix);
        }
        let split = |text| {
            let rest = without_scheme(text)?;
            let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            Some((host, path.trim_end_matches('/')))
        };
        let ((host, path), (other_host, other_path)) = (split(value)?, split(expected)?);
        let same_machine = name(host) == name(other_host) || (is_local(host) && is_local(other_host));
        if path == other_path && (!path.is_empty() || same_machine) {
            Some(Self::Host)
        } else {
            (host == other_host).then_some(Self::Path)
        }
    }

    /// Whether the configuration is probably misspelt.
    pub(crate) const fn is_near(self) -> bool {
        matches!(self, Self::TrailingSlash | Self::Case | Self::Scheme | Self::Prefix | Self::Host)
    }

    /// Continues the sentence about a name.
    pub(super) const fn continuation(self) -> &'static str {
        match self {
            Self::TrailingSlash => {
                "; the token's differs only by a slash at the end: configure it exactly as the issuer writes it"
            }
            Self::Case => {
                "; the token's differs only in upper and lower case: configure it exactly as the issuer writes it"
            }
            Self::Scheme => {
                "; the token's differs only by `http` for `https`: configure it exactly as the issuer writes it"
            }
            Self::Prefix => {
                "; the token's differs only by `api://` at the beginning: configure it exactly as the issuer writes it"
            }
            Self::Host => {
                "; the token's differs only in the host or the port: configure the name that the issuer writes, which may differ \
                 from the address that it's reached at (`TrustedIssuer::jwks`, `metadata_url`)"
            }
            Self::Path => {
                "; the token's has the same host and another path, such as another tenant, realm or version: configure it \
                 exactly as the issuer writes it, or have the client use the right one"
            }
            Self::IdToken => {
                "; this is probably an ID token, which is meant for the client: the client must send its access token"
            }
            Self::Graph => {
                "; the token is for Microsoft Graph, and nobody else can verify it: request one with a scope of this API"
            }
            Self::Nothing => "; the token has none",
            Self::Symmetric => {
                "; the token's is symmetric (HS256, HS384 or HS512): have the issuer sign with a private key, or give \
                 `TrustedIssuer::key` the shared secret"
            }
            Self::Other => "",
        }
    }
}

fn without_scheme(text: &str) -> Option<&str> {
    text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"))
}

/// Returns a host without its port.
fn name(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

fn is_local(host: &str) -> bool {
    matches!(name(host), "localhost" | "127.0.0.1" | "[::1]" | "0.0.0.0" | "host.docker.internal")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_nearly_right_is_recognized() {
        let expected = "https://id.example/a";
        for (value, found) in [
            ("https://id.example/a/", Some(Found::TrailingSlash)),
            ("HTTPS://id.example/A", Some(Found::Case)),
            ("http://id.example/a", Some(Found::Scheme)),
            ("https://id.example/b", Some(Found::Path)),
            ("https://id.example/", Some(Found::Path)),
            ("http://id.example/", Some(Found::Path)),
            ("https://id.example/auth/a", Some(Found::Path)),
            ("https://id.example:8443/a", Some(Found::Host)),
            ("http://keycloak:8080/a/", Some(Found::Host)),
            ("https://ie.example/a", Some(Found::Host)),
            ("https://other.example/b", None),
            ("https://id.example.evil.example", None),
            ("api://https://id.example/a", Some(Found::Prefix)),
            ("id.example/a", None),
            ("", None),
            ("é", None),
        ] {
            assert_eq!(Found::near(value, expected), found, "{value}");
            assert_eq!(Found::near(expected, value), found, "{value}");
        }
        assert_eq!(Found::near("ü/", "ü"), Some(Found::TrailingSlash));
        for (value, expected, found) in [
            ("http://127.0.0.1:8080", "http://localhost:8080", Some(Found::Host)),
            ("http://localhost:3000", "http://[::1]", Some(Found::Host)),
            ("https://id.example", "https://id.example:8443", Some(Found::Host)),
            ("https://id.example", "https://other.example", None),
            ("https://sts.windows.net/t/", "https://login.microsoftonline.com/t/v2.0", None),
            ("api://1815", "1815", Some(Found::Prefix)),
            ("api://1815", "1816", None),
        ] {
            assert_eq!((Found::near(value, expected), Found::near(expected, value)), (found, found), "{value}");
        }
    }
}
