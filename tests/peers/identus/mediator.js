// A mediator: it keeps messages for wallets until they ask for them, as the SDK does.
import { pack, service, unpack } from "./envelope.js";
import { sdk } from "./packages.js";
import { Store } from "./store.js";

const { Apollo, Pluto } = sdk;

export class Mediator {
  /** What was forwarded: to whom, and whether nobody was named as the sender. */
  forwarded = [];
  #clients = new Map();
  #mailboxes = new Map();

  async start(url) {
    this.url = url;
    const apollo = new Apollo();
    this.wallet = sdk.Agent.initialize({ pluto: new Pluto(new Store(), apollo), apollo });
    await this.wallet.start();
    this.did = (await this.wallet.createNewPeerDID([service(url)], false)).toString();
    return this;
  }

  /** Takes a message; the answer goes back in the answer to the call. */
  async take(envelope) {
    const [message, proof] = await unpack(this.wallet, envelope);
    const [, protocol, name] = message.type.match(/^https:\/\/didcomm\.org\/([^/]+)\/[^/]+\/(.+)$/);
    const reply = this.#steps[`${protocol}/${name}`]?.(message, proof);
    if (!reply) return undefined;
    const { type, ...rest } = reply;
    const answer = { type, from: this.did, to: [message.from], thid: message.thid ?? message.id, ...rest };
    return (await pack(this.wallet, answer, { to: message.from, from: this.did, forward: false })).envelope;
  }

  #steps = {
    "coordinate-mediation/mediate-request": ({ from }) => {
      this.#mailboxes.set(from, []);
      return {
        type: "https://didcomm.org/coordinate-mediation/2.0/mediate-grant",
        body: { routing_did: this.did },
      };
    },

    "coordinate-mediation/keylist-update": ({ from, body }) => {
      for (const { recipient_did } of body.updates) this.#clients.set(recipient_did, from);
    },

    "routing/forward": ({ body, attachments }, { anonymous_sender }) => {
      const [did] = body.next.split("#");
      const mailbox = this.#mailboxes.get(this.#clients.get(did));
      if (!mailbox) throw new Error(`${did} is nobody's here`);
      this.forwarded.push({ next: body.next, anonymous: anonymous_sender });
      for (const { data } of attachments) {
        const json = data.json ?? JSON.parse(Buffer.from(data.base64, "base64url"));
        mailbox.push({ id: crypto.randomUUID(), media_type: "application/didcomm-encrypted+json", data: { json } });
      }
    },

    "messagepickup/delivery-request": ({ from, body }) => {
      const attachments = (this.#mailboxes.get(from) ?? []).slice(0, body.limit);
      if (attachments.length) {
        return { type: "https://didcomm.org/messagepickup/3.0/delivery", body: {}, attachments };
      }
      return { type: "https://didcomm.org/messagepickup/3.0/status", body: { message_count: 0 } };
    },

    "messagepickup/messages-received": ({ from, body }) => {
      const left = this.#mailboxes.get(from).filter(({ id }) => !body.message_id_list.includes(id));
      this.#mailboxes.set(from, left);
    },
  };
}
