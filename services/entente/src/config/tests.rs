use std::collections::BTreeSet;

use clap::{CommandFactory as _, Parser};

use super::*;

#[derive(Parser)]
struct Serve {
    #[command(flatten)]
    settings: Settings,
}

fn settings(flags: &[&str]) -> Settings {
    Serve::try_parse_from([&["serve"], flags].concat()).unwrap().settings
}

fn error(flags: &[&str], file: &str) -> String {
    let Err(error) = Config::resolve(&settings(flags), Some(("entente.toml", file))) else {
        panic!("{flags:?} and {file:?} were taken");
    };
    error.to_string()
}

#[test]
fn a_flag_wins_over_the_file_and_the_file_over_the_default() {
    let file = "label = \"File\"\ngrpc-addr = \"127.0.0.1:9\"\nauto-accept-requests = false\nwebhook-url = [\"http://a\"]";
    let config =
        Config::resolve(&settings(&["--label", "Flag"]), Some(("entente.toml", file))).unwrap();
    assert_eq!(config.label, "Flag");
    assert_eq!(config.grpc_addr.to_string(), "127.0.0.1:9");
    assert!(!config.auto_accept_requests);
    assert!(config.auto_accept_invitations);
    assert_eq!(config.webhook_urls, ["http://a"]);
    assert_eq!(config.admin_addr.port(), 8031);
    let flags =
        ["--auto-accept-requests", "--webhook-url", "http://b", "--webhook-url", "http://c"];
    let config = Config::resolve(&settings(&flags), Some(("entente.toml", file))).unwrap();
    assert!(config.auto_accept_requests);
    assert_eq!(config.webhook_urls, ["http://b", "http://c"]);
}

#[test]
fn errors_name_the_key_and_what_would_be_right() {
    for (flags, file, parts) in [
        (
            &[][..],
            "didcom-addr = \"x\"",
            &["entente.toml", "no key \"didcom-addr\"", "didcomm-addr"][..],
        ),
        (&[], "label = 3", &["entente.toml", "label is the number `3`", "string"]),
        (&["--nats-url", "http://h"], "", &["--nats-url", "http://h", "nats://host:port"]),
        (&["--nats-url", "nats://a,x://u:secret@h"], "", &["--nats-url", "\"h\""]),
        (&[], "log-format = \"xml\"", &["log-format", "xml", "text"]),
        (&["--grpc-addr", "localhost:1"], "", &["--grpc-addr", "localhost:1", "ip:port"]),
        (&["--grpc-addr", "unix:rpc.sock"], "", &["--grpc-addr", "unix:/path"]),
        (&["--shutdown-timeout", "5"], "", &["--shutdown-timeout 5", "--drain-delay 5"]),
        (&["--metrics-addr", "9090"], "", &["--metrics-addr", "9090", "ip:port"]),
        (&["--resolver-url", "http://a:1,b:2"], "", &["--resolver-url", "\"b:2\"", "dns:///"]),
        (&["--endpoint", "example.com"], "", &["--endpoint", "http://host:port"]),
        (&["--webhook-url", "ftp://x#secret"], "", &["--webhook-url", "ftp://x\""]),
        (&["--log-level", "entente=loud"], "", &["--log-level", "debug"]),
        (&["--admin-api-key", "secret"], "", &["--admin-api-key", "at least 8"]),
        (&["--admin-insecure", "--admin-api-key", "long enough"], "", &["exclude each other"]),
        (
            &["--admin-insecure", "--grpc-addr", "0.0.0.0:1"],
            "",
            &["--grpc-addr 0.0.0.0:1", "--admin-api-key"],
        ),
        (&["--tls-cert", "a.crt"], "", &["--tls-cert and --tls-key"]),
        (&["--tls-client-ca", "ca.crt"], "", &["--tls-client-ca", "--tls-cert"]),
        (
            &["--tls-cert", "a", "--tls-key", "b", "--tls-client-auth", "optional"],
            "",
            &["--tls-client-auth", "--tls-client-ca"],
        ),
        (&["--trusted-proxy", "10.0.0.0/33"], "", &["--trusted-proxy", "10.0.0.0/8", "spiffe://"]),
        (&["--trusted-proxy", "example.com"], "", &["--trusted-proxy", "example.com"]),
        (&["--grpc-unix-mode", "1777"], "", &["--grpc-unix-mode", "660"]),
        (
            &[],
            "[[callers]]\nname = \"a\"\nroles = [\"operator\"]\nspiffe = \"spiffe://A/b\"",
            &["\"a\"", "spiffe://trust-domain/path"],
        ),
        (
            &[],
            "[[issuers]]\nissuer = \"https://i\"\naudience = [\"a\"]\njwks = \"http://i/k\"\ntenant = \"t\"\nroles = [\"reader\"]",
            &["[[issuers]]", "https://i", "https URL"],
        ),
        (
            &["--admin-insecure"],
            "[[issuers]]\nissuer = \"https://i\"\naudience = [\"a\"]\njwks = \"k\"\ntenant = \"t\"\nroles = [\"reader\"]",
            &["[[issuers]] and --admin-insecure exclude"],
        ),
        (&["--master-passphrase", "secret"], "", &["--master-passphrase", "at least 12"]),
        (&["--didcomm-addr", "0.0.0.0:1"], "", &["--endpoint is needed"]),
        (&["--event-retention", "30"], "", &["--event-retention", "\"30\"", "30d"]),
        (&["--audit-retention", "0s"], "", &["--audit-retention", "at least 1s"]),
        (&["--services", "transport"], "", &["transport calls resolver", "--resolver-url"]),
    ] {
        let text = error(flags, file);
        for part in parts {
            assert!(text.contains(part), "{text:?} does not say {part:?}");
        }
        assert!(!text.contains("secret"), "{text:?} shows a secret");
    }
}

