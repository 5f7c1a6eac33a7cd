fn main() {
    let (name, times) = (std::env::args().nth(1).unwrap(), std::env::args().nth(2).unwrap().parse().unwrap());
    for (path, mut run, _) in jwt_bench::paths::all() {
        if path == name { (run.run)(times); }
    }
}
