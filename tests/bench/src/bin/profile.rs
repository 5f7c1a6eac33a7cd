use jwt_bench::{requests::{self, Hand}, stand::Stand};
use jwt_core::{Algorithm, verify::TokenCache};
fn main() {
    let stand = Stand::new(Algorithm::ES256);
    let cached = stand.builder(0).token_cache(TokenCache::new()).build().unwrap();
    let hand = Hand { key: stand.decoding_key().into(), validation: stand.validation().into() };
    let which: usize = std::env::args().nth(1).unwrap().parse().unwrap();
    let (name, router) = requests::routers(&cached, &cached, &hand).remove(which);
    let mut c = requests::axum(name, router, &stand.token, 200);
    (c.run)(1_000_000);
}