#[test]
fn a_service_apart_needs_only_those_that_it_calls() {
    let config =
        Config::resolve(&settings(&["--services", "keystore,resolver,keystore"]), None).unwrap();
    assert_eq!(config.services, [ServiceName::Resolver, ServiceName::Keystore]);
    for url in ["http://127.0.0.1:1", "dns:///resolver:8032", "unix:/run/r.sock,http://a:1"] {
        let flags = ["--services", "transport", "--resolver-url", url];
        assert!(Config::resolve(&settings(&flags), None).unwrap().runs(ServiceName::Transport));
    }
    let flags = ["--admin-insecure", "--grpc-addr", "unix:/run/e.sock"];
    let config = Config::resolve(&settings(&flags), None).unwrap();
    assert_eq!(config.grpc_addr.to_string(), "unix:/run/e.sock");
}

/// A random key may.
#[test]
fn a_key_may_begin_with_a_hyphen() {
    let flags = ["--admin-api-key", "-Ek4_long", "--service-key", "--another-one"];
    let config = Config::resolve(&settings(&flags), None).unwrap();
    assert!(matches!(&config.access, Access::Key(key) if key == "-Ek4_long"));
    assert_eq!(config.service_key.as_deref(), Some("--another-one"));
}

#[test]
fn the_printed_configuration_reads_back_as_itself() {
    let flags = [
        "--label",
        "A \"b\"",
        "--webhook-url",
        "http://a",
        "--log-format",
        "json",
        "--endpoint",
        "http://e",
        "--nats-url",
        "nats://a:4222,tls://b",
        "--grpc-addr",
        "unix:///run/e.sock",
        "--metrics-addr",
        "127.0.0.1:9",
        "--drain-delay",
        "1",
        "--migrate=false",
    ];
    let flags = [
        &flags[..],
        &["--tls-cert", "a.crt", "--tls-key", "a.key", "--tls-listeners", "grpc,didcomm"],
        &["--tls-client-ca", "ca.crt", "--tls-client-auth", "optional", "--link-ca", "b.crt"],
        &["--trusted-proxy", "10.0.0.0/8,spiffe://a/b", "--grpc-unix-mode", "660"],
        &["--didcomm-address-rate", "7", "--didcomm-peer-rate", "8"],
        &["--event-retention", "90m", "--message-id-retention", "36h", "--audit-retention", "1y"],
    ]
    .concat();
    let file = "[[callers]]\nname = \"a\"\nroles = [\"operator\"]\nspiffe = \"spiffe://a/b\"\n\
        [[issuers]]\nissuer = \"https://i\"\naudience = [\"a\"]\njwks = \"k.json\"\ntenant-claim = \"t\"\n\
        roles-claim = \"r\"\n[issuers.role-map]\n\"a b\" = [\"reader\"]\n";
    let config = Config::resolve(&settings(&flags), Some(("file", file))).unwrap();
    let again = Config::resolve(&settings(&[]), Some(("printed", &config.to_toml()))).unwrap();
    assert!(again == config, "{}", config.to_toml());
}

