// Envelopes by didcomm-node: any message, from anybody, and what the envelope proves of it.
import { didcomm, sdk } from "./packages.js";

/** The only content type that a Cloud Agent takes. */
export const ENCRYPTED = "application/didcomm-encrypted+json";

/** The resolver of the SDK, with the services that it forgets to pass on. */
export function resolver(wallet) {
  return {
    async resolve(did) {
      const document = await wallet.mercury.protocol.didResolver.resolve(did);
      const { services } = await wallet.castor.resolveDID(did);
      document.service = services.map(({ id, serviceEndpoint: { uri, accept, routingKeys } }) => ({
        id: `${did}${id}`,
        type: "DIDCommMessaging",
        serviceEndpoint: { uri, accept: accept ?? [], routingKeys: routingKeys ?? [] },
      }));
      return document;
    },
  };
}

/** The private keys of the wallet; what the SDK has of this kind knows none for signatures. */
function secrets(wallet) {
  const dids = resolver(wallet);
  const find = async (kid) => {
    const [did] = kid.split("#");
    const keys = await wallet.pluto.getDIDPrivateKeysByDID(sdk.Domain.DID.fromString(did));
    if (!keys.length) return null;
    const method = (await dids.resolve(did)).verificationMethod.find(({ id }) => id === kid);
    const key = keys.find(({ curve }) => curve === method?.publicKeyJwk.crv);
    if (!key) return null;
    const { crv, kty, x } = method.publicKeyJwk;
    const d = Buffer.from(key.raw).toString("base64url");
    return { id: kid, type: "JsonWebKey2020", privateKeyJwk: { crv, kty, x, d } };
  };
  return {
    get_secret: find,
    async find_secrets(kids) {
      const found = await Promise.all(kids.map(find));
      return kids.filter((_, index) => found[index]);
    },
  };
}

/**
 * Packs for a DID, wrapped for its mediators, and says where to post it. `from` is whom the envelope proves, `signer`
 * who signs what is in it; without either it is anonymous.
 */
export async function pack(wallet, message, { to, from = null, signer = null, ...options }) {
  const plain = new didcomm.Message({ id: crypto.randomUUID(), typ: "application/didcomm-plain+json", ...message });
  const dids = resolver(wallet);
  const [envelope, told] = await plain.pack_encrypted(to, from, signer, dids, secrets(wallet), options);
  // It tells the endpoint of a mediator only.
  const endpoint = told.messaging_service?.service_endpoint ?? (await dids.resolve(to)).service[0]?.serviceEndpoint.uri;
  return { envelope, endpoint };
}

/** Opens an envelope: the message, and what is known of its sender. */
export async function unpack(wallet, envelope) {
  const [message, proof] = await didcomm.Message.unpack(envelope, resolver(wallet), secrets(wallet), {});
  return [message.as_value(), proof];
}

/** Posts an envelope: the status, and the body if there is one. */
export async function post(url, envelope, type = ENCRYPTED) {
  const answer = await fetch(url, { method: "POST", headers: { "content-type": type }, body: envelope });
  return { status: answer.status, body: await answer.text() };
}

/** A service of a DID: where messages go, and by which mediators. */
export function service(uri, routingKeys = []) {
  const { Service, ServiceEndpoint } = sdk.Domain.DIDDocument;
  return new Service("#didcomm-1", ["DIDCommMessaging"], new ServiceEndpoint(uri, ["didcomm/v2"], routingKeys));
}
