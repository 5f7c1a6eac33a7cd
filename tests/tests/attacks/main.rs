//! The catalogue of attacks: each a test of its own, named by its row, and each run through both adapters.
//!
//! Sections A: algorithm and key confusion; B: header parameters; C: signatures; D: encodings and parsers; E: claims;
//! G: fetched keys; H: the HTTP layer; I: the cache; J: tokens that were taken back; K: logs and oracles; L:
//! configuration. The rows of F are with the other tests of keys.

mod algorithm_confusion;
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
mod revocation;
mod routes;
mod signatures;
mod target;
