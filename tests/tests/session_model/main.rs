//! The protocol between the processes of a fleet and their session store, as a seeded simulation.
//!
//! The sessions, verifiers and revocation lists are the real ones. The store follows a script: it goes down, loses requests
//! and answers, carries operations out late, and is restored to an earlier state. Clocks are apart, messages between the
//! processes are late, clients have two tabs and give up, and thieves copy refresh tokens. Some browsers bind their session to a
//! key of their device. In every history:
//!
//! - no client is accused of reuse if its tokens were not copied, and no client is logged out that did not log out;
//! - nothing that ended is alive once messages have arrived and every process has checked its ended sessions;
//! - no refresh succeeds whose access token is refused;
//! - when the store is back, every live session can be refreshed;
//! - a thief and the owner of a session don't both keep it;
//! - a copy of a token with a key gets a thief nothing and does its owner no harm. A copy from before the registration does not
//!   either, unless the store has lost the registration, and then only until the browser's next refresh.
//!
//! A violation prints its seed: `JWT_SEED` repeats one history, and `JWT_HISTORIES` sets how many are tried. `late` has the seeds
//! that broke a promise once.

mod answers;
mod calm;
mod client;
mod device;
mod late;
mod process;
mod random;
mod store;
mod world;

use std::env;

use world::World;

fn number(variable: &str) -> Option<u64> {
    env::var(variable).ok().map(|text| text.parse().expect("a number"))
}

#[test]
fn whatever_happens_sessions_keep_their_promises() {
    if let Some(seed) = number("JWT_SEED") {
        let mut world = World::new(seed);
        world.run();
        return println!("{}", world.trace.join("\n"));
    }
    let (mut refreshed, mut adopted, mut ended, mut accused) = (0, 0, 0, 0);
    let (mut bound, mut worthless, mut locked_out) = (0, 0, 0);
    for seed in 0..number("JWT_HISTORIES").unwrap_or(250) {
        let mut world = World::new(seed);
        world.run();
        refreshed += world.refreshed;
        adopted += world.went_back;
        ended += world.clients.iter().filter(|client| client.ended).count();
        accused += world.accused;
        bound += world.bound;
        worthless += world.worthless;
        locked_out += world.locked_out;
    }
    println!("{refreshed} refreshes, {adopted} restored stores, {ended} ended sessions, {accused} thefts noticed");
    println!("{bound} refreshes with a key, {worthless} worthless copies, {locked_out} unanswered registrations");
    // The histories contain faults of every kind.
    assert!(refreshed > 500 && adopted > 50 && ended > 100 && accused > 10);
    assert!(bound > 100 && worthless > 5);
}
