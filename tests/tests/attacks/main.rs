//! The catalogue of attacks: each row is a test, named after the row, that runs through both adapters.
//!
//! The sections are A: algorithm and key confusion; B: header parameters; C: signatures; D: encodings and parsers; E:
//! claims; G: fetched keys; H: HTTP; I: the cache; J: revoked tokens; K: logs and oracles; L: configuration. The rows
//! of section F are in `tests/keys`.

mod algorithm_confusion;
mod authorization_header;
mod cache;
mod claims;
mod configuration;
mod fetched_keys;
mod header_parameters;
mod inventory;
mod oracles_and_logs;
mod parsing;
mod refresh_tokens;
mod requests;
mod resources;
mod revocation;
mod routes;
mod signatures;
mod target;
