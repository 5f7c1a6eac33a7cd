//! What takes more than one request: keys that change, floods, and an issuer that is down.

use std::time::Duration;

use jwt_core::Algorithm;
use jwt_core::crypto::SigningKey;

use crate::Outcome;
use crate::cases::Level;
use crate::issuer::Issuer;
use crate::report::{Report, Verdict};
use crate::server::{Answer, Request, Server};

/// Tokens with invented key names in a flood.
const FLOOD: usize = 40;
/// Fetches of the key set that a flood may cause.
const FETCHES: usize = 10;

pub(crate) async fn check(server: &Server, issuer: Issuer, patience: Duration, report: &mut Report) -> Outcome<()> {
    let stolen = ["/stolen/jku", "/stolen/x5u"].map(|path| issuer.requests(path)).iter().sum::<usize>();
    report.add(Verdict {
        name: "life/no-fetch-for-a-token",
        source: "RFC 8725 3.10",
        level: Level::Must,
        about: "the addresses in `jku` and `x5u` were not fetched",
        passed: stolen == 0,
        found: format!("{stolen} requests"),
    });

    let before = issuer.requests("/jwks");
    for number in 0..FLOOD {
        let kid = format!("invented-{number}");
        server.ask(&Request::bearer(issuer.token_by(&issuer.stranger).header("kid", kid).sign())).await;
    }
    let fetches = issuer.requests("/jwks") - before;
    report.add(Verdict {
        name: "life/flood",
        source: "RFC 8725 3.10",
        level: Level::Should,
        about: "invented key names cause few fetches",
        passed: fetches <= FETCHES,
        found: format!("{fetches} fetches for {FLOOD} tokens"),
    });

    let next = SigningKey::generate(Algorithm::RS256)?.with_kid("rs-2");
    issuer.publish(&[&issuer.rs256, &issuer.es256, &next]);
    let by_next = || Request::bearer(issuer.token_by(&next).sign());
    let answer = server.ask_until(patience, by_next, Answer::is_accepted).await;
    report.add(Verdict {
        name: "life/new-key",
        source: "RFC 7517 4.5",
        level: Level::Should,
        about: "a new key is accepted without a restart",
        passed: answer.is_accepted(),
        found: format!("{answer} after {} s", patience.as_secs()),
    });

    issuer.stop();
    for (name, key) in [("life/issuer-down", &issuer.rs256), ("life/issuer-down-other-key", &issuer.es256)] {
        let answer = server.ask(&Request::bearer(issuer.token_by(key).sign())).await;
        report.add(Verdict {
            name,
            source: "RFC 7517 5",
            level: Level::Should,
            about: "known keys work while the issuer is down",
            passed: answer.is_accepted(),
            found: answer.to_string(),
        });
    }
    Ok(())
}
