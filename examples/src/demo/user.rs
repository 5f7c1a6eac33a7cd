//! The claims and answers of the routes, the same on both servers.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The claims that the handlers use. Any type that implements `Deserialize` works, and each handler may use another one.
#[derive(Deserialize, Serialize)]
pub(super) struct User {
    /// A required field: a token without `sub` is answered 401.
    sub: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// All other claims, so that `/me` can show them.
    #[serde(flatten)]
    others: Map<String, Value>,
}

#[derive(Serialize)]
pub(super) struct Report {
    id: u32,
    title: &'static str,
}

pub(super) const REPORTS: [Report; 2] =
    [Report { id: 1, title: "Visitors in March" }, Report { id: 2, title: "Visitors in April" }];

pub(super) const PUBLIC: &str = "Open to everyone.";

pub(super) fn greeting(user: Option<&User>) -> String {
    let name = user.map_or("guest", |user| user.name.as_deref().unwrap_or(&user.sub));
    format!("Hello, {name}!")
}
