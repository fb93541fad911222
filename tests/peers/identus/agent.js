// An agent in somebody's hands: the SDK's wallet, and what makes a Cloud Agent of it.
import { pack, post, service, unpack } from "./envelope.js";
import * as messages from "./messages.js";
import { sdk } from "./packages.js";
import { Store } from "./store.js";

const { Apollo, HandshakeRequest, ListenerKey, Pluto } = sdk;
const { Message } = sdk.Domain;

/** How often a wallet asks its mediator for messages, in milliseconds. */
const PICKUP = 100;

/** A message that is refused, and the status that says so. */
export class Refusal extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/**
 * `reach` is how messages get to it:
 * - direct: it listens at `url`
 * - return-route: it does not listen; replies come in the answer to what it sent
 * - mediator: its DIDs name the DID of a mediator, which it asks for messages, as wallets do
 * - routed: its DIDs name the URL of a mediator, and the mediator's DID as routing key
 */
export class Agent {
  received = [];
  errors = [];
  #handshakes = [];
  #invitations = new Map();

  constructor(reach, url, mediator) {
    Object.assign(this, { reach, url, mediator });
    const apollo = new Apollo();
    this.pluto = new Pluto(new Store(), apollo);
    const mediatorDID = this.#isMediated() ? mediator.did : undefined;
    this.wallet = sdk.Agent.initialize({ pluto: this.pluto, apollo, mediatorDID });
  }

