//! Checks that a token is for the protected resource that is requested, if a verifier has several. RFC 8707.

use std::sync::Arc;

use super::ClaimRules;
use crate::claims::RegisteredClaims;
use crate::error::{Check, Detail, Error, ErrorKind, Found};

/// The protected resource that a request is for.
#[derive(Clone, Debug)]
pub(crate) enum RequestedResource {
    /// The verifier has at most one, or there is no request: the issuer's rule for the audience is enough.
    Any,
    /// None of the verifier's resources includes the request's path.
    Outside,
    /// The resource with this name, and the expectation in words.
    Named { name: Arc<str>, expected: Arc<str> },
}

impl RequestedResource {
    pub(crate) fn named(name: &str) -> Self {
        let expected = format!("`aud` must name `{name}`, the protected resource that the request is for");
        Self::Named { name: name.into(), expected: expected.into() }
    }
}

impl ClaimRules {
    /// Refuses a token for another resource than the requested one. An issuer with an audience of its own isn't concerned.
    pub(crate) fn check_resource(
        &self,
        claims: &RegisteredClaims<'_>,
        payload: &str,
        requested: &RequestedResource,
    ) -> Result<(), Error> {
        let wrong = |detail| Err(Error::from(ErrorKind::WrongAudience).at(Check::Audience).with_detail(detail));
        let (name, expected) = match requested {
            RequestedResource::Any => return Ok(()),
            _ if !self.names_resources => return Ok(()),
            RequestedResource::Outside => {
                return wrong(Detail::Constant(
                    "the request's path is in none of the verifier's protected resources: declare one that includes it; if a \
                     router cuts off the beginning of the path before the layer, use `Verifier::for_resource`",
                ));
            }
            RequestedResource::Named { name, expected } => (name, expected),
        };
        let is_named =
            self.with_audience(claims, payload, |audience| audience.is_some_and(|audience| audience.contains(name)));
        // The token names another of the resources, or it would have been refused before.
        let detail = Detail::Expected { expected: Arc::clone(expected), found: Found::Other };
        if is_named { Ok(()) } else { wrong(detail) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claim_rules::AudienceRule;

    #[test]
    fn a_token_must_name_the_requested_resource() {
        let names = vec!["https://api.example/a".to_owned(), "https://api.example/b".to_owned()];
        let rules = ClaimRules { audience: AudienceRule::AnyOf(names), names_resources: true, ..ClaimRules::default() };
        let own = ClaimRules { names_resources: false, ..rules.clone() };
        let client = ClaimRules { audience_claim: Some("client_id".into()), ..rules.clone() };
        let b = RequestedResource::named("https://api.example/b");
        for (rules, requested, payload, accepted) in [
            (&rules, &RequestedResource::Any, r#"{"aud":"https://api.example/a"}"#, true),
            (&rules, &RequestedResource::Outside, r#"{"aud":"https://api.example/a"}"#, false),
            (&rules, &b, r#"{"aud":"https://api.example/b"}"#, true),
            (&rules, &b, r#"{"aud":["https://api.example/a","https://api.example/b"]}"#, true),
            (&rules, &b, r#"{"aud":"https://api.example/a"}"#, false),
            (&rules, &b, r#"{"aud":"https://api.example/b/"}"#, false),
            (&rules, &b, r#"{"aud":""}"#, false),
            (&rules, &b, "{}", false),
            (&client, &b, r#"{"client_id":"https://api.example/b"}"#, true),
            (&client, &b, r#"{"aud":"https://api.example/b"}"#, false),
            (&own, &b, r#"{"aud":"https://api.example/a"}"#, true),
            (&own, &RequestedResource::Outside, "{}", true),
        ] {
            let claims = RegisteredClaims::read(payload).expect("well-formed");
            let outcome = rules.check_resource(&claims, payload, requested).map_err(|error| error.kind());
            assert_eq!(outcome, if accepted { Ok(()) } else { Err(ErrorKind::WrongAudience) }, "{payload}");
        }
    }
}
