//! Checks what kind of token it is, and identifiers whose type depends on the issuer.

use super::{ClaimRules, TypeRule};
use crate::claims::RegisteredClaims;
use crate::error::{Check, Error, ErrorKind};
use crate::jose::header::is_media_type;

impl ClaimRules {
    /// Checks the header's `typ`.
    pub(crate) fn check_type(&self, token_type: Option<&str>) -> Result<(), Error> {
        let is_accepted = (self.type_optional && token_type.is_none()) || self.types.accepts(token_type);
        if is_accepted { Ok(()) } else { Err(ErrorKind::WrongType.into()) }
    }

    /// Refuses tokens with claims that only ID tokens have, unless their `typ` tells them apart. Some issuers give ID tokens and
    /// access tokens the same `typ` and audience.
    pub(crate) fn check_id_token(&self, token_type: Option<&str>, claims: &RegisteredClaims<'_>) -> Result<(), Error> {
        let Some(claim) = claims.id_token else { return Ok(()) };
        let is_told_apart =
            self.types != TypeRule::Default || token_type.is_some_and(|given| is_media_type(given, "at+jwt"));
        if self.id_tokens || is_told_apart {
            return Ok(());
        }
        Err(Error::from(ErrorKind::WrongType).at(Check::IdToken).with_unmet(claim.name()))
    }

    /// Refuses identifiers that are numbers, unless the issuer may write them so.
    pub(crate) fn check_identifiers(&self, claims: &RegisteredClaims<'_>) -> Result<(), Error> {
        match claims.numeric_identifier {
            Some(identifier) if !self.numeric_identifiers => {
                Err(Error::from(ErrorKind::MalformedClaims).at(Check::Identifiers).with_unmet(identifier.name()))
            }
            // A logout token's `sid` decides which tokens are revoked, so it must not read as absent.
            _ if claims.unreadable_session && self.types == TypeRule::Logout => {
                Err(Error::from(ErrorKind::MalformedClaims).at(Check::Identifiers).with_unmet("sid"))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claim_rules::AudienceRule;

    fn no_rules() -> ClaimRules {
        ClaimRules { audience: AudienceRule::Unchecked, expiry_required: false, ..ClaimRules::default() }
    }

    #[test]
    fn an_id_token_is_refused_unless_its_type_tells_it_apart() {
        let outcome = |rules: &ClaimRules, typ: Option<&str>, payload: &str| {
            let claims = RegisteredClaims::read(payload).expect("well-formed");
            rules.check_id_token(typ, &claims).map_err(|error| error.unmet().unwrap_or_default().to_owned())
        };
        let (default, accepting) = (no_rules(), ClaimRules { id_tokens: true, ..no_rules() });
        let only = ClaimRules { types: TypeRule::Only(vec!["JWT".to_owned()]), ..no_rules() };
        for claim in ["nonce", "at_hash", "c_hash"] {
            let payload = format!("{{\"{claim}\":\"x\"}}");
            for typ in [None, Some("JWT"), Some("application/jwt")] {
                assert_eq!(outcome(&default, typ, &payload), Err(claim.to_owned()), "{typ:?}");
                assert_eq!(outcome(&accepting, typ, &payload), Ok(()), "{typ:?}");
                assert_eq!(outcome(&default, typ, "{}"), Ok(()), "{typ:?}");
            }
            assert_eq!(outcome(&default, Some("at+jwt"), &payload), Ok(()));
            assert_eq!(outcome(&only, Some("JWT"), &payload), Ok(()));
        }
    }

    #[test]
    fn a_missing_type_is_accepted_beside_named_ones_only_on_request() {
        let strict = ClaimRules { types: TypeRule::Only(vec!["JOSE".to_owned()]), ..no_rules() };
        let optional = ClaimRules { type_optional: true, ..strict.clone() };
        for (typ, by_default, if_optional) in
            [(None, false, true), (Some("JOSE"), true, true), (Some("JWT"), false, false), (Some(""), false, false)]
        {
            let accepts = |rules: &ClaimRules| rules.check_type(typ).is_ok();
            assert_eq!((accepts(&strict), accepts(&optional)), (by_default, if_optional), "{typ:?}");
        }
    }

    #[test]
    fn numeric_identifiers_are_accepted_only_on_request() {
        let accepting = ClaimRules { numeric_identifiers: true, ..no_rules() };
        for (payload, detail) in [
            (r#"{"sub":5}"#, Some("sub")),
            (r#"{"jti":5}"#, Some("jti")),
            (r#"{"sub":"5","jti":"5"}"#, None),
            ("{}", None),
        ] {
            let claims = RegisteredClaims::read(payload).expect("well-formed");
            let error = no_rules().check_identifiers(&claims).err();
            assert_eq!(error.as_ref().and_then(Error::unmet), detail, "{payload}");
            assert_eq!(accepting.check_identifiers(&claims), Ok(()), "{payload}");
        }
        let logout = ClaimRules { types: TypeRule::Logout, ..no_rules() };
        let claims = RegisteredClaims::read(r#"{"sub":"a","sid":5}"#).expect("well-formed");
        assert!(logout.check_identifiers(&claims).is_err() && no_rules().check_identifiers(&claims).is_ok());
    }
}
