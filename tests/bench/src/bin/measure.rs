//! Measures everything and writes the report. The first argument is the number of rounds, 101 by default.

use std::hint::black_box;
use std::time::Instant;

use axum::body::Body;
use jwt_bench::proof;
use jwt_bench::race::{Contender, Outcome, TURN, race};
use jwt_bench::report::{Report, counted, resident_bytes};
use jwt_bench::requests::{self, Hand};
use jwt_bench::sockets;
use jwt_bench::stand::{ALGORITHMS, Stand};
use jwt_bench::verify::{self, share};
use jwt_core::verify::TokenCacheSettings;
use jwt_core::{Algorithm, Step};

/// The panels of the chart.
const TOKENS: &str = "One token, verified and decoded";
const REQUESTS: &str = "One request in axum, in process";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Each number in a process of its own, because memory that was used before would be reused.
    if std::env::args().nth(1).as_deref() == Some("memory") {
        return memory(std::env::args().nth(2).as_deref() == Some("digests"));
    }
    let rounds = std::env::args().nth(1).and_then(|rounds| rounds.parse().ok()).unwrap_or(101);
    let mut report = Report::start();
    let stands: Vec<Stand> = ALGORITHMS.into_iter().map(Stand::new).collect();

    // First, because these programs may have to be built.
    let verification = counted("paths", &["run"], Some(&stands.iter().map(Stand::public).collect()))?;
    let request = counted("allocations", &[], None)?;

    report.section("A token to the application's own type");
    report.table(&["algorithm", "", "ns", "of the primitive", "of jsonwebtoken", "over the primitive, ns"]);
    for stand in &stands {
        let results = race(verify::contenders(stand, 0), rounds, TURN);
        let theirs = find(&results, verify::THEIRS);
        for result in &results {
            report.row(&[
                stand.algorithm.name(),
                &result.name,
                &format!("{:.0}", result.nanos),
                &format!("{:.3}", result.ratio_to(&results[0])),
                &format!("{:.3}", result.ratio_to(theirs)),
                &format!("{:.0}", result.over(&results[0])),
            ]);
        }
        report.bars(TOKENS, stand.algorithm.name(), &results);
    }

    report.section("The size of a token");
    report.table(&["algorithm", "bytes", "of jsonwebtoken", "over the primitive, ns"]);
    for stand in &stands[..2] {
        let mut over = Vec::new();
        for padding in [0, 1_000, 5_500] {
            let results = race(verify::contenders(stand, padding), rounds, TURN);
            let (ours, theirs) = (find(&results, verify::OURS), find(&results, verify::THEIRS));
            let bytes = stand.good(0, padding).len();
            over.push((bytes as f64, ours.over(&results[0])));
            let (ratio, nanos) = (format!("{:.3}", ours.ratio_to(theirs)), format!("{:.0}", over[over.len() - 1].1));
            report.row(&[stand.algorithm.name(), &bytes.to_string(), &ratio, &nanos]);
        }
        let slope = (over[2].1 - over[0].1) / (over[2].0 - over[0].0);
        report.row(&[stand.algorithm.name(), "each more", "", &format!("{slope:.2}")]);
    }

    for (framework, section) in
        [("axum", "A request in axum, in process"), ("actix", "A request in actix-web, in process")]
    {
        report.section(section);
        report.table(&["algorithm", "", "ns", "of jsonwebtoken by hand", "over no authentication, ns"]);
        for stand in &stands {
            let (verifier, cached) =
                (stand.verifier(), stand.builder(0).token_cache(TokenCacheSettings::new()).build()?);
            let hand = Hand::new(stand);
            let mut absent = Vec::new();
            let contenders = match framework {
                "axum" => {
                    let routers = requests::routers(&verifier, &cached, &hand).into_iter();
                    let own =
                        routers.map(|(name, router)| requests::axum::<_, Body, _>(name, router, &stand.token, 200));
                    own.chain(peers(stand, &mut absent)).collect()
                }
                _ => requests::actix(&verifier, &cached, &hand, &stand.token, &stand.tampered()),
            };
            let results = race(contenders, rounds, TURN);
            for result in &results {
                report.row(&[
                    stand.algorithm.name(),
                    &result.name,
                    &format!("{:.0}", result.nanos),
                    &format!("{:.3}", result.ratio_to(&results[1])),
                    &format!("{:.0}", result.over(&results[0])),
                ]);
            }
            for (name, why) in absent {
                report.row(&[stand.algorithm.name(), &name, &format!("not measured: {why}"), "", ""]);
            }
            if framework == "axum" && matches!(stand.algorithm, Algorithm::RS256 | Algorithm::ES256) {
                report.bars(REQUESTS, stand.algorithm.name(), &results);
            }
        }
    }

    report.section("The layer around nothing but a service, HS256");
    report
        .text("What it costs besides verifying: it finds the token, and lays what it verified where handlers find it.");
    report.table(&["", "", "ns", "over a service that verifies first, ns"]);
    let stand = &stands[0];
    for (case, verifier) in [
        ("a new token", stand.verifier()),
        ("a known token", stand.builder(0).token_cache(TokenCacheSettings::new()).build()?),
    ] {
        let results = race(requests::bare(&verifier, &stand.token), rounds, TURN);
        for result in &results {
            let over =
                if result.name == requests::LAYER { format!("{:.0}", result.over(&results[1])) } else { String::new() };
            report.row(&[case, &result.name, &format!("{:.0}", result.nanos), &over]);
        }
    }

    report.section("Requests over sockets, axum");
    report.text(&format!(
        "A server in one thread, {} connections from another, on this machine. The client is in it too, and is the same for all.",
        sockets::CONNECTIONS
    ));
    report.table(&["algorithm", "", "requests a second", "of jsonwebtoken by hand", "of no authentication"]);
    for stand in &stands[1..3] {
        let (verifier, cached) = (stand.verifier(), stand.builder(0).token_cache(TokenCacheSettings::new()).build()?);
        let routers = requests::routers(&verifier, &cached, &Hand::new(stand)).into_iter();
        let contenders = routers.filter(|(name, _)| *name != requests::EMPTY);
        let contenders = contenders.map(|(name, router)| sockets::axum(name, router, &stand.token)).collect();
        let results = race(contenders, rounds.div_ceil(2), sockets::TURN);
        for result in &results {
            report.row(&[
                stand.algorithm.name(),
                &result.name,
                &format!("{:.0}", 1e9 / result.nanos),
                &format!("{:.2}", results[1].ratio_to(result)),
                &format!("{:.2}", results[0].ratio_to(result)),
            ]);
        }
    }

    report.section("A refusal in axum, in process, RS256");
    report.table(&["token", "", "ns", "of jsonwebtoken by hand"]);
    let stand = &stands[1];
    for (case, token) in [
        ("garbage", Stand::garbage()),
        ("an unknown key", stand.unknown_key()),
        ("no algorithm", stand.unsigned()),
        ("a bad signature", stand.tampered()),
        ("expired", stand.expired()),
    ] {
        let routers = requests::routers(&stand.verifier(), &stand.verifier(), &Hand::new(stand)).into_iter();
        // The hand-written extractor ignores `kid`.
        let status = |name: &str| match (name, case) {
            (requests::NOTHING | requests::EMPTY, _) | (requests::HAND, "an unknown key") => None,
            (requests::HAND | requests::OURS, _) => Some(401),
            _ => None,
        };
        let contenders: Vec<Contender> = routers
            .filter_map(|(name, router)| Some(requests::axum::<_, Body, _>(name, router, &token, status(name)?)))
            .collect();
        let results = race(contenders, rounds, TURN);
        for result in &results {
            let ratio = if results.len() > 1 { format!("{:.3}", result.ratio_to(&results[0])) } else { String::new() };
            report.row(&[case, &result.name, &format!("{:.0}", result.nanos), &ratio]);
        }
    }

    proof::section(&mut report, rounds);

    report.section("Keys in the issuer's set, ES256");
    report.table(&["keys", "ns", "of one key"]);
    let stand = &stands[2];
    let contenders = [0, 9, 99].map(|others| {
        let (verifier, token) = (stand.builder(others).build().expect("a verifier"), stand.token.clone());
        Contender::each((others + 1).to_string(), move || drop(black_box(verify::verify(&verifier, &token))))
    });
    let results = race(contenders.into(), rounds, TURN);
    for result in &results {
        report.row(&[&result.name, &format!("{:.0}", result.nanos), &format!("{:.3}", result.ratio_to(&results[0]))]);
    }

    report.section("One token in the hands of two threads, seen before");
    report.table(&["threads", "ns for each", "of one"]);
    let (one, two) = threads(&stands[2], rounds)?;
    report.row(&["1", &format!("{one:.0}"), ""]);
    report.row(&["2", &format!("{two:.0}"), &format!("{:.2}", two / one)]);

    report.section("From nothing to the first verified token, ES256");
    report.table(&["", "µs"]);
    let token = stands[2].token.clone();
    let start = Instant::now();
    let verifier = stands[2].verifier();
    assert!(verify::verify(&verifier, &token).is_ok());
    report.row(&["a verifier of one key, and one token", &format!("{:.0}", start.elapsed().as_nanos() as f64 / 1e3)]);

    report.section("Memory of 100,000 known tokens, RS256");
    report.table(&["", "MiB"]);
    for (name, form) in [("whole tokens", "whole"), ("digests", "digests")] {
        let output = std::process::Command::new(std::env::current_exe()?).args(["memory", form]).output()?;
        report.row(&[name, String::from_utf8(output.stdout)?.trim()]);
    }

    report.section("Allocations of one verification");
    report.table(&["path", "allocations"]);
    for row in verification {
        report.row(&row.iter().map(String::as_str).collect::<Vec<_>>());
    }

    report.section("Allocations of one request, RS256");
    report.table(&["framework", "", "allocations", "more than the first"]);
    for row in request {
        report.row(&row.iter().map(String::as_str).collect::<Vec<_>>());
    }
    report.write()
}

