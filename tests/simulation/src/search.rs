//! Looks for private keys in all that comes out of the processes: envelopes and what is in them, events, answers, errors,
//! logs at the finest level, and files. The keys are known by opening the keystore's files with the master key.

use std::collections::BTreeMap;
use std::path::Path;

use aes_gcm::aead::{Aead as _, Payload};
use aes_gcm::{Aes256Gcm, KeyInit as _};
use aho_corasick::AhoCorasick;
use multibase::Base;
use sha2::{Digest as _, Sha512};
use tonic::Status;

use crate::Violation;
use crate::inspector::Inspector;
use crate::world::{Checked, World};

/// What came out so far, and the keys that must not be in it.
#[derive(Default)]
pub(crate) struct Search {
    outputs: Vec<u8>,
    keys: BTreeMap<String, Vec<u8>>,
}

impl World {
    /// Keeps what came out, to be searched in the end.
    pub(crate) fn search_bytes(&mut self, bytes: &[u8]) {
        if let Some(search) = &mut self.search {
            search.outputs.extend_from_slice(bytes);
        }
    }

    pub(crate) fn search_message(&mut self, message: &impl prost::Message) {
        if self.search.is_some() {
            self.search_bytes(&message.encode_to_vec());
        }
    }

    pub(crate) fn search_status(&mut self, status: &Status) {
        if self.search.is_some() {
            self.search_bytes(format!("{status:?}").as_bytes());
            self.search_bytes(status.details());
        }
    }

    /// Takes note of the private keys that a process has.
    pub(crate) fn learn_keys(&mut self, home: usize) {
        if let Some(search) = &mut self.search {
            search.keys.extend(open(self.homes[home].process().folder()));
        }
    }

    /// Searches all that came out, and the files as they are at the end.
    pub(crate) fn search_files(&mut self) -> Checked {
        for home in 0..self.homes.len() {
            self.learn_keys(home);
        }
        let Some(search) = &self.search else { return Ok(()) };
        let (names, forms): (Vec<_>, Vec<_>) = search.keys.iter().flat_map(forms).unzip();
        let searcher = AhoCorasick::new(&forms).unwrap();
        let look = |place: &str, bytes: &[u8]| match searcher.find(bytes) {
            None => Ok(()),
            Some(found) => Err(Violation {
                invariant: "7: a private key leaves the keystore in nothing",
                detail: format!("the private half of {} is in {place}", names[found.pattern()]),
            }),
        };
        look("what came out", &search.outputs)?;
        for home in &self.homes {
            for entry in std::fs::read_dir(home.process().folder()).unwrap() {
                let path = entry.unwrap().path();
                look(&path.display().to_string(), &std::fs::read(&path).unwrap())?;
            }
        }
        Ok(())
    }
}

/// How a key may be written: its bytes and what signing makes of a seed, in the encodings that are used anywhere.
fn forms((name, key): (&String, &Vec<u8>)) -> Vec<(String, Vec<u8>)> {
    let expanded = Sha512::digest(key);
    let forms = [key.as_slice(), &expanded[..32]].into_iter().flat_map(|bytes| {
        let bases = [Base::Base16Lower, Base::Base16Upper, Base::Base64, Base::Base64Url];
        let texts = bases.into_iter().chain([Base::Base58Btc]).map(|base| base.encode(bytes));
        let listed = format!("{bytes:?}").trim_matches(['[', ']']).to_owned();
        texts.chain([listed]).map(String::into_bytes).chain([bytes.to_vec()]).collect::<Vec<_>>()
    });
    forms.map(|form| (name.clone(), form)).collect()
}

/// The private keys in a keystore's files, by their public halves.
fn open(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let master = std::fs::read(folder.join("master.key")).unwrap();
    let mut inspector = Inspector::of(&folder.join("keystore.db"));
    let tenants = inspector.sealed("SELECT tenant, '', wrapped FROM tenant_keys");
    let keys: BTreeMap<String, Vec<u8>> = tenants
        .into_iter()
        .map(|(tenant, _, wrapped)| {
            let key = unseal(&master, [b"entente tenant key", tenant.as_bytes(), b""], &wrapped);
            (tenant, key)
        })
        .collect();
    let sealed = inspector.sealed("SELECT tenant, public_key, sealed FROM keys");
    let opened = sealed.into_iter().map(|(tenant, public, sealed)| {
        let place = [b"entente private key".as_slice(), tenant.as_bytes(), public.as_bytes()];
        let private = unseal(&keys[&tenant], place, &sealed);
        (public, private)
    });
    opened.collect()
}

/// Opens a sealed key as the keystore does: version, nonce, ciphertext and tag, bound to its place.
fn unseal(key: &[u8], place: [&[u8]; 3], sealed: &[u8]) -> Vec<u8> {
    let mut aad = vec![1];
    for field in place {
        aad.extend_from_slice(&u64::try_from(field.len()).unwrap().to_be_bytes());
        aad.extend_from_slice(field);
    }
    let cipher = Aes256Gcm::new_from_slice(key).unwrap();
    let nonce = sealed[1..13].try_into().unwrap();
    cipher.decrypt(nonce, Payload { msg: &sealed[13..], aad: &aad }).unwrap()
}
