//! Defaults, and the checks that each value and their combination must pass.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use axum::http::Uri;
use entente_telemetry::log::{self, Format};

use super::{
    Access, Config, ConfigError, DidcommRates, Listen, LogFormat, MasterKey, Remotes, Retention,
    ServiceName, Settings, callers, tls,
};

const DAY: Duration = Duration::from_secs(24 * 3600);

pub(super) fn check(settings: Settings) -> Result<Config, ConfigError> {
    let services = if settings.services.is_empty() {
        ServiceName::ALL.to_vec()
    } else {
        unique(&settings.services)
    };
    let (tls_config, proxies) = (tls::read(&settings)?, tls::proxies(&settings.trusted_proxy)?);
    tls::issuers(&settings)?;
    let config = Config {
        tls: tls_config,
        proxies,
        trusted_proxy: settings.trusted_proxy,
        grpc_unix_mode: tls::unix_mode(settings.grpc_unix_mode.as_deref())?,
        didcomm_addr: address("didcomm-addr", settings.didcomm_addr, "127.0.0.1:8030")?,
        admin_addr: address("admin-addr", settings.admin_addr, "127.0.0.1:8031")?,
        grpc_addr: listen(settings.grpc_addr.as_deref().unwrap_or("127.0.0.1:8032"))?,
        metrics_addr: settings
            .metrics_addr
            .map(|given| address("metrics-addr", Some(given), ""))
            .transpose()?,
        database_url: settings.database_url.map(database_url).transpose()?,
        nats_url: settings.nats_url.map(nats_url).transpose()?,
        data_dir: settings.data_dir.unwrap_or_else(|| "./entente-data".into()),
        endpoint: settings.endpoint.map(|url| http_url("endpoint", url)).transpose()?,
        label: settings.label.unwrap_or_else(|| "Entente".to_owned()),
        access: access(
            settings.admin_api_key,
            settings.admin_insecure.unwrap_or(false),
            !settings.callers.is_empty(),
            !settings.issuers.is_empty(),
        )?,
        service_key: settings.service_key.map(|key| api_key("service-key", key)).transpose()?,
        callers: callers::read(&settings.callers)?,
        caller_settings: settings.callers,
        issuers: settings.issuers,
        auto_accept_invitations: settings.auto_accept_invitations.unwrap_or(true),
        auto_accept_requests: settings.auto_accept_requests.unwrap_or(true),
        webhook_urls: settings
            .webhook_urls
            .into_iter()
            .map(|url| http_url("webhook-url", url))
            .collect::<Result<_, _>>()?,
        allow_private_endpoints: settings.allow_private_endpoints,
        retention: Retention {
            events: time("event-retention", settings.event_retention)?.unwrap_or(30 * DAY),
            message_ids: time("message-id-retention", settings.message_id_retention)?
                .unwrap_or(14 * DAY),
            audit: time("audit-retention", settings.audit_retention)?,
        },
        master_key: master_key(settings.master_key_file, settings.master_passphrase)?,
        remotes: Remotes {
            access: service_urls("access-url", settings.access_url)?,
            resolver: service_urls("resolver-url", settings.resolver_url)?,
            keystore: service_urls("keystore-url", settings.keystore_url)?,
            transport: service_urls("transport-url", settings.transport_url)?,
            connection: service_urls("connection-url", settings.connection_url)?,
        },
        drain_delay: seconds(settings.drain_delay, 5),
        shutdown_timeout: seconds(settings.shutdown_timeout, 20),
        migrate: settings.migrate.unwrap_or(true),
        log_format: match settings.log_format {
            Some(LogFormat::Json) => Format::Json,
            Some(LogFormat::Text) | None => Format::Text,
        },
        log_level: log_level(settings.log_level)?,
        otlp_endpoint: settings.otlp_endpoint.map(otlp_endpoint).transpose()?,
        didcomm_rates: DidcommRates {
            address: settings.didcomm_address_rate.unwrap_or(0),
            peer: settings.didcomm_peer_rate.unwrap_or(0),
        },
        didcomm_trace_context: settings.didcomm_trace_context.unwrap_or(false),
        core_dumps: settings.core_dumps.unwrap_or(false),
        services,
    };
    every_service_is_found(&config)?;
    there_is_time_after_the_drain(&config)?;
    insecure_is_on_loopback(&config)?;
    peers_can_reach_us(&config)?;
    Ok(config)
}

