//! The configuration as a file, so that an operator sees what flags, environment and file come to.

use std::fmt::Write as _;

use entente_telemetry::log::Format;
use humantime::format_duration;

use super::{Access, Config, MasterKey, ServiceName, TlsListener};

pub(super) fn to_toml(config: &Config) -> String {
    let mut text = String::new();
    let mut line = |key: &str, value: String| {
        let _ = writeln!(text, "{key} = {value}");
    };
    line("data-dir", quoted(&config.data_dir.display().to_string()));
    match config.database_url.as_deref() {
        Some(url) if url.starts_with("sqlite:") => line("database-url", quoted(url)),
        Some(_) => line("# database-url", "a PostgreSQL database, not shown".to_owned()),
        None => {}
    }
    match config.nats_url.as_deref() {
        Some(url) if !url.contains('@') => line("nats-url", quoted(url)),
        Some(_) => line("# nats-url", "a NATS server, not shown".to_owned()),
        None => {}
    }
    line("didcomm-addr", quoted(&config.didcomm_addr.to_string()));
    line("admin-addr", quoted(&config.admin_addr.to_string()));
    line("grpc-addr", quoted(&config.grpc_addr.to_string()));
    if let Some(address) = config.metrics_addr {
        line("metrics-addr", quoted(&address.to_string()));
    }
    match &config.endpoint {
        Some(url) => line("endpoint", quoted(url)),
        None => {
            let scheme = config.tls.scheme(TlsListener::Didcomm);
            line("# endpoint", quoted(&format!("{scheme}://{}", config.didcomm_addr)));
        }
    }
    line("label", quoted(&config.label));
    match config.access {
        Access::Key(_) => line("# admin-api-key", "given, not shown".to_owned()),
        Access::GeneratedKey => line("# admin-api-key", "in the data directory".to_owned()),
        Access::Callers => {}
        Access::Insecure => line("admin-insecure", "true".to_owned()),
    }
    if config.service_key.is_some() {
        line("# service-key", "given, not shown".to_owned());
    }
    tls(config, &mut line);
    line("auto-accept-invitations", config.auto_accept_invitations.to_string());
    line("auto-accept-requests", config.auto_accept_requests.to_string());
    let webhooks =
        config.webhook_urls.iter().map(|url| quoted(url.split('#').next().unwrap_or_default()));
    line("webhook-url", format!("[{}]", webhooks.collect::<Vec<_>>().join(", ")));
    if let Some(allow) = config.allow_private_endpoints {
        line("allow-private-endpoints", allow.to_string());
    }
    let kept = &config.retention;
    for (key, time) in [
        ("event-retention", Some(kept.events)),
        ("message-id-retention", Some(kept.message_ids)),
        ("audit-retention", kept.audit),
    ] {
        time.iter().for_each(|time| line(key, quoted(&format_duration(*time).to_string())));
    }
    match &config.master_key {
        MasterKey::File(Some(path)) => line("master-key-file", quoted(&path.display().to_string())),
        MasterKey::File(None) => {}
        MasterKey::Passphrase(_) => line("# master-passphrase", "given, not shown".to_owned()),
    }
    let services = config.services.iter().map(|service| quoted(service.as_str()));
    line("services", format!("[{}]", services.collect::<Vec<_>>().join(", ")));
    for service in ServiceName::ALL {
        if let Some(url) = config.remotes.url(service) {
            line(&format!("{}-url", service.as_str()), quoted(url));
        }
    }
    line("drain-delay", config.drain_delay.as_secs().to_string());
    line("shutdown-timeout", config.shutdown_timeout.as_secs().to_string());
    line("migrate", config.migrate.to_string());
    let format = match config.log_format {
        Format::Text => "text",
        Format::Json => "json",
    };
    line("log-format", quoted(format));
    line("log-level", quoted(&config.log_level));
    if let Some(url) = &config.otlp_endpoint {
        line("otlp-endpoint", quoted(url));
    }
    line("didcomm-address-rate", config.didcomm_rates.address.to_string());
    line("didcomm-peer-rate", config.didcomm_rates.peer.to_string());
    line("didcomm-trace-context", config.didcomm_trace_context.to_string());
    line("core-dumps", config.core_dumps.to_string());
    config.caller_settings.iter().for_each(|caller| table(&mut text, "callers", caller));
    config.issuers.iter().for_each(|issuer| table(&mut text, "issuers", issuer));
    text
}

fn tls(config: &Config, line: &mut impl FnMut(&str, String)) {
    let list = |values: &[String]| serde_json::Value::from(values).to_string();
    let files = &config.tls.files;
    let client_ca = files.client_ca.as_ref();
    let paths = [
        ("tls-cert", files.pair.as_ref().map(|(certificate, _)| certificate)),
        ("tls-key", files.pair.as_ref().map(|(_, key)| key)),
        ("tls-client-ca", client_ca.map(|(path, _)| path)),
        ("link-ca", files.server_ca.as_ref()),
    ];
    for (key, path) in paths {
        path.iter().for_each(|path| line(key, quoted(&path.display().to_string())));
    }
    if files.pair.is_some() {
        line("tls-listeners", serde_json::json!(config.tls.listeners).to_string());
    }
    if let Some((_, auth)) = client_ca {
        line("tls-client-auth", quoted(&format!("{auth:?}").to_lowercase()));
    }
    if !config.trusted_proxy.is_empty() {
        line("trusted-proxy", list(&config.trusted_proxy));
    }
    line("grpc-unix-mode", quoted(&format!("{:o}", config.grpc_unix_mode)));
}

/// A table of a list of them. Each field is a string, a list of strings, or a table of those, which comes last.
fn table(text: &mut String, name: &str, row: &impl serde::Serialize) {
    let fields = serde_json::to_value(row).unwrap_or_default();
    let _ = writeln!(text, "[[{name}]]");
    let (tables, values): (Vec<_>, Vec<_>) =
        fields.as_object().into_iter().flatten().partition(|(_, value)| value.is_object());
    for (key, value) in values {
        let _ = writeln!(text, "{key} = {value}");
    }
    for (key, value) in tables {
        let _ = writeln!(text, "[{name}.{key}]");
        for (key, value) in value.as_object().into_iter().flatten() {
            let _ = writeln!(text, "{} = {value}", quoted(key));
        }
    }
}

/// A JSON string is a TOML basic string.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
