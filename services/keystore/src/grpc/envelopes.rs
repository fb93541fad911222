//! Envelopes: the conversion of what is asked and answered.

use entente_did::DidUrl;
use entente_didcomm::envelope::MAX_RECIPIENTS;
use entente_didcomm::envelope::v2::{Layer, NamedKey};
use entente_didcomm::primitives::ContentEncryption;
use entente_rpc::proto::keystore::v1 as pb;

use crate::error::KeystoreError;
use crate::keystore::{Keystore, PackV2, UnpackKeys, Unpacked, parse_key};

pub(super) async fn pack(
    keystore: &Keystore,
    tenant: &str,
    request: pb::PackRequest,
) -> Result<pb::PackResponse, KeystoreError> {
    let format = pb::EnvelopeFormat::try_from(request.format)
        .map_err(|_| KeystoreError::field("format", "is not a format that this version writes"))?;
    let envelope = match format {
        pb::EnvelopeFormat::Unspecified | pb::EnvelopeFormat::V1 => {
            let sender = Some(request.sender_key.as_str()).filter(|key| !key.is_empty());
            keystore.pack_v1(tenant, &request.plaintext, &request.recipient_keys, sender).await?
        }
        pb::EnvelopeFormat::V2 => {
            let one = |field, key: Option<pb::KeyReference>| {
                key.map(|key| reference(field, key)).transpose()
            };
            let request = PackV2 {
                plaintext: &request.plaintext,
                recipients: references("recipients", request.recipients)?,
                sender: one("sender", request.sender)?,
                signer: one("signer", request.signer)?,
                protect_sender: request.protect_sender,
                encryption: content_encryption(request.content_encryption)?,
            };
            keystore.pack_v2(tenant, request).await?
        }
    };
    Ok(pb::PackResponse { envelope: envelope.into() })
}

pub(super) async fn unpack(
    keystore: &Keystore,
    request: pb::UnpackRequest,
) -> Result<pb::UnpackResponse, KeystoreError> {
    let keys = UnpackKeys {
        recipients: references("recipients", request.recipients)?,
        senders: references("senders", request.senders)?,
        signers: references("signers", request.signers)?,
    };
    let unpacked = keystore.unpack(&request.envelope, keys).await?;
    Ok(match unpacked {
        Unpacked::V1 { opened, tenant } => {
            let layer = match opened.sender {
                Some(_) => pb::EnvelopeLayer::Authcrypt,
                None => pb::EnvelopeLayer::Anoncrypt,
            };
            pb::UnpackResponse {
                plaintext: opened.plaintext.into(),
                recipient_key: opened.recipient.multibase(),
                sender_key: opened.sender.map(|key| key.multibase()).unwrap_or_default(),
                tenant,
                format: pb::EnvelopeFormat::V1.into(),
                layers: vec![layer.into()],
                ..Default::default()
            }
        }
        Unpacked::V2 { opened, tenant } => {
            let (recipient_kid, recipient_key) = named(opened.recipient);
            let (sender_kid, sender_key) = named(opened.sender);
            let (signer_kid, signer_key) = named(opened.signer);
            pb::UnpackResponse {
                plaintext: opened.plaintext.into(),
                recipient_key,
                sender_key,
                tenant: tenant.unwrap_or_default(),
                format: pb::EnvelopeFormat::V2.into(),
                recipient_kid,
                sender_kid,
                signer_kid,
                signer_key,
                layers: opened.layers.into_iter().map(|layer| to_layer(layer).into()).collect(),
                ..Default::default()
            }
        }
        Unpacked::UnknownSender(kid) => {
            pb::UnpackResponse { unknown_kids: vec![kid], ..Default::default() }
        }
        Unpacked::UnknownSigners(unknown_signer_kids) => {
            pb::UnpackResponse { unknown_signer_kids, ..Default::default() }
        }
    })
}

fn named(key: Option<NamedKey>) -> (String, String) {
    key.map(|named| (named.kid, named.key.multibase())).unwrap_or_default()
}

fn to_layer(layer: Layer) -> pb::EnvelopeLayer {
    match layer {
        Layer::Anoncrypt => pb::EnvelopeLayer::Anoncrypt,
        Layer::Authcrypt => pb::EnvelopeLayer::Authcrypt,
        Layer::Signed => pb::EnvelopeLayer::Signed,
    }
}

fn references(field: &str, keys: Vec<pb::KeyReference>) -> Result<Vec<NamedKey>, KeystoreError> {
    if keys.len() > MAX_RECIPIENTS {
        let problem = format!("has {} keys; at most {MAX_RECIPIENTS} are taken", keys.len());
        return Err(KeystoreError::field(field, problem));
    }
    keys.into_iter()
        .enumerate()
        .map(|(index, key)| reference(&format!("{field}[{index}]"), key))
        .collect()
}

fn reference(field: &str, reference: pb::KeyReference) -> Result<NamedKey, KeystoreError> {
    let key = parse_key(&format!("{field}.key"), &reference.key)?;
    match DidUrl::parse(&reference.kid) {
        Ok(url) if url.fragment.is_some() => Ok(NamedKey::new(reference.kid, key)),
        _ => Err(KeystoreError::field(
            format!("{field}.kid"),
            "is not the DID URL of a key (did:peer:2.E…#key-1)",
        )),
    }
}

fn content_encryption(value: i32) -> Result<ContentEncryption, KeystoreError> {
    use pb::ContentEncryption as E;
    match E::try_from(value) {
        Ok(E::Unspecified | E::A256cbcHs512) => Ok(ContentEncryption::A256CbcHs512),
        Ok(E::A256gcm) => Ok(ContentEncryption::A256Gcm),
        Ok(E::Xc20p) => Ok(ContentEncryption::Xc20p),
        Err(_) => Err(KeystoreError::field(
            "content_encryption",
            "is not a cipher that this version writes",
        )),
    }
}
