//! gRPC's service config (gRPC A6, A21): what our own clients do about deadlines, retries and balancing, for other clients.

use entente_rpc::link::{BACK_OFF, MAX_ATTEMPTS, MAX_BACK_OFF, MAX_TOKENS, TOKENS_OF_SUCCESS};
use entente_rpc::{Method, deadline};
use serde_json::{Value, json};

/// The service config, derived from the descriptors, as JSON.
#[must_use]
pub fn service_config() -> String {
    let seconds = |time: std::time::Duration| format!("{}s", time.as_secs_f64());
    let retry = json!({
        "maxAttempts": MAX_ATTEMPTS,
        "initialBackoff": seconds(BACK_OFF),
        "maxBackoff": seconds(MAX_BACK_OFF),
        "backoffMultiplier": 2,
        "retryableStatusCodes": ["UNAVAILABLE"],
    });
    let timeout = seconds(deadline::DEFAULT);
    let config = json!({
        "loadBalancingConfig": [{"round_robin": {}}],
        "retryThrottling": {"maxTokens": MAX_TOKENS, "tokenRatio": f64::from(TOKENS_OF_SUCCESS) / 10.0},
        "methodConfig": [
            {"name": names(|method| method.idempotent && method.unary), "timeout": timeout, "retryPolicy": retry},
            {"name": names(|method| method.idempotent && !method.unary), "retryPolicy": retry},
            {"name": names(|method| !method.idempotent && method.unary), "timeout": timeout},
        ],
    });
    format!("{config:#}")
}

fn names(chosen: impl Fn(&Method) -> bool) -> Vec<Value> {
    let ours = Method::all().iter().filter(|method| method.service.starts_with("entente."));
    let name = |method: &Method| json!({"service": method.service, "method": method.name});
    ours.filter(|method| chosen(method)).map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_one_that_is_checked_in_is_the_one_that_is_printed() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../proto/service-config.json");
        let text = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            text.trim_end() == service_config(),
            "run `entente service-config > proto/service-config.json`"
        );
    }

    #[test]
    fn what_is_not_marked_is_not_repeated() {
        let config: Value = serde_json::from_str(&service_config()).unwrap();
        let entry = |method: &str| {
            let configs = config["methodConfig"].as_array().unwrap();
            let names = |config: &&Value| {
                config["name"].as_array().unwrap().iter().any(|name| name["method"] == method)
            };
            configs.iter().find(names).cloned().unwrap()
        };
        assert!(entry("Deliver")["retryPolicy"].is_null());
        assert_eq!(entry("Resolve")["retryPolicy"]["retryableStatusCodes"][0], "UNAVAILABLE");
        assert!(entry("Subscribe")["timeout"].is_null());
    }
}
