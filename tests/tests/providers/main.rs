//! The recipes for real identity providers, against tokens and key sets of the shapes that those publish.

mod auth0;
mod authentik;
mod better_auth;
mod clerk;
mod cognito;
mod compose;
mod entra;
mod firebase;
mod github;
mod glewlwyd;
mod google;
mod keycloak;
mod kubernetes;
mod lemonldap;
mod logto;
mod okta;
mod provider;
mod recipes;
mod spiffe;
mod supabase;
mod transaction_tokens;
mod zitadel;

use jwt_core::{ErrorKind, Verified};
use jwt_tests::forge::NOW;
use serde_json::json;

use provider::{Provider, STRANGER, verifier};

fn providers() -> Vec<Provider> {
    vec![
        keycloak::provider(),
        entra::provider(),
        entra::first_version(),
        entra::many_tenants(),
        auth0::provider(),
        auth0::profile(),
        okta::provider(),
        cognito::provider(),
        google::provider(),
        google::short_name(),
        firebase::provider(),
        github::provider(),
        kubernetes::provider(),
        spiffe::provider(),
        transaction_tokens::provider(),
        authentik::provider(),
        better_auth::provider(),
        clerk::provider(),
        glewlwyd::provider(),
        lemonldap::provider(),
        logto::provider(),
        supabase::provider(),
        zitadel::provider(),
    ]
}

/// Whether a requirement is met, and if not, why.
fn judge(requirement: &dyn jwt_core::authorize::Requirement, verified: &Verified) -> Result<(), ErrorKind> {
    requirement.check(verified).map_err(|error| error.kind())
}

#[tokio::test]
async fn the_token_that_is_meant_for_this_service_is_accepted() {
    for provider in providers() {
        let outcome = provider.verify(&provider.good()).await;
        assert!(outcome.is_ok(), "{provider:?}: {outcome:?}");
    }
}

#[tokio::test]
async fn keys_are_asked_for_where_the_provider_publishes_them() {
    for provider in providers() {
        let (_, asked) = provider.verify_at(NOW, &provider.good()).await;
        let published: Vec<&str> = provider.documents.iter().map(|(address, _)| *address).collect();
        assert_eq!(asked, published, "{provider:?}");
    }
}

#[tokio::test]
async fn building_asks_for_nothing() {
    for provider in providers() {
        let (_, asked) = verifier((provider.recipe)(), provider.documents.clone(), NOW);
        assert!(asked.addresses().is_empty(), "{provider:?}");
    }
}

#[tokio::test]
async fn tokens_that_are_meant_for_others_are_refused() {
    for provider in providers() {
        for case in &provider.refused {
            let outcome = provider.verify(&provider.token(case.header.clone(), case.claims.clone())).await;
            assert_eq!(outcome.err(), Some(case.kind), "{provider:?}: {}", case.what);
        }
    }
}

#[tokio::test]
async fn a_token_ends_a_minute_after_it_says_so() {
    for provider in providers() {
        let end = provider.claims["exp"].as_u64().expect("an end") + 60;
        for (now, expected) in [(end - 1, None), (end, Some(ErrorKind::Expired))] {
            let (outcome, _) = provider.verify_at(now, &provider.good()).await;
            assert_eq!(outcome.err(), expected, "{provider:?}");
        }
    }
}

#[tokio::test]
async fn a_key_that_the_provider_does_not_publish_is_refused_under_every_name() {
    for provider in providers() {
        for (header, kind) in
            [(json!({}), ErrorKind::BadSignature), (json!({"kid": "stranger"}), ErrorKind::UnknownKey)]
        {
            let outcome = provider.verify(&provider.token_of(STRANGER, header, json!({}))).await;
            assert_eq!(outcome.err(), Some(kind), "{provider:?}");
        }
    }
}

#[tokio::test]
async fn an_algorithm_that_needs_no_private_key_is_refused() {
    for provider in providers() {
        for algorithm in ["none", "HS256"] {
            let outcome = provider.verify(&provider.token(json!({"alg": algorithm}), json!({}))).await;
            assert_eq!(outcome.err(), Some(ErrorKind::AlgorithmNotAllowed), "{provider:?}: {algorithm}");
        }
    }
}

#[test]
fn the_page_shows_the_recipes_that_are_tested() {
    let page = include_str!("../../../jwt-core/doc/providers.md");
    let recipes = include_str!("recipes.rs").replace("pub(crate) ", "");
    let items =
        recipes.split("\n\n").map(str::trim).filter(|item| !item.starts_with("//!") && !item.starts_with("use "));
    for item in items {
        assert!(page.contains(item), "the page lacks or changes:\n{item}");
    }
}
