//! A guide for moving from actix-web-httpauth with `jsonwebtoken`, and from Flask-JWT-Extended.
//!
#![doc = include_str!("../doc/from-httpauth.md")]
