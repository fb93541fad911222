// The messages of the handshake, as those who are out there write them.
import { sdk } from "./packages.js";

export const REQUEST = "https://atalaprism.io/mercury/connections/1.0/request";
export const RESPONSE = "https://atalaprism.io/mercury/connections/1.0/response";
export const PING = "https://didcomm.org/trust-ping/2.0/ping";
export const PONG = "https://didcomm.org/trust-ping/2.0/ping-response";

/** Who writes an invitation: its message and the value of `_oob`. */
const invitations = {
  "cloud-agent"(from, { expires, ...goals }) {
    return padded({
      id: crypto.randomUUID(),
      type: "https://didcomm.org/out-of-band/2.0/invitation",
      from,
      body: { ...goals, accept: [] },
      expires_time: expires,
    });
  },
  // Cloud Agents before December 2024 wrote what is not there as null.
  "old-cloud-agent"(from, { expires, ...goals }) {
    return invitations["cloud-agent"](from, { expires, goal_code: null, goal: null, ...goals });
  },
  // The SDK writes its own class as it is, in base64 with the standard alphabet.
  sdk(from, { expires = null, ...goals }) {
    const body = { ...goals, accept: ["didcomm/v2"] };
    const invitation = new sdk.OutOfBandInvitation(body, from, crypto.randomUUID(), [], expires);
    const json = JSON.stringify(invitation);
    return { invitation: JSON.parse(json), oob: Buffer.from(json).toString("base64") };
  },
};

function padded(message) {
  const json = JSON.stringify(message);
  const oob = Buffer.from(json).toString("base64url");
  return { invitation: JSON.parse(json), oob: oob.padEnd(Math.ceil(oob.length / 4) * 4, "=") };
}

/** An invitation from a DID. */
export function invite(from, { shape = "cloud-agent", ...options }) {
  const { invitation, oob } = invitations[shape](from, options);
  return { invitation, oob, url: `https://my.domain.com/path?_oob=${oob}` };
}

/** The request that a Cloud Agent answers an invitation with; the SDK has a class for its own. */
export function request(invitation, from) {
  const { goal_code, goal, accept } = invitation.body;
  return connections(REQUEST, from, invitation.from, invitation.id, invitation.id, { goal_code, goal, accept });
}

/** The response that a Cloud Agent answers a request with. */
export function response(request) {
  const { goal_code, goal, accept } = request.body;
  const [from] = request.to;
  return connections(RESPONSE, from, request.from, request.thid ?? request.id, request.pthid, {
    goal_code,
    goal,
    accept,
  });
}

function connections(type, from, to, thid, pthid, body) {
  const now = Math.floor(Date.now() / 1000);
  return {
    id: crypto.randomUUID(),
    type,
    from,
    to: [to],
    thid,
    ...(pthid && { pthid }),
    created_time: now,
    expires_time: now + 1000,
    body: JSON.parse(JSON.stringify(body)),
  };
}
