//! Connects to one of several hosts, although others hang.

use std::future::Future;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_postgres::Config;
use tokio_postgres::config::Host;

/// Splits a configuration with several hosts into one for each.
pub(super) fn each_host(config: &Config) -> Vec<Config> {
    let (hosts, addresses, ports) = (config.get_hosts(), config.get_hostaddrs(), config.get_ports());
    let count = hosts.len().max(addresses.len());
    let is_for_each = |length: usize| length == 0 || length == count;
    // The client reports the error.
    let is_invalid =
        !is_for_each(hosts.len()) || !is_for_each(addresses.len()) || ports.len() > 1 && ports.len() != count;
    if count < 2 || is_invalid { vec![config.clone()] } else { (0..count).map(|number| only(config, number)).collect() }
}

/// Copies a configuration with one of its hosts, because the others can't be removed.
fn only(config: &Config, number: usize) -> Config {
    let mut one = Config::new();
    match config.get_hosts().get(number) {
        Some(Host::Tcp(host)) => drop(one.host(host)),
        #[cfg(unix)]
        Some(Host::Unix(path)) => drop(one.host_path(path)),
        None => {}
    }
    if let Some(address) = config.get_hostaddrs().get(number) {
        one.hostaddr(*address);
    }
    let ports = config.get_ports();
    if let Some(port) = ports.get(number).or(ports.first()) {
        one.port(*port);
    }
    if let Some(user) = config.get_user() {
        one.user(user);
    }
    if let Some(password) = config.get_password() {
        one.password(password);
    }
    if let Some(name) = config.get_dbname() {
        one.dbname(name);
    }
    if let Some(options) = config.get_options() {
        one.options(options);
    }
    if let Some(name) = config.get_application_name() {
        one.application_name(name);
    }
    if let Some(timeout) = config.get_connect_timeout() {
        one.connect_timeout(*timeout);
    }
    if let Some(timeout) = config.get_tcp_user_timeout() {
        one.tcp_user_timeout(*timeout);
    }
    if let Some(interval) = config.get_keepalives_interval() {
        one.keepalives_interval(interval);
    }
    if let Some(retries) = config.get_keepalives_retries() {
        one.keepalives_retries(retries);
    }
    one.keepalives(config.get_keepalives())
        .keepalives_idle(config.get_keepalives_idle())
        .ssl_mode(config.get_ssl_mode())
        .ssl_negotiation(config.get_ssl_negotiation())
        .target_session_attrs(config.get_target_session_attrs())
        .channel_binding(config.get_channel_binding())
        .load_balance_hosts(config.get_load_balance_hosts());
    one
}

/// Makes the attempts in their order, and returns the first result that isn't an error. If an attempt fails, or takes longer than
/// `patience`, the next one begins as well.
pub(super) async fn first_success<T, E, F>(
    attempts: impl IntoIterator<Item = F>,
    patience: Duration,
) -> Option<Result<T, E>>
where
    T: Send + 'static,
    E: Send + 'static,
    F: Future<Output = Result<T, E>> + Send + 'static,
{
    let (mut running, mut last) = (JoinSet::new(), None);
    for attempt in attempts {
        running.spawn(attempt);
        match timeout(patience, running.join_next()).await {
            Ok(Some(Ok(Ok(success)))) => return Some(Ok(success)),
            Ok(Some(Ok(error))) => last = Some(error),
            _ => {}
        }
    }
    while let Some(result) = running.join_next().await {
        match result {
            Ok(Ok(success)) => return Some(Ok(success)),
            Ok(error) => last = Some(error),
            Err(_) => {}
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::sync::Arc;

    use tokio::sync::Notify;

    use super::*;

    #[test]
    fn each_host_has_its_port_and_address_and_all_other_settings() {
        let text = |hosts: &str| {
            format!(
                "{hosts} user=shop password=secret dbname=orders options='-c search_path=jwt' application_name=shop \
                 sslmode=require sslnegotiation=direct connect_timeout=3 tcp_user_timeout=4 keepalives=0 keepalives_idle=5 \
                 keepalives_interval=6 keepalives_retries=7 target_session_attrs=read-write channel_binding=require \
                 load_balance_hosts=random"
            )
        };
        for (hosts, expected) in [
            ("host=one,/run/two port=1,2", &["host=one port=1", "host=/run/two port=2"][..]),
            ("host=one,two port=5", &["host=one port=5", "host=two port=5"]),
            ("host=one,two", &["host=one", "host=two"]),
            ("hostaddr=127.0.0.1,::1", &["hostaddr=127.0.0.1", "hostaddr=::1"]),
            ("host=one,two hostaddr=127.0.0.1,::1", &["host=one hostaddr=127.0.0.1", "host=two hostaddr=::1"]),
            ("host=one", &["host=one"]),
            // The client refuses these.
            ("user=other", &["user=other"]),
            ("host=one,two port=1,2,3", &["host=one,two port=1,2,3"]),
            ("host=one,two hostaddr=::1", &["host=one,two hostaddr=::1"]),
        ] {
            let config = |hosts: &str| text(hosts).parse::<Config>().expect("settings");
            let expected: Vec<Config> = expected.iter().map(|hosts| config(hosts)).collect();
            assert!(each_host(&config(hosts)) == expected, "{hosts}");
        }
    }

    #[tokio::test]
    async fn an_attempt_that_hangs_keeps_no_other_from_succeeding() {
        let patience = Duration::from_millis(10);
        let attempt = |outcome: Option<Result<u8, u8>>| async move {
            match outcome {
                Some(outcome) => outcome,
                None => pending().await,
            }
        };
        for (outcomes, expected) in [
            (&[None, Some(Err(1)), None, Some(Ok(2))][..], Some(Ok(2))),
            (&[Some(Ok(1)), Some(Ok(2))], Some(Ok(1))),
            (&[Some(Err(1)), Some(Err(2))], Some(Err(2))),
            (&[], None),
        ] {
            assert_eq!(first_success(outcomes.iter().copied().map(attempt), patience).await, expected, "{outcomes:?}");
        }
        // A slow one may still succeed, here after the second has begun.
        let has_begun = &Arc::new(Notify::new());
        let attempts = [true, false].map(|is_first| {
            let has_begun = Arc::clone(has_begun);
            async move {
                if is_first {
                    has_begun.notified().await;
                    return Ok::<_, ()>(1);
                }
                has_begun.notify_one();
                pending().await
            }
        });
        assert_eq!(first_success(attempts, patience).await, Some(Ok(1)));
    }
}
