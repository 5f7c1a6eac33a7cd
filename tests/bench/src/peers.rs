//! Other libraries, with one function for each. A library is measured only if it accepts the valid token and refuses bad ones.
//!
//! If a library lets you choose the cryptography, it uses AWS-LC, like everything here.
//!
//! `authkestra` isn't measured: its engine enables a second back end of `jsonwebtoken` 11 for the whole build.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::routing::get;
use axum::{Extension, Router};
use jwt_core::Algorithm;
use serde::Deserialize;
use serde_json::json;
use tower::Service;

use crate::race::Contender;
use crate::requests;
use crate::stand::{AUDIENCE, ISSUER, Stand, User};

/// A service behind another library, or the reason why it's missing.
type Measured = Result<Contender, String>;

type Measure = fn(&str, &Stand) -> Measured;

/// Every library for axum, each with one request of the stand's good token.
pub fn all(stand: &Stand) -> Vec<(String, Measured)> {
    let peers: [(&str, Measure); 5] = [
        ("jwt-authorizer", jwt_authorizer),
        ("axum-jwt-auth", axum_jwt_auth),
        ("tower-oauth2-resource-server", tower_oauth2_resource_server),
        ("oauth-resource-server", oauth_resource_server),
        ("axum-keycloak-auth", axum_keycloak_auth),
    ];
    let measured = peers.map(|(package, measure)| {
        let name = versioned(package);
        let measured = measure(&name, stand);
        (name, measured)
    });
    measured.into()
}

/// Returns a package's name with the version that is built here.
pub fn versioned(package: &str) -> String {
    let lock = include_str!("../Cargo.lock");
    let entry = lock.split_once(&format!("name = \"{package}\"\nversion = \"")).expect("a package of the lock file").1;
    format!("{package} {}", entry.split('"').next().unwrap_or_default())
}

/// Checks that a service accepts the valid token and refuses bad ones, and returns it for measuring.
fn proven<S, B, R>(name: &str, service: S, stand: &Stand, token: &str) -> Measured
where
    S: Service<http::Request<B>, Response = http::Response<R>> + Clone + 'static,
    B: Default + 'static,
    R: 'static,
{
    let runtime = requests::runtime();
    let status = |token: &str| runtime.block_on(requests::status::<_, B, _>(&service, token));
    for bad in [stand.tampered(), stand.expired(), stand.unsigned(), Stand::garbage()] {
        if status(&bad).is_none_or(|status| status < 400) {
            return Err("it did not refuse a bad token".to_owned());
        }
    }
    match status(token) {
        Some(200) => Ok(requests::axum::<_, B, _>(name, service, token, 200)),
        other => Err(format!("it answered {other:?} to the good token")),
    }
}

fn why(error: impl std::fmt::Display) -> String {
    error.to_string()
}

fn jwt_authorizer(name: &str, stand: &Stand) -> Measured {
    use jwt_authorizer::{IntoLayer as _, JwtAuthorizer, JwtClaims, Validation};
    async fn handler(JwtClaims(user): JwtClaims<User>) -> String {
        user.name
    }
    let authorizer: JwtAuthorizer<User> = match stand.algorithm {
        Algorithm::HS256 => JwtAuthorizer::from_secret(std::str::from_utf8(&stand.secret).map_err(why)?),
        _ => JwtAuthorizer::from_jwks_text(&stand.jwks()),
    };
    let validation = Validation::new().iss(&[ISSUER]).aud(&[AUDIENCE]).nbf(true);
    let authorizer = requests::runtime().block_on(authorizer.validation(validation).build()).map_err(why)?;
    let layer = authorizer.into_layer();
    let router: axum07::Router =
        axum07::Router::new().route("/", axum07::routing::get(handler)).layer(layer).with_state(());
    proven::<_, axum07::body::Body, _>(name, router, stand, &stand.token)
}

fn axum_jwt_auth(name: &str, stand: &Stand) -> Measured {
    use axum_jwt_auth::{Claims, Decoder, LocalDecoder};
    use jsonwebtoken10::{DecodingKey, Validation};
    async fn handler(user: Claims<User>) -> String {
        user.claims.name
    }
    // It brings one back end of its own; once the other one is installed, this says so.
    let _ = jsonwebtoken10::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
    let jwks: jsonwebtoken10::jwk::JwkSet = serde_json::from_str(&stand.jwks()).map_err(why)?;
    let mut validation = Validation::new(stand.jose_name().parse().map_err(why)?);
    validation.set_audience(&[AUDIENCE]);
    validation.set_issuer(&[ISSUER]);
    validation.set_required_spec_claims(&["exp", "iss", "aud"]);
    validation.validate_nbf = true;
    let keys = vec![DecodingKey::from_jwk(&jwks.keys[0]).map_err(why)?];
    let decoder: Decoder<User> = Arc::new(LocalDecoder::new(keys, validation).map_err(why)?);
    proven::<_, Body, _>(name, Router::new().route("/", get(handler)).with_state(decoder), stand, &stand.token)
}

