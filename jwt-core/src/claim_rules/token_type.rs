//! Which values of the header's `typ` are accepted. RFC 8725 section 3.11.

use crate::jose::header::is_media_type;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TypeRule {
    /// `JWT`, `at+jwt` or no `typ`.
    Default,
    /// One of these.
    Only(Vec<String>),
    /// `JWT`, `JOSE` or no `typ`. JWT-SVID section 2.3.
    Spiffe,
    /// `logout+jwt` or no `typ`, and a logout event in `events`.
    Logout,
}

impl TypeRule {
    /// RFC 9068 section 4: `at+jwt` or `application/at+jwt`, nothing else.
    pub(crate) fn access_token() -> Self {
        Self::Only(vec!["at+jwt".to_owned()])
    }

    pub(super) fn accepts(&self, token_type: Option<&str>) -> bool {
        match (self, token_type) {
            (Self::Default, None) => true,
            (Self::Default, Some(given)) => ["JWT", "at+jwt"].iter().any(|known| is_media_type(given, known)),
            // `ClaimRules::type_optional` is asked first.
            (Self::Only(_), None) => false,
            (Self::Spiffe, given) => {
                given.is_none_or(|given| ["JWT", "JOSE"].iter().any(|known| is_media_type(given, known)))
            }
            (Self::Logout, given) => given.is_none_or(|given| is_media_type(given, "logout+jwt")),
            (Self::Only(known), Some(given)) => known.iter().any(|known| is_media_type(given, known)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_type_rule_accepts_only_its_types() {
        for (typ, by_default, access_token) in [
            (None, true, false),
            (Some("JWT"), true, false),
            (Some("jwt"), true, false),
            (Some("at+jwt"), true, true),
            (Some("Application/AT+JWT"), true, true),
            (Some("logout+jwt"), false, false),
            (Some("dpop+jwt"), false, false),
            (Some("rt+jwt"), false, false),
            (Some("secevent+jwt"), false, false),
            (Some("token-introspection+jwt"), false, false),
            (Some(""), false, false),
        ] {
            assert_eq!(TypeRule::Default.accepts(typ), by_default, "{typ:?}");
            assert_eq!(TypeRule::access_token().accepts(typ), access_token, "{typ:?}");
            assert_eq!(TypeRule::Logout.accepts(typ), matches!(typ, None | Some("logout+jwt")), "{typ:?}");
        }
    }
}
