//! The test kit: forged tokens, requests, responses, and the adapters under test.

pub mod adapter;
pub mod answer;
pub mod ask;
pub mod certificates;
pub mod clock_contract;
pub mod device;
pub mod directory;
pub mod forge;
pub mod gate;
pub mod issuing;
pub mod log;
pub mod observer;
pub mod proof;
pub mod remote;
pub mod revocation_contract;
pub mod session_contract;
pub mod setup;
pub mod signer;

mod actix;
mod axum;
mod handlers;
