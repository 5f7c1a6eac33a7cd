//! The handlers of the application under test, written once and compiled for each framework.

use std::time::Duration;

use jwt_core::authorize::{all, check_async, scopes};
use jwt_core::http::{Cookies, SetCookies};
use serde::Deserialize;
use serde::de::Deserializer;

#[derive(Deserialize)]
pub(crate) struct User {
    pub(crate) name: String,
}

/// Claims that no forged token matches, because its `name` is a string.
#[derive(Deserialize)]
pub(crate) struct Numbered {
    pub(crate) name: u64,
}

/// A claims type with a bug: it panics.
pub(crate) struct Faulty;

impl<'de> Deserialize<'de> for Faulty {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        panic!("a bug in the application")
    }
}

jwt_core::policy! {
    /// The requirement of `/policy`.
    pub(crate) ReadReports = scopes(["reports:read"]);
    /// The requirement of `/policy-later`: the subject is in the directory.
    pub(crate) Members = all((
        scopes(["profile"]),
        check_async("member", |verified| async move {
            tokio::task::yield_now().await;
            match verified.registered().subject() {
                Some("user-1815") => Ok(true),
                Some("directory-down") => Err("the directory is down".into()),
                _ => Ok(false),
            }
        }),
    ));
}

/// A request as a handler sees it: its target, and its headers sorted by name. `Content-Length` of an empty body is
/// left out, because only actix-web's test requests have it.
pub(crate) fn told(target: String, mut headers: Vec<String>) -> String {
    headers.retain(|line| line != "content-length: 0");
    headers.sort();
    headers.insert(0, target);
    headers.join("\n")
}

/// The cookies that a login sets.
pub(crate) fn login() -> SetCookies {
    let (cookies, life) = (Cookies::new(), Duration::from_secs(900));
    let set = cookies.set_access("a.b.c", life).and_then(|access| Ok(access.and(cookies.set_refresh("d.e.f", life)?)));
    set.expect("legal values")
}

/// Needs in scope: `Authorized`, `Claims`, `OptionalAuthorized`, `OptionalClaims`,
/// `OptionalPrincipal`, `Principal`, `Rejection`, `Verified`, `Form` and `Json` of one framework.
macro_rules! handlers {
    () => {
        use jwt_core::authorize::Policy as _;

        use crate::directory::{Account, Tenant};
        use crate::handlers::{Faulty, Members, Numbered, ReadReports, User};
        use serde_json::{Value, json};

        async fn me(Claims(claims): Claims<Value>) -> Json<Value> {
            Json(claims)
        }

        async fn user(Claims(user): Claims<User>) -> String {
            user.name
        }

        async fn shared(user: SharedClaims<User>) -> String {
            user.name.clone()
        }

        async fn shared_number(SharedClaims(numbered): SharedClaims<Numbered>) -> String {
            numbered.name.to_string()
        }

        async fn both(Claims(user): Claims<User>, Claims(all): Claims<Value>) -> Json<Value> {
            Json(json!({"name": user.name, "sub": all["sub"]}))
        }

        async fn policy(Authorized(user, ..): Authorized<User, ReadReports>) -> String {
            user.name
        }

        async fn policy_later(Authorized(user, ..): Authorized<User, Members>) -> String {
            user.name
        }

        async fn optional_authorized(
            OptionalAuthorized(user, ..): OptionalAuthorized<User, ReadReports>,
        ) -> String {
            user.map_or_else(|| "nobody".to_owned(), |user| user.name)
        }

        async fn optional_authorized_later(
            OptionalAuthorized(user, ..): OptionalAuthorized<User, Members>,
        ) -> String {
            user.map_or_else(|| "nobody".to_owned(), |user| user.name)
        }

        async fn principal(Principal(account): Principal<Account>) -> String {
            account.name.to_owned()
        }

        async fn principal_twice(Principal(account): Principal<Account>, other: Principal<Account>) -> String {
            assert!(std::sync::Arc::ptr_eq(&account, &other.0), "loaded once");
            account.name.to_owned()
        }

        async fn principal_and_tenant(
            Principal(account): Principal<Account>,
            Principal(tenant): Principal<Tenant>,
        ) -> String {
            format!("{} of {}", account.name, tenant.number)
        }

        async fn optional_principal(OptionalPrincipal(account): OptionalPrincipal<Account>) -> String {
            account.map_or_else(|| "nobody".to_owned(), |account| account.name.to_owned())
        }

        fn tenant(verified: &jwt_core::Verified) -> Option<Tenant> {
            verified.registered().subject().map(|_| Tenant { number: 7 })
        }

        async fn optional(OptionalClaims(user): OptionalClaims<User>) -> String {
            user.map_or_else(|| "nobody".to_owned(), |user| user.name)
        }

        async fn verified(verified: Verified) -> Json<Value> {
            let registered = verified.registered();
            Json(json!({
                "algorithm": verified.algorithm().name(),
                "key_id": verified.key_id(),
                "token_type": verified.token_type(),
                "location": verified.location().map(|location| format!("{location:?}")),
                "subject": registered.subject(),
                "client_id": registered.client_id(),
                "scopes": registered.scopes().names(),
            }))
        }

        async fn asks(verified: Verified, body: String) -> Result<&'static str, Rejection> {
            match &*body {
                "read" => verified.require(ReadReports::requirement()).await?,
                _ => verified.require(Members::requirement()).await?,
            }
            Ok("done")
        }

        async fn echo(_: Verified, body: String) -> String {
            body
        }

        async fn form(_: Verified, Form(fields): Form<Vec<(String, String)>>) -> Json<Value> {
            Json(json!(fields))
        }

        async fn number(Claims(numbered): Claims<Numbered>) -> String {
            numbered.name.to_string()
        }

        async fn public() -> &'static str {
            "everyone"
        }

        async fn panic(_: Verified) -> &'static str {
            panic!("a bug in the application")
        }

        async fn panicking_claims(Claims(_): Claims<Faulty>) -> &'static str {
            "not reached"
        }
    };
}
pub(crate) use handlers;
