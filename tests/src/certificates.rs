//! Certificates made by openssl.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// An authority with a folder for what it makes.
pub struct Authority {
    folder: PathBuf,
    name: String,
}

/// A certificate and its key, as files.
#[derive(Clone)]
pub struct Pair {
    /// The certificate, PEM.
    pub certificate: PathBuf,
    /// The key, PEM.
    pub key: PathBuf,
}

impl Authority {
    /// A new one.
    pub fn new(folder: &Path, name: &str) -> Self {
        let authority = Self { folder: folder.to_owned(), name: name.to_owned() };
        let (certificate, key) = (authority.certificate(), authority.file("key"));
        let subject = format!("/CN={name}");
        openssl(&[
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "30",
            "-subj",
            &subject,
            "-addext",
            "basicConstraints=critical,CA:TRUE",
            "-addext",
            "keyUsage=critical,keyCertSign",
            "-keyout",
            text(&key),
            "-out",
            text(&certificate),
        ]);
        authority
    }

    /// Its own certificate, PEM.
    pub fn certificate(&self) -> PathBuf {
        self.file("crt")
    }

    fn file(&self, ending: &str) -> PathBuf {
        self.folder.join(format!("{}.{ending}", self.name))
    }

    /// A certificate with alternative names as openssl writes them: `URI:spiffe://…`, `DNS:…`, `IP:…`.
    pub fn issue(&self, name: &str, names: &[&str]) -> Pair {
        self.issue_for(name, names, 30)
    }

    /// One whose time is over when this returns.
    pub fn issue_expired(&self, name: &str, names: &[&str]) -> Pair {
        let pair = self.issue_for(name, names, 0);
        // Its time ends with the second in which it was made.
        let second = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let made = second();
        while second() == made {
            std::thread::sleep(Duration::from_millis(10));
        }
        pair
    }

    /// The same, for so many days.
    pub fn issue_for(&self, name: &str, names: &[&str], days: u32) -> Pair {
        let file = |ending: &str| self.folder.join(format!("{name}.{ending}"));
        let (certificate, key, request, extensions) =
            (file("crt"), file("key"), file("csr"), file("ext"));
        let mut lines = "extendedKeyUsage=serverAuth,clientAuth\n".to_owned();
        if !names.is_empty() {
            lines.push_str(&format!("subjectAltName={}\n", names.join(",")));
        }
        std::fs::write(&extensions, lines).unwrap();
        openssl(&[
            "req",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-subj",
            &format!("/CN={name}"),
            "-keyout",
            text(&key),
            "-out",
            text(&request),
        ]);
        openssl(&[
            "x509",
            "-req",
            "-in",
            text(&request),
            "-CA",
            text(&self.certificate()),
            "-CAkey",
            text(&self.file("key")),
            "-CAcreateserial",
            "-days",
            &days.to_string(),
            "-extfile",
            text(&extensions),
            "-out",
            text(&certificate),
        ]);
        Pair { certificate, key }
    }
}

impl Pair {
    /// Puts this in the place of another, each file in one step.
    pub fn replace(&self, other: &Self) {
        for (from, to) in [(&self.certificate, &other.certificate), (&self.key, &other.key)] {
            replace(&std::fs::read(from).unwrap(), to);
        }
    }

    /// The serial number of the certificate, as openssl writes it.
    pub fn serial(&self) -> String {
        let told = openssl(&["x509", "-noout", "-serial", "-in", text(&self.certificate)]);
        told.trim().trim_start_matches("serial=").to_owned()
    }
}

/// Gives a file another content, in one step.
pub fn replace(content: &[u8], file: &Path) {
    let beside = file.with_extension("new");
    std::fs::write(&beside, content).unwrap();
    std::fs::rename(beside, file).unwrap();
}

/// Runs openssl, and gives what it prints.
pub fn openssl(arguments: &[&str]) -> String {
    let output = Command::new("openssl").args(arguments).output().expect("openssl");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "openssl {arguments:?}: {errors}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A path as an argument.
pub fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
