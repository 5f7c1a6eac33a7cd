//! The compose file in `jwt-core/doc/providers.md`: it's YAML, and its variables lead to a verifier that works.

use std::collections::BTreeMap;

use jwt_core::config::VerifierConfig;
use jwt_core::{BuildError, ErrorKind, VerifierBuilder};
use jwt_tests::forge::{NOW, sign_raw};
use serde::Deserialize;
use serde_json::json;

use super::provider::{CURRENT, NEXT, jwk, key, verifier};

const PAGE: &str = include_str!("../../../jwt-core/doc/providers.md");
const KEYS: &str = "http://keycloak:8080/realms/shop/protocol/openid-connect/certs";

/// The parts of a compose file that this page uses.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Compose {
    services: BTreeMap<String, Service>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Service {
    image: Option<String>,
    build: Option<String>,
    command: Option<String>,
    environment: BTreeMap<String, String>,
    ports: Vec<String>,
}

fn compose() -> Compose {
    let (_, rest) = PAGE.split_once("```yaml\n").expect("a file in YAML");
    serde_yaml_ng::from_str(rest.split("```").next().expect("its end")).expect("a compose file")
}

fn builder(compose: &Compose) -> Result<VerifierBuilder, BuildError> {
    let variables = compose.services["api"].environment.clone();
    VerifierConfig::from_vars("JWT", variables)?.into_builder()
}

#[tokio::test]
async fn the_compose_file_leads_to_a_verifier_that_accepts_the_realms_tokens() {
    let builder = builder(&compose()).expect("valid variables");
    let documents = vec![(KEYS, json!({"keys": [jwk(CURRENT, "k-1", json!({})), jwk(NEXT, "k-2", json!({}))]}))];
    let (verifier, asked) = verifier(builder, documents, NOW);
    let token = |issuer: &str, audience: &str| {
        let claims = json!({"iss": issuer, "aud": audience, "sub": "ada", "iat": NOW, "exp": NOW + 300});
        sign_raw(&key(CURRENT), json!({"alg": "RS256", "kid": "k-1"}).to_string(), claims.to_string())
    };
    let public = "http://localhost:8080/realms/shop";
    assert!(verifier.verify(&token(public, "reports-api")).await.is_ok());
    assert_eq!(asked.addresses(), [KEYS]);
    for (issuer, audience, kind) in [
        // The name inside the network isn't the issuer's.
        ("http://keycloak:8080/realms/shop", "reports-api", ErrorKind::UnknownIssuer),
        (public, "account", ErrorKind::WrongAudience),
    ] {
        assert_eq!(verifier.verify(&token(issuer, audience)).await.map_err(|error| error.kind()).err(), Some(kind));
    }
}

#[test]
fn the_services_of_the_compose_file_know_each_other() {
    let Compose { services } = compose();
    let (keycloak, api) = (&services["keycloak"], &services["api"]);
    assert!(keycloak.image.is_some() && keycloak.command.is_some() && keycloak.build.is_none());
    assert!(api.build.is_some() && api.image.is_none() && api.command.is_none());
    let variable = |name: &str| api.environment[name].as_str();
    // Browsers find Keycloak where it says that it is, and tokens have that name.
    assert!(variable("JWT_ISSUER").starts_with(&keycloak.environment["KC_HOSTNAME"]));
    assert!(keycloak.environment["KC_HOSTNAME"].ends_with(":8080") && keycloak.ports == ["8080:8080"]);
    // The service finds it under its name in the network, which must be allowed to do without TLS.
    assert!(variable("JWT_JWKS_URL").starts_with("http://keycloak:8080/realms/shop/"));
    assert_eq!(variable("JWT_DANGEROUS_HTTP_HOSTS"), "keycloak");
    assert_eq!(api.ports, ["3000:3000"]);
    let without = |name: &str| {
        let mut compose = compose();
        compose.services.get_mut("api").and_then(|api| api.environment.remove(name)).expect("a variable");
        builder(&compose).err().map(|error| error.setting().to_owned())
    };
    assert_eq!(without("JWT_DANGEROUS_HTTP_HOSTS").as_deref(), Some("JWT_JWKS_URL"));
}

#[test]
fn a_configuration_may_be_yaml() {
    let text = "leeway: 30s\nissuers:\n  - issuer: https://id.example\n    discover: true\n    audience: [a, b]\n    claims: {typ: Bearer}\n";
    let config: VerifierConfig = serde_yaml_ng::from_str(text).expect("a configuration");
    let shown = format!("{:?}", config.into_builder().expect("valid settings"));
    assert!(shown.contains("leeway: 30s") && shown.contains(r#"AnyOf(["a", "b"])"#), "{shown}");
    assert!(serde_yaml_ng::from_str::<VerifierConfig>("leway: 30s\n").is_err());
}
