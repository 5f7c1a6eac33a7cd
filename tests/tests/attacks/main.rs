//! The catalogue of attacks: each a test of its own, named by its row, and each run through both adapters.
//!
//! Sections A: algorithm and key confusion; B: header parameters; C: signatures; D: encodings and parsers; E: claims;
//! G: fetched keys; H: the HTTP layer; I: the cache; J: tokens that were taken back; K: logs and oracles; L:
//! configuration. The rows of F are with the other tests of keys.

mod a;
mod b;
mod c;
mod d;
mod e;
mod g;
mod h;
mod h_routes;
mod i;
mod inventory;
mod j;
mod k;
mod l;
mod refresh;
mod target;
