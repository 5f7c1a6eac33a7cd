//! From `jsonwebtoken`'s settings to ours.

use std::time::Duration;

use jsonwebtoken::Validation;

use crate::jose::{Algorithm, KeySet};

use super::{BuildError, BuildErrorKind, TrustedIssuer, Verifier, VerifierBuilder};

impl VerifierBuilder {
    /// Starts from the settings of a [`jsonwebtoken::Validation`] and the keys it was used with.
    ///
    /// Each issuer it names is trusted with `keys`, its algorithms, audiences, subject, required claims and leeway. What
    /// it leaves open is an error here, because it would have been accepted there: name the issuer and the audience. What
    /// this library always checks (`nbf`, `iat`, `crit`, `typ`) is checked whatever the settings say.
    ///
    /// # Errors
    ///
    /// The field that has no equivalent: `iss` or `aud` that name nothing, an algorithm that is not known, an `exp`,
    /// `aud` or lifetime rule that was switched off or bent.
    ///
    /// ```
    /// use jwt_core::{Algorithm, VerifierBuilder, jsonwebtoken, keys::{Key, KeySet}};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let mut validation = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::HS256);
    /// validation.set_issuer(&["https://id.example"]);
    /// validation.set_audience(&["https://api.example"]);
    ///
    /// let keys = KeySet::from(Key::from_secret(Algorithm::HS256, [7; 32])?);
    /// let verifier = VerifierBuilder::from_validation(&validation, &keys)?.build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn from_validation(validation: &Validation, keys: &KeySet) -> Result<Self, BuildError> {
        use BuildErrorKind as Kind;
        for (bent, field) in [
            (!validation.validate_exp, "validate_exp"),
            (!validation.validate_aud, "validate_aud"),
            (validation.reject_tokens_expiring_in_less_than != 0, "reject_tokens_expiring_in_less_than"),
        ] {
            if bent {
                return Err(BuildError::new(Kind::Contradiction, field));
            }
        }
        let issuers = validation.iss.as_ref().filter(|issuers| !issuers.is_empty());
        let issuers = issuers.ok_or(BuildError::new(Kind::Undecided, "iss"))?;
        let audiences = validation.aud.as_ref().filter(|audiences| !audiences.is_empty());
        let audiences = audiences.ok_or(BuildError::new(Kind::Undecided, "aud"))?;
        let algorithms: Result<Vec<Algorithm>, _> =
            validation.algorithms.iter().map(|&theirs| theirs.try_into()).collect();
        let algorithms = algorithms.map_err(|_| BuildError::new(Kind::UnsupportedAlgorithm, "algorithms"))?;

        let builder = Verifier::builder().leeway(Duration::from_secs(validation.leeway));
        Ok(issuers.iter().fold(builder, |builder, name| {
            let issuer = TrustedIssuer::new(name.as_str()).keys(keys).algorithms(algorithms.iter().copied());
            let issuer = issuer.require_claims(validation.required_spec_claims.iter().map(String::as_str));
            let issuer = audiences.iter().fold(issuer, |issuer, audience| issuer.audience(audience));
            builder.issuer(match &validation.sub {
                Some(subject) => issuer.subject(subject),
                None => issuer,
            })
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::Key;

    #[test]
    fn what_a_validation_leaves_open_is_named() {
        let complete = || {
            let mut validation = Validation::new(jsonwebtoken::Algorithm::HS256);
            validation.set_issuer(&["https://id.example"]);
            validation.set_audience(&["https://api.example"]);
            validation
        };
        let keys = KeySet::from(Key::from_secret(Algorithm::HS256, [7; 32]).expect("long enough"));
        let setting = |validation: &Validation| {
            VerifierBuilder::from_validation(validation, &keys).err().map(|error| error.setting())
        };
        assert_eq!(setting(&complete()), None);
        assert_eq!(setting(&Validation { iss: None, ..complete() }), Some("iss"));
        assert_eq!(setting(&Validation { aud: None, ..complete() }), Some("aud"));
        assert_eq!(setting(&Validation { validate_exp: false, ..complete() }), Some("validate_exp"));
        assert_eq!(setting(&Validation { validate_aud: false, ..complete() }), Some("validate_aud"));
    }
}
