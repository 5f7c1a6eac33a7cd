//! Starts real proxies with a configuration each.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use reqwest::Method;

use super::site::send;

/// A kind of proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Nginx,
    Caddy,
    /// Caddy with the configuration that passes nonces on.
    CaddyNonces,
    HaProxy,
    Traefik,
    Envoy,
}

/// A running proxy. It's killed when this is dropped.
pub(crate) struct Proxy {
    process: Child,
    pub(crate) url: String,
}

impl Proxy {
    /// Starts a proxy between clients and `upstream`, which asks the gate about each request.
    pub(crate) async fn start(kind: Kind, folder: &Path, gate: SocketAddr, upstream: SocketAddr) -> Self {
        let port =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|socket| socket.local_addr()).expect("a port").port();
        let guide = include_str!("../../../jwt-core/doc/gate.md");
        let (language, name) = match kind {
            Kind::Nginx => ("nginx", "nginx.conf"),
            Kind::Caddy | Kind::CaddyNonces => ("caddyfile", "Caddyfile"),
            Kind::HaProxy => ("haproxy", "haproxy.cfg"),
            Kind::Traefik => ("yaml\n# Traefik", "routes.yaml"),
            Kind::Envoy => ("yaml\n# Envoy", "envoy.yaml"),
        };
        let filled = |language: &str| {
            let start = format!("```{language}\n");
            let mut blocks = guide.split(&start).skip(1).filter_map(|rest| rest.split("```").next());
            let mut block = blocks.next().unwrap_or_else(|| panic!("the guide has a block {language}")).to_owned();
            if kind == Kind::CaddyNonces {
                let short = block.find("\t\tforward_auth").zip(block.find("\t\trequest_header -Authorization"));
                let (start, end) = short.expect("the guide has the short form");
                block.replace_range(start..end, blocks.next().expect("the guide has the long form"));
            }
            let block =
                block.replace("127.0.0.1:4180", &gate.to_string()).replace("127.0.0.1:3000", &upstream.to_string());
            let block =
                [(8080, port), (4180, gate.port()), (3000, upstream.port())].iter().fold(block, |block, (from, to)| {
                    block.replace(&format!("port_value: {from} "), &format!("port_value: {to} "))
                });
            block.replace("127.0.0.1:8080", &format!("127.0.0.1:{port}")).replace("gate.lua", &path(folder, "gate.lua"))
        };
        let config = match kind {
            Kind::Nginx => nginx(folder, &filled(language)),
            Kind::Caddy | Kind::CaddyNonces => format!("{{\n\tadmin off\n\tauto_https off\n}}\n{}", filled(language)),
            Kind::HaProxy | Kind::Traefik | Kind::Envoy => filled(language),
        };
        let file = folder.join(name);
        fs::write(&file, config).expect("a file");
        let mut command = match kind {
            Kind::Nginx => command("nginx", &["-e", &path(folder, "error.log"), "-p", &path(folder, ""), "-c"]),
            Kind::Caddy | Kind::CaddyNonces => command("caddy", &["run", "--adapter", "caddyfile", "--config"]),
            Kind::HaProxy => {
                fs::write(folder.join("gate.lua"), filled("lua")).expect("a file");
                command("haproxy", &["-db", "-f"])
            }
            Kind::Traefik => {
                let address = format!("--entrypoints.site.address=127.0.0.1:{port}");
                packaged("traefik", &["--global.checknewversion=false", &address, "--providers.file.filename"])
            }
            Kind::Envoy => {
                packaged("envoy", &["--use-dynamic-base-id", "--concurrency", "2", "--log-level", "warn", "-c"])
            }
        };
        command.arg(&file).env("HOME", folder).env("XDG_DATA_HOME", folder).env("XDG_CONFIG_HOME", folder);
        let log = fs::File::create(folder.join("proxy.log")).expect("a file");
        let process = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn();
        let mut proxy = Self {
            process: process.unwrap_or_else(|error| panic!("{kind:?} must be installed: {error}")),
            url: format!("http://127.0.0.1:{port}"),
        };
        for _ in 0..200 {
            let listens = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok();
            // Traefik listens before it knows its routes.
            if listens && (kind != Kind::Traefik || send(Method::GET, &proxy.url, &[]).await.status() != 404) {
                return proxy;
            }
            if proxy.process.try_wait().expect("a process").is_some() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{kind:?} doesn't start: {}", fs::read_to_string(folder.join("proxy.log")).unwrap_or_default());
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn path(folder: &Path, name: &str) -> String {
    folder.join(name).to_str().expect("text").to_owned()
}

/// In Debian, `/usr/sbin` isn't on every user's path.
fn command(name: &str, arguments: &[&str]) -> Command {
    let system = Path::new("/usr/sbin").join(name);
    let mut command = if system.exists() { Command::new(system) } else { Command::new(name) };
    command.args(arguments);
    command
}

/// A proxy that comes as a Python package.
fn packaged(name: &str, arguments: &[&str]) -> Command {
    let programs = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/venv/bin");
    let mut command = Command::new(programs.join(name));
    command.args(arguments);
    command
}

/// The rest of nginx's configuration: one process, whose files are all in the folder.
fn nginx(folder: &Path, server: &str) -> String {
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let temporary: String =
        temporary.iter().map(|name| format!("{name}_temp_path {};\n", path(folder, name))).collect();
    format!(
        "daemon off;\nmaster_process off;\npid {};\nevents {{}}\nhttp {{\naccess_log off;\n{temporary}{server}\n}}\n",
        path(folder, "nginx.pid")
    )
}