#[test]
fn the_printed_configuration_hides_secrets() {
    let flags = ["--admin-api-key", "a-long-secret", "--webhook-url", "http://a#another-secret"];
    let flags = [&flags[..], &["--nats-url", "nats://user:a-secret@n"]].concat();
    let printed = Config::resolve(&settings(&flags), None).unwrap().to_toml();
    assert!(!printed.contains("secret"), "{printed}");
}

fn example() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/entente.toml");
    std::fs::read_to_string(path).unwrap()
}

/// The example as it is, with the lines that are commented out, and with the other ways to say the same.
#[test]
fn the_example_is_a_configuration_that_is_taken() {
    let example = example();
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for line in example.lines() {
        let setting = line.strip_prefix("#: ").unwrap_or(line);
        if let Some(other) = line.strip_prefix("#| ") {
            // It takes the place of the setting above its comment.
            while second.pop().is_some_and(|above: &str| above.starts_with('#')) {}
            second.push(other);
        } else {
            first.push(setting);
            second.push(setting);
        }
    }
    for text in [example.clone(), first.join("\n"), second.join("\n")] {
        Config::resolve(&settings(&[]), Some(("entente.toml", &text)))
            .unwrap_or_else(|error| panic!("{error}\n{text}"));
    }
}

#[test]
fn the_example_shows_every_setting() {
    let example = example();
    let shown: BTreeSet<&str> = example
        .lines()
        .map(|line| line.strip_prefix("#: ").or_else(|| line.strip_prefix("#| ")).unwrap_or(line))
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| Some(line.split_once(" = ")?.0))
        .collect();
    let command = Serve::command();
    let flags: BTreeSet<&str> = command
        .get_arguments()
        .filter_map(clap::Arg::get_long)
        .filter(|flag| !["config", "help"].contains(flag))
        .collect();
    assert_eq!(shown, flags);
}

/// The example with all its settings, and with some of its bytes and lines changed, over and over.
#[test]
fn a_file_of_made_up_text_is_refused_or_means_one_thing() {
    use rand::rngs::StdRng;
    use rand::{RngExt as _, SeedableRng as _};

    const ALPHABET: &[u8] = b"09azAZ\"'=[]{}#-_.,:/\\ \n\0\xff";
    // What is not printed does not come back.
    let secret = ["admin-api-key", "service-key", "master-passphrase", "database-url", "nats-url"];
    let example = example();
    let lines: Vec<&str> = example
        .lines()
        .map(|line| line.strip_prefix("#: ").unwrap_or(line))
        .filter(|line| !line.starts_with('#') && !secret.iter().any(|key| line.starts_with(key)))
        .collect();
    let mut random = StdRng::seed_from_u64(7);
    let (mut taken, mut refused) = (0, 0);
    for _ in 0..2_000 {
        let mut text = lines.clone();
        text.retain(|_| random.random_bool(0.7));
        let mut text = text.join("\n").into_bytes();
        for _ in 0..random.random_range(0..3) {
            let at = random.random_range(0..text.len());
            text[at] = ALPHABET[random.random_range(0..ALPHABET.len())];
        }
        let text = String::from_utf8_lossy(&text);
        let Ok(config) = Config::resolve(&settings(&[]), Some(("made up", &text))) else {
            refused += 1;
            continue;
        };
        taken += 1;
        let printed = config.to_toml();
        let again = Config::resolve(&settings(&[]), Some(("printed", &printed)));
        let again = again.unwrap_or_else(|error| panic!("{error}\n{text}\n---\n{printed}"));
        let hidden = secret.iter().any(|key| text.contains(key)) || text.contains("webhook-url");
        assert!(hidden || again == config, "{text}\n---\n{printed}");
    }
    assert!(taken > 20 && refused > 20, "{taken} {refused}");
}
