//! A certificate that is about to end is told of before it does.

use entente_tests::certificates::{Authority, text};
use entente_tests::suite::{command, free_address};

use crate::processes::{Running, spawn};

#[test]
fn the_doctor_tells_of_a_certificate_that_is_about_to_end() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new(folder.path(), "authority");
    let pairs = [("lasting", 60), ("ending", 5)]
        .map(|(name, days)| authority.issue_for(name, &["DNS:localhost"], days));
    let (certificate, key) = (folder.path().join("tls.crt"), folder.path().join("tls.key"));
    let put = |at: usize| {
        std::fs::copy(&pairs[at].certificate, &certificate).unwrap();
        std::fs::copy(&pairs[at].key, &key).unwrap();
    };
    put(0);
    let grpc = free_address();
    let url = format!("https://localhost:{}", grpc.rsplit_once(':').unwrap().1);
    let start = || {
        let arguments = [
            ["--grpc-addr", &grpc],
            ["--admin-addr", "127.0.0.1:0"],
            ["--didcomm-addr", "127.0.0.1:0"],
            ["--tls-cert", text(&certificate)],
            ["--tls-key", text(&key)],
            ["--tls-listeners", "grpc"],
            ["--admin-api-key", "a-key-that-is-long-enough"],
        ];
        Running(vec![spawn(
            folder.path(),
            &arguments.as_flattened().iter().map(|text| (*text).to_owned()).collect::<Vec<_>>(),
        )])
    };
    let doctor = || {
        let mut program = command();
        program.args([
            "doctor",
            "--json",
            "--server",
            &url,
            "--api-key",
            "a-key-that-is-long-enough",
        ]);
        let output = program.args(["--tls-ca", text(&authority.certificate())]).output().unwrap();
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        (output.status.code(), said)
    };
    let running = start();
    let (code, said) = doctor();
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("certificate_seconds_left"), "{said}");
    assert!(!said.contains("FINDING_KIND_CERTIFICATE"), "{said}");
    drop(running);
    put(1);
    let _running = start();
    let (code, said) = doctor();
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("its certificate ends in "), "{said}");
    assert!(said.contains("FINDING_KIND_CERTIFICATE"), "{said}");
    assert!(said.contains("the certificate ends in "), "{said}");
    // What is in use counts, and whether what is there now can be used.
    std::fs::write(&key, "no key").unwrap();
    until(|| doctor().1.contains("the TLS files were changed, and cannot be used"));
    put(0);
    until(|| doctor().0 == Some(0));
}

fn until(so: impl Fn() -> bool) {
    for _ in 0..100 {
        if so() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(300));
    }
    panic!("it does not come about");
}
