//! Counts the allocations of one request, in a process of its own because counting takes time.

use std::alloc::System;

use axum::body::Body;
use jwt_bench::race::Contender;
use jwt_bench::requests;
use jwt_bench::stand::Stand;
use jwt_core::Algorithm;
use jwt_core::verify::TokenCacheSettings;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const TIMES: u64 = 100;

fn main() {
    let stand = Stand::new(Algorithm::RS256);
    let verifier = stand.verifier();
    let cached = stand.builder(0).token_cache(TokenCacheSettings::new()).build().expect("a verifier");
    let hand = requests::Hand::new(&stand);
    let routers = requests::routers(&verifier, &cached, &hand).into_iter();
    #[cfg_attr(not(feature = "peers"), expect(unused_mut, reason = "only peers are added"))]
    let mut axum: Vec<Contender> =
        routers.map(|(name, router)| requests::axum::<_, Body, _>(name, router, &stand.token, 200)).collect();
    #[cfg(feature = "peers")]
    axum.extend(jwt_bench::peers::all(&stand).into_iter().filter_map(|(_, measured)| measured.ok()));
    print("axum", axum);
    print("actix-web", requests::actix(&verifier, &cached, &hand, &stand.token, &stand.tampered()));
    print("tower, known token", requests::bare(&cached, &stand.token));
}

/// Prints the framework, the name, and the allocations with and without those of the first.
fn print(framework: &str, contenders: Vec<Contender>) {
    let mut least = None;
    for mut contender in contenders {
        // Warm up: fill the token cache.
        (contender.run)(TIMES);
        let region = Region::new(ALLOCATOR);
        (contender.run)(TIMES);
        let change = region.change();
        let count = (change.allocations + change.reallocations) as u64 / TIMES;
        let over = count as i64 - *least.get_or_insert(count) as i64;
        println!("{framework}\t{}\t{count}\t{over}", contender.name);
    }
}