  #isMediated() {
    return this.reach === "mediator" || this.reach === "routed";
  }

  async start() {
    const { wallet } = this;
    wallet.addListener(ListenerKey.MESSAGE, (list) => list.forEach((message) => this.#pickUp(plain(message))));
    await wallet.start();
    if (this.#isMediated()) {
      wallet.stopFetchingMessages();
      await wallet.startFetchingMessages(PICKUP);
    }
    if (this.reach === "return-route") {
      wallet.mercury.protocol.doesRequireReturnRoute = () => true;
    }
    return this;
  }

  /** A new DID of its own. */
  async did() {
    const services = {
      direct: () => [service(this.url)],
      "return-route": () => [],
      mediator: () => [],
      routed: () => [service(this.mediator.url, [this.mediator.did])],
    };
    const did = await this.wallet.createNewPeerDID(services[this.reach](), this.#isMediated());
    return did.toString();
  }

  /** Makes an invitation. What comes for it is answered, unless `silent`. */
  async invite({ silent = false, did, ...options }) {
    const from = did ?? (await this.did());
    const invitation = messages.invite(from, options);
    this.#invitations.set(invitation.invitation.id, { from, silent });
    return { did: from, ...invitation };
  }

  /** Reads an invitation as the SDK does; it throws what the SDK throws. */
  async read(url) {
    return this.wallet.parseOOBInvitation(new URL(url));
  }

  /** Accepts an invitation, as the SDK does it or as a Cloud Agent does. */
  async accept({ url, as = "sdk" }) {
    const invitation = await this.read(url);
    if (this.reach === "mediator") return this.#acceptWhole(invitation);
    const did = await this.did();
    this.#handshakes.push({ role: "Invitee", thid: invitation.id, myDid: did, theirDid: invitation.from });
    if (as === "cloud-agent") {
      await this.send(messages.request(invitation, did));
    } else {
      const request = HandshakeRequest.fromOutOfBand(invitation, sdk.Domain.DID.fromString(did));
      await this.#deliver(request.makeMessage());
    }
    await this.#pair(did, invitation.from, invitation.id);
    return this.connection(invitation.id);
  }

  /** The way of the SDK from beginning to end. */
  async #acceptWhole(invitation) {
    await this.wallet.acceptInvitation(invitation, invitation.id);
    const pair = await this.pluto.getPairByName(invitation.id);
    const [myDid, theirDid] = [pair.host.toString(), pair.receiver.toString()];
    this.#handshakes.push({ role: "Invitee", thid: invitation.id, myDid, theirDid });
    return this.connection(invitation.id);
  }

  /** Sends a message with the SDK: type, from, to, body and thid are what it knows. */
  async say({ type, from, to, body, thid }) {
    const [sender, recipient] = [from, to].map((did) => sdk.Domain.DID.fromString(did));
    const message = new Message(body ?? {}, crypto.randomUUID(), type, sender, recipient, [], thid);
    await this.#deliver(message);
    return { id: message.id };
  }

  async #deliver(message) {
    if (this.reach !== "return-route") {
      await this.wallet.sendMessage(message);
      return;
    }
    const reply = await this.wallet.mercury.sendMessageParseMessage(message);
    if (reply) this.#keep(plain(reply));
  }

  /** Sends a message with didcomm-node, however it is made. */
  async send(message) {
    const { envelope, endpoint } = await this.pack({ message, from: message.from, to: message.to[0] });
    const answer = await post(endpoint, envelope);
    if (answer.status >= 300) throw new Refusal(answer.status, `refused: ${answer.body}`);
  }

  /** An envelope for a DID. */
  pack({ message, ...options }) {
    return pack(this.wallet, message, options);
  }

  /** Takes what came over HTTP. */
  async take(envelope) {
    const [message, proof] = await unpack(this.wallet, envelope);
    if (!proof.encrypted || !proof.authenticated) throw new Refusal(400, "nobody is proven to have sent this");
    if (!message.from || message.to?.length !== 1) throw new Refusal(400, "from and one to are needed");
    if (message.type === messages.REQUEST) await this.#takeRequest(message);
    this.#keep(message, proof);
  }

  async #takeRequest(request) {
    const id = request.thid ?? request.id;
    const invitation = this.#invitations.get(id);
    if (invitation?.from !== request.to[0]) throw new Refusal(400, `ThreadIdNotFound: ${id}`);
    if (invitation.used) throw new Refusal(400, `InvalidStateForOperation: ${id}`);
    invitation.used = true;
    this.#handshakes.push({ role: "Inviter", thid: id, myDid: request.to[0], theirDid: request.from });
    if (!invitation.silent) this.#later(() => this.#respond(request, id));
  }

  async #respond(request, id) {
    await this.send(messages.response(request));
    this.#handshakes.find(({ thid }) => thid === id).answered = true;
    await this.#pair(request.to[0], request.from, id);
  }

  /** Takes what the mediator kept. The SDK opened it, and does not tell by which key. */
  #pickUp(message) {
    if (message.type === messages.REQUEST) this.#later(() => this.#takeRequest(message));
    this.#keep(message);
  }

  #keep(message, proof) {
    this.received.push({ ...message, sender: proof?.encrypted_from_kid });
    const { type, id, from, to, body } = message;
    if (type === messages.PING && body?.response_requested !== false) {
      this.#later(() => this.send({ type: messages.PONG, from: to[0], to: [from], thid: id, body: {} }));
    }
  }

  /** Does what must not hold up the answer to who asked for it. */
  #later(act) {
    act().catch((error) => this.errors.push(String(error?.stack ?? error)));
  }

  async #pair(host, receiver, alias) {
    const [mine, theirs] = [host, receiver].map((did) => sdk.Domain.DID.fromString(did));
    await this.pluto.storeDIDPair(mine, theirs, alias);
  }

  /** The connection of an invitation: the state is the Cloud Agent's word for it. */
  connection(id) {
    const handshake = this.#handshakes.find(({ thid }) => thid === id);
    if (!handshake) throw new Refusal(404, `ThreadIdNotFound: ${id}`);
    const { answered, ...connection } = handshake;
    return { ...connection, state: this.#state(connection, answered) };
  }

  connections() {
    return this.#handshakes.map(({ thid }) => this.connection(thid));
  }

  #state({ role, thid, myDid, theirDid }, answered) {
    if (role === "Inviter") return answered ? "ConnectionResponseSent" : "ConnectionResponsePending";
    const responded = this.received.some(
      (message) =>
        message.type === messages.RESPONSE &&
        message.thid === thid &&
        message.from === theirDid &&
        message.to.length === 1 &&
        message.to[0] === myDid,
    );
    return responded ? "ConnectionResponseReceived" : "ConnectionRequestSent";
  }
}

/** A message of the SDK as it is written. */
function plain({ id, piuri, from, to, thid, pthid, body, createdTime, expiresTimePlus }) {
  const times = { created_time: createdTime, expires_time: expiresTimePlus };
  return { id, type: piuri, from: from?.toString(), to: to ? [to.toString()] : [], thid, pthid, body, ...times };
}
