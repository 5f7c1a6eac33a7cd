//! From Flask-JWT-Extended to this.
//!
#![doc = include_str!("../doc/from-flask.md")]
