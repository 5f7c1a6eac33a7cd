//! A guide for moving from Flask-JWT-Extended.
//!
#![doc = include_str!("../doc/from-flask.md")]