fn unique(names: &[ServiceName]) -> Vec<ServiceName> {
    ServiceName::ALL.into_iter().filter(|name| names.contains(name)).collect()
}

fn address(
    key: &'static str,
    given: Option<String>,
    default: &str,
) -> Result<SocketAddr, ConfigError> {
    let text = given.as_deref().unwrap_or(default);
    let wrong = || {
        ConfigError::value(
            key,
            text,
            "is not an address; write ip:port, as 127.0.0.1:8030 or [::1]:8030",
        )
    };
    text.parse().map_err(|_| wrong())
}

fn listen(text: &str) -> Result<Listen, ConfigError> {
    let problem =
        "is not an address; write ip:port, as 127.0.0.1:8032 or [::1]:8032, or unix:/path";
    text.parse().map_err(|()| ConfigError::value("grpc-addr", text, problem))
}

fn service_urls(key: &'static str, given: Option<String>) -> Result<Option<String>, ConfigError> {
    if let Some(urls) = &given {
        entente_rpc::link::check(urls).map_err(|error| {
            ConfigError::value(key, urls, format!("does not say where: {error}"))
        })?;
    }
    Ok(given)
}

fn http_url(key: &'static str, text: String) -> Result<String, ConfigError> {
    let wrong = || {
        ConfigError::value(
            key,
            without_key(&text),
            "is not a URL; write http://host:port or https://host",
        )
    };
    let uri: Uri = without_key(&text).parse().map_err(|_| wrong())?;
    let scheme = uri.scheme_str().unwrap_or_default();
    if !matches!(scheme, "http" | "https") || uri.host().is_none_or(str::is_empty) {
        return Err(wrong());
    }
    Ok(text)
}

fn database_url(url: String) -> Result<String, ConfigError> {
    let (scheme, rest) = url.split_once(':').unwrap_or((&url, ""));
    let known = match scheme {
        "sqlite" => !rest.is_empty(),
        "postgres" | "postgresql" => rest.len() > 2 && rest.starts_with("//"),
        _ => false,
    };
    // The rest may have a password in it.
    let wrong = "is not a database; write sqlite:<directory> or postgres://user@host/name";
    if known { Ok(url) } else { Err(ConfigError::value("database-url", scheme, wrong)) }
}

fn nats_url(urls: String) -> Result<String, ConfigError> {
    for url in urls.split(',').map(str::trim) {
        let (scheme, rest) = url.split_once("://").unwrap_or((url, ""));
        let uri: Result<Uri, _> = url.parse();
        let has_host = uri.is_ok_and(|uri| uri.host().is_some_and(|host| !host.is_empty()));
        if !matches!(scheme, "nats" | "tls") || !has_host {
            // What stands before the @ may be a password.
            let shown = rest.rsplit_once('@').map_or(url, |(_, place)| place);
            let wrong = "is not a NATS server; write nats://host:port or tls://host:port";
            return Err(ConfigError::value("nats-url", shown, wrong));
        }
    }
    Ok(urls)
}

fn otlp_endpoint(url: String) -> Result<String, ConfigError> {
    match url.parse::<Uri>() {
        Ok(uri) if uri.scheme_str() == Some("http") && uri.host().is_some() => Ok(url),
        _ => {
            let problem = "is no collector; write http://host:port, where it takes OTLP over gRPC";
            Err(ConfigError::value("otlp-endpoint", &url, problem))
        }
    }
}

/// A webhook's URL may end in `#key`, which no error shows.
fn without_key(url: &str) -> &str {
    url.split_once('#').map_or(url, |(url, _)| url)
}

fn access(
    key: Option<String>,
    insecure: bool,
    callers: bool,
    issuers: bool,
) -> Result<Access, ConfigError> {
    match (key, insecure) {
        (Some(_), true) => Err(ConfigError::Together(
            "--admin-api-key and --admin-insecure exclude each other: give one of them".to_owned(),
        )),
        (None, true) if issuers => Err(ConfigError::Together(
            "[[issuers]] and --admin-insecure exclude each other: give one of them".to_owned(),
        )),
        (None, true) if callers => Err(ConfigError::Together(
            "[[callers]] and --admin-insecure exclude each other: give one of them".to_owned(),
        )),
        (None, true) => Ok(Access::Insecure),
        (None, false) if callers => Ok(Access::Callers),
        (None, false) => Ok(Access::GeneratedKey),
        (Some(key), false) => api_key("admin-api-key", key).map(Access::Key),
    }
}