/// Returns other libraries, and the ones that cannot be measured with the reason.
#[cfg(feature = "peers")]
fn peers(stand: &Stand, absent: &mut Vec<(String, String)>) -> Vec<Contender> {
    let measured = jwt_bench::peers::all(stand).into_iter();
    measured.filter_map(|(name, measured)| measured.map_err(|why| absent.push((name, why))).ok()).collect()
}

#[cfg(not(feature = "peers"))]
fn peers(_: &Stand, _: &mut Vec<(String, String)>) -> Vec<Contender> {
    Vec::new()
}

fn find<'r>(results: &'r [Outcome], name: &str) -> &'r Outcome {
    results.iter().find(|result| result.name == name).expect("a contender")
}

/// Returns the cost of a hit for one thread, and for each of two.
fn threads(stand: &Stand, rounds: usize) -> Result<(f64, f64), Box<dyn std::error::Error>> {
    let verifier = stand.builder(0).token_cache(TokenCacheSettings::new()).build()?;
    let run = || {
        let start = Instant::now();
        (0..20_000).for_each(|_| drop(black_box(share(&verifier, &stand.token))));
        start.elapsed().as_nanos() as f64 / 20_000.0
    };
    run();
    let (mut one, mut two) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        one.push(run());
        let both = std::thread::scope(|scope| {
            let other = scope.spawn(run);
            run().max(other.join().expect("no panic"))
        });
        two.push(both);
    }
    Ok((jwt_bench::race::median(one), jwt_bench::race::median(two)))
}

fn memory(digests: bool) -> Result<(), Box<dyn std::error::Error>> {
    const TOKENS: usize = 100_000;
    let stand = Stand::new(Algorithm::RS256);
    let settings = TokenCacheSettings::new().max_entries(2 * TOKENS).max_bytes(1 << 30);
    let settings = if digests { settings.digests() } else { settings };
    let verifier = stand.builder(0).token_cache(settings).build()?;
    assert!(verify::verify(&verifier, &stand.token).is_ok());
    let before = resident_bytes();
    for number in 0..TOKENS {
        match verifier.verify_step(&stand.good(number, 0), None) {
            Step::Ready(Ok(_)) => {}
            other => panic!("{other:?}"),
        }
    }
    let held = verifier.token_cache_status().expect("a cache").entries;
    println!("{:.0}", (resident_bytes() - before) as f64 / held as f64 * TOKENS as f64 / f64::from(1 << 20));
    Ok(())
}
