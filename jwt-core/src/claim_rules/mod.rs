//! The rules for the claims of one issuer's tokens. RFC 7519 section 4.1, RFC 8725 section 3, RFC 9068 section 4.

mod kind;
mod resource;
mod rules;
mod sender;
mod token_type;

pub(crate) use resource::RequestedResource;
pub(crate) use rules::{AudienceRule, ClaimRules, DEFAULT_LEEWAY, FittingSeconds, MAX_LEEWAY, Times};
pub(crate) use sender::{SenderMode, SenderRules};
pub(crate) use token_type::TypeRule;
