use std::borrow::Cow;

use super::{NumericDate, RegisteredClaims};

/// The claims that a revocation can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Identity<'p> {
    pub(crate) issuer: Option<&'p str>,
    pub(crate) subject: Option<&'p str>,
    pub(crate) token_id: Option<&'p str>,
    pub(crate) session_id: Option<&'p str>,
    pub(crate) issued_at: Option<NumericDate>,
    pub(crate) expires_at: Option<NumericDate>,
}

/// The places of an [`Identity`] in a payload, so that a cached token is looked up without reading its claims again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IdentityIndex {
    issuer: Option<Place>,
    subject: Option<Place>,
    token_id: Option<Place>,
    session_id: Option<Place>,
    issued_at: Option<NumericDate>,
    expires_at: Option<NumericDate>,
}

/// A part of the payload.
#[derive(Clone, Copy, Debug)]
struct Place {
    start: u32,
    end: u32,
}

impl<'c> Identity<'c> {
    pub(crate) fn of(claims: &'c RegisteredClaims<'_>) -> Self {
        Self {
            issuer: claims.issuer(),
            subject: claims.subject(),
            token_id: claims.token_id(),
            session_id: claims.session_id(),
            issued_at: claims.issued_at(),
            expires_at: claims.expires_at(),
        }
    }
}

impl IdentityIndex {
    /// Indexes the claims, which were read from `payload`. Returns `None` if one of them is not a part of it, because it has
    /// escapes, or if its `sid` cannot be read.
    pub(crate) fn of(payload: &str, claims: &RegisteredClaims<'_>) -> Option<Self> {
        if claims.unreadable_session {
            return None;
        }
        Some(Self {
            issuer: Place::of(payload, claims.issuer.as_ref())?,
            subject: Place::of(payload, claims.subject.as_ref())?,
            token_id: Place::of(payload, claims.token_id.as_ref())?,
            session_id: Place::of(payload, claims.session_id.as_ref())?,
            issued_at: claims.issued_at,
            expires_at: claims.expires_at,
        })
    }

    /// Reads the claims from the same payload.
    #[inline]
    pub(crate) fn read<'p>(&self, payload: &'p str) -> Option<Identity<'p>> {
        let &Self { issued_at, expires_at, .. } = self;
        // A claim that cannot be read must not look like one that is absent.
        let text = |place: Option<Place>| match place {
            Some(place) => payload.get(place.start as usize..place.end as usize).map(Some),
            None => Some(None),
        };
        Some(Identity {
            issuer: text(self.issuer)?,
            subject: text(self.subject)?,
            token_id: text(self.token_id)?,
            session_id: text(self.session_id)?,
            issued_at,
            expires_at,
        })
    }
}

impl Place {
    #[expect(clippy::option_option, reason = "a claim may be absent, and a claim may have no place")]
    fn of(payload: &str, claim: Option<&Cow<'_, str>>) -> Option<Option<Self>> {
        match claim {
            None => Some(None),
            Some(Cow::Owned(_)) => None,
            Some(Cow::Borrowed(text)) => {
                let start = text.as_ptr().addr().checked_sub(payload.as_ptr().addr())?;
                let end = start + text.len();
                let (start, end) = (u32::try_from(start).ok()?, u32::try_from(end).ok()?);
                Some(Some(Self { start, end }))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_reads_the_same_claims_as_the_payload_has() {
        for payload in [
            "{}",
            r#"{"iss":"https://id.example","sub":"ada","jti":"t-1","sid":"s-1","iat":5,"exp":9.5}"#,
            r#"{"exp":253402300799,"sid":"","jti":"é","sub":5}"#,
            r#"{"sub":"the same","jti":"the same","iss":"the same"}"#,
            r#"{"jti":"","sid":null}"#,
        ] {
            let claims = RegisteredClaims::read(payload).expect("well-formed");
            let expected = Identity {
                issuer: claims.issuer(),
                subject: claims.subject(),
                token_id: claims.token_id(),
                session_id: claims.session_id(),
                issued_at: claims.issued_at(),
                expires_at: claims.expires_at(),
            };
            assert_eq!(Identity::of(&claims), expected, "{payload}");
            let index = IdentityIndex::of(payload, &claims).expect("plain strings");
            assert_eq!(index.read(payload), Some(expected), "{payload}");
        }
    }

    #[test]
    fn claims_with_escapes_and_unreadable_sessions_have_no_index() {
        for payload in [
            r#"{"iss":"https:\/\/id.example"}"#,
            r#"{"sub":"\u0061da"}"#,
            r#"{"jti":"t\n1"}"#,
            r#"{"sid":"\""}"#,
            r#"{"sid":5}"#,
        ] {
            let claims = RegisteredClaims::read(payload).expect("well-formed");
            assert!(IdentityIndex::of(payload, &claims).is_none(), "{payload}");
        }
    }

    #[test]
    fn claims_of_another_payload_are_not_read_as_absent_ones() {
        let payload = r#"{"jti":"é-1","sub":"ada"}"#;
        let claims = RegisteredClaims::read(payload).expect("well-formed");
        let index = IdentityIndex::of(payload, &claims).expect("plain strings");
        for other in ["{}", r#"{"jti":é"#] {
            assert_eq!(index.read(other), None, "{other}");
        }
    }
}
