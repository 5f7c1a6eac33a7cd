//! Issuers that are looked up when a token names them.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use jwt_core::Step;
use jwt_core::testing::ManualClock;
use jwt_core::testing::{AUDIENCE, Document, Script, ScriptedIssuer, TestToken};
use jwt_core::verify::IssuerResolver;
use jwt_core::{ErrorKind, TrustedIssuer, Verifier};

use super::lab::{seconds, within};

/// Tenants with their own issuers.
#[derive(Clone, Default)]
struct Tenants {
    known: Arc<Mutex<HashSet<String>>>,
    looked_up: Arc<Mutex<Vec<String>>>,
    down: Arc<Mutex<bool>>,
}

impl Tenants {
    async fn add(&self) -> ScriptedIssuer {
        let issuer = ScriptedIssuer::start().await.expect("an issuer");
        self.known.lock().expect("no panic").insert(issuer.name().to_owned());
        issuer
    }

    fn looked_up(&self) -> usize {
        self.looked_up.lock().expect("no panic").len()
    }

    fn verifier(&self, clock: ManualClock) -> Verifier {
        let tenants = self.clone();
        let builder = Verifier::builder().clock(clock).issuer_resolver(
            IssuerResolver::new(
                |name| name.starts_with("http://127.0.0.1:"),
                move |name: Arc<str>| {
                    let tenants = tenants.clone();
                    async move {
                        tenants.looked_up.lock().expect("no panic").push(name.to_string());
                        if *tenants.down.lock().expect("no panic") {
                            return Err("the tenants are out of reach".into());
                        }
                        let known = tenants.known.lock().expect("no panic").contains(&*name);
                        Ok(known.then(|| TrustedIssuer::discover(name).audience(AUDIENCE)))
                    }
                },
            )
            .max_issuers(100),
        );
        builder.build().expect("a verifier")
    }
}

async fn ask(verifier: &Verifier, draft: &TestToken) -> Result<(), ErrorKind> {
    within(verifier.verify(&draft.sign())).await.map(drop).map_err(|error| error.kind())
}

fn at_once(verifier: &Verifier, draft: &TestToken) -> Result<(), ErrorKind> {
    match verifier.verify_step(&draft.sign(), None) {
        Step::Ready(outcome) => outcome.map(drop).map_err(|error| error.kind()),
        other => panic!("a request waits: {other:?}"),
    }
}

#[tokio::test]
async fn a_name_can_be_rejected_before_anything_is_looked_up() {
    let tenants = Tenants::default();
    let tenant = tenants.add().await;
    let verifier = tenants.verifier(tenant.clock());
    for name in ["https://id.example", "http://127.0.0.2:80", "", &tenant.name().replace("http", "HTTP")] {
        assert_eq!(at_once(&verifier, &tenant.token().of_issuer(name)), Err(ErrorKind::UnknownIssuer), "{name}");
    }
    assert_eq!((tenants.looked_up(), tenant.received()), (0, vec![]));
    // A name that could be a tenant's, but isn't.
    let other = ScriptedIssuer::start().await.expect("an issuer");
    assert_eq!(ask(&verifier, &other.token()).await, Err(ErrorKind::UnknownIssuer));
    assert_eq!((tenants.looked_up(), other.received()), (1, vec![]));
    assert_eq!(ask(&verifier, &tenant.token()).await, Ok(()));
    assert_eq!(at_once(&verifier, &tenant.token()), Ok(()));
    assert_eq!((tenants.looked_up(), tenant.requests(Document::KeySet)), (2, 1));
}

#[tokio::test]
async fn an_unavailable_directory_is_an_outage_and_not_a_rejection() {
    let tenants = Tenants::default();
    let tenant = tenants.add().await;
    let verifier = tenants.verifier(tenant.clock());
    *tenants.down.lock().expect("no panic") = true;
    assert_eq!(ask(&verifier, &tenant.token()).await, Err(ErrorKind::KeysUnavailable));
    *tenants.down.lock().expect("no panic") = false;
    tenant.clock().advance(seconds(1));
    assert_eq!(ask(&verifier, &tenant.token()).await, Ok(()));
    *tenants.down.lock().expect("no panic") = true;
    assert_eq!(at_once(&verifier, &tenant.token()), Ok(()), "the tenant was looked up before");
}

#[tokio::test]
async fn a_tenant_whose_issuer_is_down_is_an_outage_only_of_that_tenant() {
    let tenants = Tenants::default();
    let (down, well) = (tenants.add().await, tenants.add().await);
    down.script_all(Script::HangUp);
    let verifier = tenants.verifier(well.clock());
    assert_eq!(ask(&verifier, &down.token()).await, Err(ErrorKind::KeysUnavailable));
    assert_eq!(ask(&verifier, &well.token()).await, Ok(()));
    // Any token can name a tenant, so tenants don't affect the service's readiness.
    assert_eq!((verifier.is_ready(), verifier.readiness().status, verifier.key_set_status().len()), (true, 200, 0));
    assert_eq!(verifier.fetch_keys().await, Ok(()));
}

#[tokio::test]
async fn e20_equal_key_names_of_two_issuers_are_never_mixed_up() {
    let tenants = Tenants::default();
    let (a, b) = (tenants.add().await, tenants.add().await);
    assert_eq!((a.key().kid(), b.key().kid()), (Some("key-1"), Some("key-1")));
    let given = [&a, &b].into_iter().fold(Verifier::builder().clock(a.clock()), |builder, issuer| {
        builder.issuer(TrustedIssuer::discover(issuer.name()).audience(AUDIENCE))
    });
    for verifier in [tenants.verifier(a.clock()), given.build().expect("a verifier")] {
        for (issuer, other) in [(&a, &b), (&b, &a), (&a, &b)] {
            assert_eq!(ask(&verifier, &issuer.token().forged_with(&other.key())).await, Err(ErrorKind::BadSignature));
            assert_eq!(ask(&verifier, &issuer.token().of_issuer(other.name())).await, Err(ErrorKind::BadSignature));
            assert_eq!(ask(&verifier, &issuer.token()).await, Ok(()));
        }
    }
    assert_eq!((a.requests(Document::KeySet), b.requests(Document::KeySet)), (2, 2));
}

#[tokio::test]
async fn at_the_limit_the_least_recently_used_issuer_is_dropped() {
    let tenants = Tenants::default();
    let mut issuers = Vec::new();
    for _ in 0..101 {
        issuers.push(tenants.add().await);
    }
    let verifier = tenants.verifier(issuers[0].clock());
    for issuer in &issuers[..100] {
        assert_eq!(ask(&verifier, &issuer.token()).await, Ok(()));
    }
    assert_eq!(tenants.looked_up(), 100);
    // The first is used again, so the second is dropped.
    assert_eq!(at_once(&verifier, &issuers[0].token()), Ok(()));
    assert_eq!(ask(&verifier, &issuers[100].token()).await, Ok(()));
    assert_eq!(tenants.looked_up(), 101);
    for issuer in issuers.iter().filter(|issuer| issuer.name() != issuers[1].name()) {
        assert_eq!(at_once(&verifier, &issuer.token()), Ok(()));
    }
    assert_eq!(ask(&verifier, &issuers[1].token()).await, Ok(()));
    assert_eq!((tenants.looked_up(), issuers[1].requests(Document::KeySet)), (102, 2));
}
