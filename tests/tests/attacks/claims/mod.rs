//! Section E: claims.

mod issuers_and_audiences;
mod permissions;
mod times;
