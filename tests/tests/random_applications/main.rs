//! Random applications behind a table of routes, and random requests: without a token, only what the table makes public is
//! reached; with a token, the same is reached as without the table.

mod actix;
mod axum;
mod dice;
mod table;
