// Agents and a mediator on one port of loopback: messages come to /agents/<n> and /mediator, and a test says by
// POST /control/<command> what an agent shall do. It ends with its standard input.
import { createServer } from "node:http";

import { Agent, Refusal } from "./agent.js";
import { ENCRYPTED } from "./envelope.js";
import { Mediator } from "./mediator.js";

const agents = [];
const mediator = new Mediator();
const server = createServer((request, response) => {
  answer(request).then(
    ([status, body, type]) => response.writeHead(status, { "content-type": type ?? "text/plain" }).end(body),
    (error) => response.writeHead(error.status ?? 400).end(String(error?.stack ?? error)),
  );
});
await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
const url = `http://127.0.0.1:${server.address().port}`;
await mediator.start(`${url}/mediator`);
console.log(JSON.stringify({ ready: true, url }));
process.stdin.resume().on("end", () => process.exit());

async function answer(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = Buffer.concat(chunks).toString();
  const [, place, name] = request.url.split("/");
  if (place === "control") return control(name, JSON.parse(body));
  if (request.headers["content-type"] !== ENCRYPTED) throw new Refusal(400, "InvalidContentType");
  if (place === "mediator") {
    const reply = await mediator.take(body);
    return reply ? [200, reply, ENCRYPTED] : [202];
  }
  const agent = agents[name];
  if (agent?.reach !== "direct") throw new Refusal(404, "nobody listens here");
  await agent.take(body);
  return [200];
}

async function control(command, { agent, ...given }) {
  try {
    const told = await commands[command](agents[agent], given);
    return [200, JSON.stringify(told ?? null), "application/json"];
  } catch (error) {
    // The SDK throws what a peer refused as ApiError with httpStatus.
    const status = error?.status ?? error?.httpStatus ?? null;
    const told = { name: error?.name, message: error?.message ?? String(error), status };
    return [500, JSON.stringify(told), "application/json"];
  }
}

const commands = {
  async start(_, { reach }) {
    const agent = agents.push(null) - 1;
    agents[agent] = await new Agent(reach, `${url}/agents/${agent}`, mediator).start();
    return { agent };
  },
  did: (agent) => agent.did(),
  invite: (agent, options) => agent.invite(options),
  read: (agent, { url }) => agent.read(url),
  accept: (agent, options) => agent.accept(options),
  say: (agent, message) => agent.say(message),
  pack: (agent, options) => agent.pack(options),
  connections: (agent) => agent.connections(),
  received: (agent) => agent.received,
  errors: (agent) => agent.errors,
  forwarded: () => mediator.forwarded,
};
