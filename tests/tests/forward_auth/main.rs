//! The program `gate`: by itself on both frameworks, and behind real proxies.

mod answers;
mod nonces;
mod proxies;
mod proxy;
mod reload;
mod site;
