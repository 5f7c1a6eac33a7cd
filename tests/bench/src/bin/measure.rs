use jwt_bench::race::race;
use jwt_bench::stand::{ALGORITHMS, Stand};
use jwt_bench::verify;

fn main() {
    let rounds = std::env::args().nth(1).and_then(|rounds| rounds.parse().ok()).unwrap_or(25);
    for algorithm in ALGORITHMS {
        let stand = Stand::new(algorithm);
        let results = race(verify::contenders(&stand, 0), rounds);
        let floor = results[0].clone();
        print!("{algorithm} token {}:", stand.token.len());
        for result in &results {
            print!(
                "  {} {:.0} [{:.3} floor, +{:.0}]",
                result.name,
                result.nanos,
                result.ratio_to(&floor),
                result.over(&floor)
            );
        }
        println!(" ours/theirs {:.3}", results[1].ratio_to(results.last().unwrap()));
    }
}
