//! Measures only the requests with DPoP proofs, and prints the result. The first argument is the number of rounds, 101 by default.

use jwt_bench::proof;
use jwt_bench::report::Report;

fn main() {
    let rounds = std::env::args().nth(1).and_then(|rounds| rounds.parse().ok()).unwrap_or(101);
    let mut report = Report::start();
    proof::section(&mut report, rounds);
    print!("{}", report.tables());
}