fn tower_oauth2_resource_server(name: &str, stand: &Stand) -> Measured {
    use tower_oauth2_resource_server::server::OAuth2ResourceServer;
    use tower_oauth2_resource_server::tenant::TenantConfiguration;
    use tower_oauth2_resource_server::validation::ClaimsValidationSpec;
    async fn handler(Extension(user): Extension<User>) -> String {
        user.name
    }
    let tenant = TenantConfiguration::static_builder(stand.jwks())
        .claims_validation(ClaimsValidationSpec::recommended(ISSUER, &vec![AUDIENCE.to_owned()]))
        .allowed_algorithms(&[stand.jose_name().parse().map_err(why)?])
        .build()
        .map_err(why)?;
    let server = OAuth2ResourceServer::<User>::builder().add_tenant(tenant).build();
    let layer = requests::runtime().block_on(server).map_err(why)?.into_layer();
    proven::<_, Body, _>(
        name,
        Router::new().route("/", get(handler)).layer(layer).with_state::<()>(()),
        stand,
        &stand.token,
    )
}

fn oauth_resource_server(name: &str, stand: &Stand) -> Measured {
    use axum::http::StatusCode;
    use oauth_resource_server::axum::AuthLayer;
    use oauth_resource_server::{AuthorizedToken, KeyNaming, OAuthConfig, OAuthValidator};
    async fn handler(token: AuthorizedToken) -> Result<String, StatusCode> {
        token.claims_as::<User>().map(|user| user.name).map_err(|_| StatusCode::UNAUTHORIZED)
    }
    if stand.algorithm == Algorithm::HS256 {
        return Err("it takes public keys only".to_owned());
    }
    let config = OAuthConfig {
        enabled: true,
        issuer: ISSUER.to_owned(),
        jwks_uri: Some(serve(|_| vec![("/jwks", stand.jwks())]).map_err(why)? + "/jwks"),
        audience: AUDIENCE.to_owned(),
        resource: AUDIENCE.to_owned(),
        allow_unscoped_tokens: true,
        algorithms: vec![stand.jose_name().to_owned()],
        ..OAuthConfig::default()
    };
    let config = config.resolve(KeyNaming::Dotted("oauth")).map_err(why)?.ok_or("it is not enabled")?;
    let validator = OAuthValidator::builder(&config).initial_jwks(&stand.jwks()).build().map_err(why)?;
    let layer = AuthLayer::builder().oauth(Arc::new(validator)).build().map_err(why)?;
    proven::<_, Body, _>(
        name,
        Router::new().route("/", get(handler)).layer(layer).with_state::<()>(()),
        stand,
        &stand.token,
    )
}

fn axum_keycloak_auth(name: &str, stand: &Stand) -> Measured {
    use axum_keycloak_auth::decode::KeycloakToken;
    use axum_keycloak_auth::instance::{KeycloakAuthInstance, KeycloakConfig};
    use axum_keycloak_auth::layer::KeycloakAuthLayer;
    /// `sub` is the library's own.
    #[derive(Clone, Deserialize)]
    struct More {
        name: String,
        #[expect(dead_code, reason = "decoded for a fair comparison")]
        email: String,
    }
    async fn handler(Extension(token): Extension<KeycloakToken<String, More>>) -> String {
        token.extra.name
    }
    if stand.algorithm == Algorithm::HS256 {
        return Err("it takes public keys only".to_owned());
    }
    let documents = |address: &str| {
        let discovery = json!({
            "issuer": ISSUER,
            "authorization_endpoint": format!("{address}/authorize"),
            "jwks_uri": format!("{address}/jwks"),
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [stand.jose_name()],
        });
        vec![("/realms/main/.well-known/openid-configuration", discovery.to_string()), ("/jwks", stand.jwks())]
    };
    let server = serve(documents).map_err(why)?.parse().map_err(why)?;
    let config = KeycloakConfig::builder().server(server).realm("main".to_owned()).build();
    let discovered = async {
        let instance = KeycloakAuthInstance::new(config);
        while !instance.is_operational().await {
            tokio::task::yield_now().await;
        }
        instance
    };
    let instance = requests::runtime()
        .block_on(async { tokio::time::timeout(Duration::from_secs(10), discovered).await })
        .map_err(|_| "it found no keys".to_owned())?;
    let layer = KeycloakAuthLayer::<String, More>::builder()
        .instance(instance)
        .expected_audiences(vec![AUDIENCE.to_owned()])
        .build();
    proven::<_, Body, _>(
        name,
        Router::new().route("/", get(handler)).layer(layer).with_state::<()>(()),
        stand,
        &stand.keycloak(),
    )
}

/// Serves documents on this machine until the process ends. Returns the server's address, which `documents` also gets.
fn serve(documents: impl FnOnce(&str) -> Vec<(&'static str, String)>) -> std::io::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = format!("http://{}", listener.local_addr()?);
    let documents = documents(&address);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let lines = BufReader::new(&stream).lines().map_while(Result::ok).take_while(|line| !line.is_empty());
            let head: Vec<String> = lines.collect();
            let path = head.first().and_then(|line| line.split(' ').nth(1));
            let document = documents.iter().find(|(at, _)| Some(*at) == path).map_or("", |(_, document)| document);
            let fields = format!("content-type: application/json\r\ncontent-length: {}", document.len());
            let _ = write!(stream, "HTTP/1.1 200 OK\r\n{fields}\r\nconnection: close\r\n\r\n{document}");
        }
    });
    Ok(address)
}
