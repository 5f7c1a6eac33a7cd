//! What the tests share: forged tokens, requests, answers, and the adapters under test.

pub mod forge;
