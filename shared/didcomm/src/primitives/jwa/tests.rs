use super::*;

const ALL: [ContentEncryption; 3] =
    [ContentEncryption::A256CbcHs512, ContentEncryption::A256Gcm, ContentEncryption::Xc20p];

#[test]
fn a256cbc_hs512_is_that_of_rfc_7518() {
    // Appendix B.3.
    let key = Cek { bytes: std::array::from_fn(|i| i as u8), len: 64 };
    let plaintext = b"A cipher system must not be required to be secret, and it must be able to fall into the hands of the enemy without inconvenience";
    let aad = b"The second principle of Auguste Kerckhoffs";
    let iv = [
        0x1a, 0xf3, 0x8c, 0x2d, 0xc2, 0xb9, 0x6f, 0xfd, 0xd8, 0x66, 0x94, 0x09, 0x23, 0x41, 0xbc,
        0x04,
    ];
    let (ciphertext, tag) = cbc_encrypt(&key, &iv, plaintext, aad).unwrap();
    assert_eq!(ciphertext[..8], [0x4a, 0xff, 0xaa, 0xad, 0xb7, 0x8c, 0x31, 0xc5]);
    assert_eq!(ciphertext.len(), 144);
    let expected = "4dd3b4c088a7f45c216839645b2012bf2e6269a8c56a816dbc1b267761955bc5";
    let hex: String = tag.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, expected);
}

#[test]
fn only_what_was_encrypted_opens() {
    let mut rng = rand::rng();
    for encryption in ALL {
        assert_eq!(ContentEncryption::from_name(encryption.name()), Some(encryption));
        let key = Cek::random(encryption, &mut rng);
        for len in [0, 1, 15, 16, 17, 100] {
            let plaintext = vec![7; len];
            let content = encryption.encrypt(&key, &plaintext, b"aad", &mut rng).unwrap();
            assert_eq!(
                (content.iv.len(), content.tag.len()),
                (encryption.iv_len(), encryption.tag_len())
            );
            assert_eq!(encryption.decrypt(&key, &content, b"aad"), Ok(plaintext));
            let refused = |content: &EncryptedContent, aad: &[u8]| {
                assert_eq!(encryption.decrypt(&key, content, aad), Err(CryptoError::Decryption));
            };
            refused(&content, b"aae");
            refused(&EncryptedContent { iv: content.iv[1..].to_vec(), ..content.clone() }, b"aad");
            refused(
                &EncryptedContent { tag: content.tag[1..].to_vec(), ..content.clone() },
                b"aad",
            );
            let mut longer = content.clone();
            longer.ciphertext.push(0);
            refused(&longer, b"aad");
        }
        // A key of another length.
        let other = ALL.into_iter().find(|other| other.key_len() != encryption.key_len()).unwrap();
        let short = Cek::random(other, &mut rng);
        assert!(encryption.encrypt(&short, b"", b"", &mut rng).is_err());
    }
    assert_eq!(ContentEncryption::from_name("A128GCM"), None);
}
