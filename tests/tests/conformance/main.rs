//! What both adapters do. Each case is written once: both must give the same response to the same request.

mod cookies;
mod cors;
mod credentials;
mod csrf;
mod csrf_form_field;
mod extensions;
mod extractors;
mod forward;
mod grpc;
mod issuers;
mod key_fetches;
mod logout;
mod metadata;
mod optional;
mod principals;
mod rejection_bodies;
mod rejections;
mod requirements;
mod requirements_async;
mod requirements_claims;
mod requirements_login;
mod requirements_policy;
mod requirements_table;
mod revocation;
mod routes;
mod sources;
