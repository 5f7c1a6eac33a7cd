//! Supabase: "JWT Signing Keys", "JWT Claims Reference".

use jwt_core::ErrorKind;
use jwt_core::Verifier;
use jwt_tests::forge::NOW;
use serde_json::json;

use super::judge;
use super::provider::{CURRENT, NEXT, Provider, jwk, refused};
use super::recipes::{supabase, supabase_person};

const ISSUER: &str = "https://abcdefghijklmnopqrst.supabase.co/auth/v1";

pub(crate) fn provider() -> Provider {
    Provider {
        name: "Supabase",
        recipe: || Verifier::builder().issuer(supabase()),
        documents: vec![(
            "https://abcdefghijklmnopqrst.supabase.co/auth/v1/.well-known/jwks.json",
            json!({"keys": [jwk(CURRENT, "k-1", json!({})), jwk(NEXT, "k-2", json!({}))]}),
        )],
        header: json!({"alg": "RS256", "kid": "k-1", "typ": "JWT"}),
        claims: json!({"iss": ISSUER, "aud": "authenticated", "exp": NOW + 3_600, "iat": NOW, "sub": "6d3b2c1a-0000-4000-8000-000000000001", "role": "authenticated", "aal": "aal1", "session_id": "6d3b2c1a-0000-4000-8000-000000000002", "email": "ada@shop.example", "phone": "", "is_anonymous": false, "app_metadata": {"provider": "email"}, "user_metadata": {}}),
        refused: vec![
            refused("the key of the service", json!({"role": "service_role"}), ErrorKind::WrongClaim),
            refused(
                "an API key of the project",
                json!({"iss": "supabase", "aud": null, "role": "anon"}),
                ErrorKind::UnknownIssuer,
            ),
            refused("another audience", json!({"aud": "anon"}), ErrorKind::WrongAudience),
        ],
    }
}

#[tokio::test]
async fn supabases_anonymous_users_can_be_kept_out() {
    for (claims, met) in
        [(json!({}), true), (json!({"is_anonymous": null}), true), (json!({"is_anonymous": true}), false)]
    {
        let verified = provider().verified(claims.clone()).await;
        assert_eq!(judge(&supabase_person(), &verified).is_ok(), met, "{claims}");
    }
}
