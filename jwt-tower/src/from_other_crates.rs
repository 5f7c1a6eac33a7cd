//! A guide for moving from `jsonwebtoken` by hand, jwt-authorizer, axum-jwt-auth and tower-oauth2-resource-server.
//!
#![doc = include_str!("../doc/from-other-crates.md")]