fn api_key(flag: &'static str, key: String) -> Result<String, ConfigError> {
    if key.len() >= 8 && key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(key);
    }
    let wrong = "is no key; write at least 8 printable ASCII characters without spaces";
    Err(ConfigError::value(flag, "…", wrong))
}

fn master_key(file: Option<PathBuf>, passphrase: Option<String>) -> Result<MasterKey, ConfigError> {
    match (file, passphrase) {
        (Some(_), Some(_)) => Err(ConfigError::Together(
            "--master-key-file and --master-passphrase exclude each other: give one of them"
                .to_owned(),
        )),
        (_, Some(passphrase)) if passphrase.chars().count() < 12 => Err(ConfigError::value(
            "master-passphrase",
            "…",
            "is too short; write at least 12 characters",
        )),
        (_, Some(passphrase)) => Ok(MasterKey::Passphrase(passphrase)),
        (file, None) => Ok(MasterKey::File(file)),
    }
}

fn log_level(given: Option<String>) -> Result<String, ConfigError> {
    let level = given.unwrap_or_else(|| "info".to_owned());
    let wrong = |_| {
        ConfigError::value(
            "log-level",
            &level,
            "is not error, warn, info, debug, trace or module=level",
        )
    };
    log::check_filter(&level).map_err(wrong)?;
    Ok(level)
}

fn every_service_is_found(config: &Config) -> Result<(), ConfigError> {
    for service in &config.services {
        for called in service.calls() {
            if !config.runs(*called) && config.remotes.url(*called).is_none() {
                let (service, called) = (service.as_str(), called.as_str());
                return Err(ConfigError::Together(format!(
                    "{service} calls {called}, which is not in --services: say where it is with --{called}-url"
                )));
            }
        }
    }
    Ok(())
}

/// A span of time, as 30d or 12h.
fn time(key: &'static str, given: Option<String>) -> Result<Option<Duration>, ConfigError> {
    let Some(text) = given else { return Ok(None) };
    match humantime::parse_duration(&text) {
        Ok(time) if time >= Duration::from_secs(1) => Ok(Some(time)),
        Ok(_) => Err(ConfigError::value(key, &text, "must be at least 1s")),
        Err(_) => Err(ConfigError::value(key, &text, "is no time; write it as 30d, 12h or 90m")),
    }
}

fn seconds(given: Option<u32>, default: u32) -> Duration {
    Duration::from_secs(given.unwrap_or(default).into())
}

fn there_is_time_after_the_drain(config: &Config) -> Result<(), ConfigError> {
    let (delay, timeout) = (config.drain_delay.as_secs(), config.shutdown_timeout.as_secs());
    if timeout > delay {
        return Ok(());
    }
    Err(ConfigError::Together(format!(
        "--shutdown-timeout {timeout} leaves nothing after --drain-delay {delay}: it must be longer"
    )))
}

fn insecure_is_on_loopback(config: &Config) -> Result<(), ConfigError> {
    if config.access != Access::Insecure {
        return Ok(());
    }
    let admin = Listen::Tcp(config.admin_addr);
    for (flag, address) in [("admin-addr", &admin), ("grpc-addr", &config.grpc_addr)] {
        if !address.is_local() {
            return Err(ConfigError::Together(format!(
                "--admin-insecure lets everyone in who reaches --{flag} {address}: \
                 give an --admin-api-key or [[callers]], or an address on 127.0.0.1"
            )));
        }
    }
    Ok(())
}

fn peers_can_reach_us(config: &Config) -> Result<(), ConfigError> {
    let needs_endpoint = config.runs(ServiceName::Connection) && config.endpoint.is_none();
    if needs_endpoint && config.didcomm_addr.ip().is_unspecified() {
        return Err(ConfigError::Together(format!(
            "--endpoint is needed: peers cannot reach us at --didcomm-addr {}",
            config.didcomm_addr
        )));
    }
    if needs_endpoint && !config.runs(ServiceName::Gateway) {
        return Err(ConfigError::Together(
            "--endpoint is needed: the gateway, which peers reach, is not in --services".to_owned(),
        ));
    }
    Ok(())
}
