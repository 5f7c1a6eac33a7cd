//! Forwards verified claims in headers, from a gateway to upstream services.
//!
//! A gateway verifies the token and tells the upstream service who sent the request. The service can trust these headers,
//! because clients cannot set them: [`ForwardClaims`] removes every header with the same or a similar name. If the verifier trusts
//! several issuers, forward `iss` as well as `sub`: two issuers may use the same `sub` for different users.
//!
//! ```
//! use jwt_core::forward::ForwardClaims;
//! use jwt_core::{BuildError, Verifier};
//!
//! fn forward(verifier: &Verifier) -> Result<ForwardClaims, BuildError> {
//!     let claims = [("/iss", "x-issuer"), ("/sub", "x-user"), ("/realm_access/roles", "x-roles")];
//!     ForwardClaims::new(verifier, claims)
//! }
//! ```
//!
//! [`ForwardClaims`] is a [gate](crate::gate::Gate): put it into the adapter's `GateLayer` or `GateMiddleware`, inside the layer
//! that verifies the token.
//!
//! If a service acts for the user (RFC 8693), the claim `/act/sub` names it: forward it beside `/sub`, so that the upstream service
//! does not take the one for the other.
//!
//! # Removed headers
//!
//! From every request, with or without a token:
//!
//! - every header whose name equals a configured one, in any case and with any character instead of `-`, because many servers
//!   take `X_User` and `X-User` for the same header;
//! - the names of such headers in `Connection`, which would make the next hop drop them;
//! - the token, from every place where the verifier looks for it. A token in the query is also removed from `Referer` and the
//!   other headers that repeat a URL, and one among the protocols of a WebSocket leaves the others there.
//!
//! # Added headers
//!
//! | claim | header |
//! | --- | --- |
//! | string | the string, encoded |
//! | number, `true`, `false` | the same text as in the token |
//! | array of these | its elements, each encoded, separated by `,` |
//! | missing, `null`, empty, an object, or an array with any other element | no header |
//!
//! Encoding keeps visible ASCII and spaces, except `%`, `,` and spaces at either end. Those, and all other bytes of the UTF-8, are
//! written as `%` and two hexadecimal digits. So a value never ends its line, an element never becomes two, and
//! percent-decoding returns exactly the value that the issuer signed. Without a token, which an optional layer may allow, no header
//! is added.

mod claims;

pub use claims::ForwardClaims;
