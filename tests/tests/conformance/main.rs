//! What both adapters do, each case written once: the same request must get the same answer from each of them.

mod answers;
mod bodies;
mod cookies;
mod cors;
mod credentials;
mod csrf;
mod extensions;
mod extractors;
mod forms;
mod forward;
mod grpc;
mod issuers;
mod logout;
mod metadata;
mod optional;
mod pending;
mod principals;
mod requirements;
mod requirements_claims;
mod requirements_login;
mod requirements_policy;
mod requirements_table;
mod requirements_waiting;
mod revocation;
mod routes;
mod sources;
