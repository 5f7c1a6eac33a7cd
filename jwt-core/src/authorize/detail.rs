use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value as Json};

use crate::claims::claim;
use crate::error::{Error, ErrorKind};
use crate::json::{self, Value};
use crate::verified::Verified;

use super::Requirement;
use super::requirement::{Misconfigured, ensure_configured};

/// Requires an object of this `type` in the claim `authorization_details` that the closure accepts. RFC 9396 section 2.
///
/// Types are compared exactly. The closure gets the whole object. Check everything that it limits, for example `locations`: members
/// that you don't look at don't restrict anything.
///
/// If no object fits, or the token has no details, the request fails with 403 `requirement_not_met`. If the type is empty, the mistake
/// is logged and every request fails with 500 `misconfigured`.
///
/// ```
/// use jwt_core::authorize::authorization_detail;
///
/// let requirement = authorization_detail("account_information", |detail| {
///     detail.get("actions").is_some_and(|actions| actions == &serde_json::json!(["read_balances"]))
/// });
/// ```
#[must_use]
pub fn authorization_detail(
    kind: impl Into<Arc<str>>,
    fits: impl Fn(&Map<String, Json>) -> bool + Send + Sync + 'static,
) -> impl Requirement + Clone + 'static {
    let kind = kind.into();
    let advice = "the type is empty: write the `type` of the authorization details";
    let mistake = kind.is_empty().then(|| Misconfigured::new("authorization_detail", &advice));
    RequiredDetail { kind, fits: Arc::new(fits), mistake }
}

type Fits = dyn Fn(&Map<String, Json>) -> bool + Send + Sync;

#[derive(Clone)]
struct RequiredDetail {
    kind: Arc<str>,
    fits: Arc<Fits>,
    mistake: Option<Misconfigured>,
}

impl RequiredDetail {
    fn is_met_by(&self, detail: Value<'_>) -> bool {
        let Value::Object(text) = detail else { return false };
        let mut is_of_type = false;
        let read = json::object(text, json::Unique::Outermost, |name, value| {
            is_of_type |= name == "type" && value.as_text().is_some_and(|kind| *kind == *self.kind);
        });
        // The payload was read strictly before, so names are unique in here too.
        read.is_ok() && is_of_type && serde_json::from_str(text).is_ok_and(|detail| (self.fits)(&detail))
    }
}

impl Requirement for RequiredDetail {
    fn check(&self, verified: &Verified) -> Result<(), Error> {
        ensure_configured(self.mistake.as_ref())?;
        let mut met = false;
        if let Some(Value::Array(details)) = claim(verified.payload(), "authorization_details") {
            let read = json::array(details, |detail| met = met || self.is_met_by(detail));
            met &= read.is_ok();
        }
        let not_met = || Error::from(ErrorKind::RequirementNotMet).with_unmet(Arc::clone(&self.kind));
        if met { Ok(()) } else { Err(not_met()) }
    }
}

impl fmt::Debug for RequiredDetail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("authorization_detail").field(&self.kind).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_object_of_the_type_must_fit() {
        let amount = |detail: &Map<String, Json>| detail.get("amount").and_then(Json::as_u64) <= Some(100);
        for (details, has_type, fits) in [
            (r#"[{"type":"pay","amount":50}]"#, true, true),
            (r#"[{"type":"read"},{"amount":50,"type":"pay"}]"#, true, true),
            (r#"[{"type":"pay","amount":500},{"type":"pay","amount":5}]"#, true, true),
            (r#"[{"type":"pay","amount":500},{"type":"read","amount":5}]"#, true, false),
            (r#"[{"type":"p\u0061y","amount":1}]"#, true, true),
            (r#"[{"type":"PAY","amount":1}]"#, false, false),
            (r#"[{"type":["pay"],"amount":1}]"#, false, false),
            (r#"[{"x":{"type":"pay"},"amount":1}]"#, false, false),
            (r#"["pay"]"#, false, false),
            (r#"{"type":"pay","amount":1}"#, false, false),
            ("[]", false, false),
            ("null", false, false),
        ] {
            let verified = Verified::of_payload(&format!("{{\"authorization_details\":{details}}}"));
            assert_eq!(authorization_detail("pay", |_| true).check(&verified).is_ok(), has_type, "{details}");
            assert_eq!(authorization_detail("pay", amount).check(&verified).is_ok(), fits, "{details}");
        }
        let error = authorization_detail("pay", |_| true).check(&Verified::of_payload("{}")).expect_err("no details");
        assert_eq!((error.kind(), error.unmet()), (ErrorKind::RequirementNotMet, Some("pay")));
        let error = authorization_detail("", |_| true).check(&Verified::of_payload("{}")).expect_err("no type");
        assert_eq!(error.kind(), ErrorKind::Misconfigured);
    }
}
