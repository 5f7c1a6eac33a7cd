//! Random applications behind a table of routes, and random requests: without a token, only public handlers run; with a
//! token, the same handlers run as without the table.

mod actix;
mod axum;
mod random;
mod table;
