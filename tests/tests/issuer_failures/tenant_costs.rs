//! The look-ups and fetches that tenants and forged names cost. The numbers are in `jwt-core/doc/tenants.md`.

use jwt_core::ErrorKind;
use jwt_tests::forge::Forge;
use jwt_tests::setup::good;

use super::lab::{millis, seconds, within};
use super::tenants::{Answer, Tenants, ask, at_once, forged, honest, of, refusal, tenant, thief};

#[tokio::test]
async fn ten_thousand_tenants_cost_one_look_up_and_one_fetch_each() {
    let tenants = Tenants::new();
    let verifier = tenants.verifier(tenants.resolver());
    let tokens: Vec<String> = (0..10_000).map(honest).collect();
    for token in &tokens {
        tenants.clock.advance(millis(10));
        assert_eq!(ask(&verifier, token).await, Ok(()));
    }
    assert_eq!(tenants.cost(), (10_000, 10_000));
    for number in (0..10_000).step_by(7) {
        let another = of(&tenant(number), good().claim("jti", "another"));
        assert_eq!((at_once(&verifier, &another), at_once(&verifier, &tokens[number])), (Ok(()), Ok(())));
    }
    assert_eq!(tenants.cost(), (10_000, 10_000), "all of them are kept");
}

#[tokio::test]
async fn ten_thousand_forged_names_cost_no_more_than_the_budget() {
    let tenants = Tenants::new();
    let verifier = tenants.verifier(tenants.resolver());
    assert_eq!(ask(&verifier, &honest(0)).await, Ok(()));
    let thief = thief();
    let mut refused = [0, 0];
    for number in 1..=10_000 {
        let error = refusal(&verifier, &of(&tenant(number), Forge::new(&thief))).await.expect_err("forged");
        match error.kind() {
            ErrorKind::BadSignature => refused[0] += 1,
            ErrorKind::KeysUnavailable => {
                assert_eq!(error.retry_after(), Some(millis(10)));
                refused[1] += 1;
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((refused, tenants.cost()), ([999, 9_001], (1_000, 1_000)));
    // Names beyond the budget are not remembered, and tenants in use are not affected.
    assert_eq!(at_once(&verifier, &honest(0)), Ok(()));
    tenants.clock.advance(seconds(1));
    for number in 9_000..10_000 {
        let _ = ask(&verifier, &forged(number)).await;
    }
    assert_eq!(tenants.cost(), (1_100, 1_100), "the budget grows by a hundred each second");
    tenants.clock.advance(millis(10));
    assert_eq!(ask(&verifier, &honest(9_999)).await, Ok(()));
}

#[tokio::test]
async fn an_unknown_name_is_looked_up_once_in_half_a_minute() {
    let tenants = Tenants::new();
    tenants.answer(Answer::Unknown);
    let verifier = tenants.verifier(tenants.resolver());
    for _ in 0..1_000 {
        assert_eq!(ask(&verifier, &forged(1)).await, Err(ErrorKind::UnknownIssuer));
    }
    assert_eq!(tenants.cost(), (1, 0));
    tenants.clock.advance(seconds(29));
    assert_eq!(at_once(&verifier, &honest(1)), Err(ErrorKind::UnknownIssuer));
    tenants.clock.advance(seconds(1));
    assert_eq!(ask(&verifier, &honest(1)).await, Err(ErrorKind::UnknownIssuer));
    assert_eq!(tenants.cost(), (2, 0));
    // A tenant is created, and the application reports it.
    tenants.answer(Answer::Known);
    assert_eq!(at_once(&verifier, &honest(1)), Err(ErrorKind::UnknownIssuer));
    verifier.forget_issuer(&tenant(1));
    assert_eq!(ask(&verifier, &honest(1)).await, Ok(()));
    assert_eq!(tenants.cost(), (3, 1));
}

#[tokio::test]
async fn forged_tokens_displace_no_tenant_in_use() {
    let tenants = Tenants::new();
    let resolver = tenants.resolver().max_issuers(100).look_ups(100, 1).key_fetches(10_000, 1);
    let verifier = tenants.verifier(resolver);
    for number in 0..100 {
        assert_eq!(ask(&verifier, &honest(number)).await, Ok(()));
    }
    let thief = thief();
    let forged = |number| of(&tenant(number), Forge::new(&thief));
    for number in 100..300 {
        if number % 100 == 0 {
            tenants.clock.advance(seconds(100));
        }
        assert_eq!(ask(&verifier, &forged(number)).await, Err(ErrorKind::BadSignature));
    }
    assert_eq!(tenants.cost(), (300, 300));
    for number in 0..100 {
        assert_eq!(at_once(&verifier, &honest(number)), Ok(()), "{number}");
    }
    // They have displaced each other: 100 look-ups at once, then 10 in ten seconds.
    // Set 190 is old enough to be asked for again, because its key may have been replaced.
    assert_eq!(ask(&verifier, &forged(190)).await, Err(ErrorKind::BadSignature));
    assert_eq!(at_once(&verifier, &forged(190)), Err(ErrorKind::BadSignature));
    assert_eq!(tenants.cost(), (300, 301));
    assert_eq!(at_once(&verifier, &forged(189)), Err(ErrorKind::KeysUnavailable));
    tenants.clock.advance(seconds(1));
    assert_eq!(ask(&verifier, &forged(189)).await, Err(ErrorKind::BadSignature));
    assert_eq!(tenants.cost(), (301, 302));
}

#[tokio::test]
async fn concurrent_requests_of_one_tenant_share_its_look_up() {
    let tenants = Tenants::new();
    let verifier = tenants.verifier(tenants.resolver());
    let crowd: Vec<_> = (0..100)
        .map(|number| {
            let (verifier, token) = (verifier.clone(), of(&tenant(1), good().claim("jti", number.to_string())));
            tokio::spawn(async move { ask(&verifier, &token).await })
        })
        .collect();
    for request in crowd {
        assert_eq!(within(request).await.expect("no panic"), Ok(()));
    }
    assert_eq!(tenants.cost(), (1, 1));
}

#[tokio::test]
async fn forged_key_names_use_up_the_budget_and_renewals_do_not() {
    let tenants = Tenants::new();
    let resolver = tenants.resolver().lifetime(seconds(100_000)).key_fetches(4, 1);
    let verifier = tenants.verifier(resolver);
    for number in 0..2 {
        assert_eq!(ask(&verifier, &honest(number)).await, Ok(()));
    }
    let invented = |number, kid: &str| of(&tenant(number), good().header("kid", kid));
    for (number, kid, expected) in [
        (0, "a", ErrorKind::UnknownKey),
        (1, "a", ErrorKind::UnknownKey),
        (0, "b", ErrorKind::KeysUnavailable),
        (0, "a", ErrorKind::UnknownKey),
    ] {
        assert_eq!(ask(&verifier, &invented(number, kid)).await, Err(expected), "{number} {kid}");
    }
    assert_eq!(tenants.cost(), (2, 4));
    let error = refusal(&verifier, &honest(2)).await.expect_err("no fetch is left in the budget");
    assert_eq!((error.kind(), error.retry_after()), (ErrorKind::KeysUnavailable, Some(seconds(1))));
    assert_eq!(tenants.cost(), (3, 4));
    // Past the lifetime of their keys, while forged tokens use up the budget.
    tenants.clock.advance(seconds(700));
    for number in 0..4 {
        let _ = ask(&verifier, &invented(1, &number.to_string())).await;
        let _ = ask(&verifier, &forged(10 + number)).await;
    }
    let before = tenants.cost().1;
    assert_eq!(ask(&verifier, &honest(0)).await, Ok(()));
    assert_eq!(tenants.cost().1, before + 1);
}
