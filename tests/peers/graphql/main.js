// Clients of the GraphQL API, driven by a test: each line of standard input is a command as JSON, each line of standard
// output an answer. It ends with its standard input.
//
//   {"id", "do": "request", url, key, document, variables}    -> {"id", data} or {"id", status, errors}
//   {"id", "do": "subscribe", url, key, document, variables}  -> {"id", next} …, then {"id", complete} or {"id", error}
//   {"id", "do": "stop"}                                      ends the subscription with that id
import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

// The packages are installed away from the sources, in the folder that GRAPHQL_PACKAGES names.
const { resolve } = createRequire(join(process.env.GRAPHQL_PACKAGES, "package.json"));
const load = (name) => import(pathToFileURL(resolve(name)));
const { GraphQLClient, ClientError } = await load("graphql-request");
const { createClient } = await load("graphql-ws");
const { default: WebSocket } = await load("ws");

const running = new Map();
const tell = (message) => console.log(JSON.stringify(message));

async function request({ id, url, key, document, variables }) {
  const client = new GraphQLClient(url, { headers: key ? { "x-api-key": key } : {} });
  try {
    tell({ id, data: await client.request(document, variables) });
  } catch (error) {
    if (!(error instanceof ClientError)) throw error;
    const { status, errors, data } = error.response;
    tell({ id, status, errors, data });
  }
}

async function subscribe({ id, url, key, document, variables }) {
  const client = createClient({
    url: url.replace(/^http/, "ws"),
    webSocketImpl: WebSocket,
    connectionParams: key ? { "x-api-key": key } : {},
    retryAttempts: 0,
    on: { connected: () => tell({ id, connected: true }) },
  });
  const stop = client.subscribe(
    { query: document, variables },
    {
      next: (next) => tell({ id, next }),
      error: (error) => tell({ id, error: Array.isArray(error) ? error : [{ closed: error.code, message: error.reason ?? error.message }] }),
      complete: () => tell({ id, complete: true }),
    },
  );
  running.set(id, stop);
}

const commands = {
  request,
  subscribe,
  stop: async ({ id }) => running.get(id)?.(),
};

tell({ ready: true });
for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  commands[command.do](command).catch((error) => tell({ id: command.id, broken: String(error) }));
}
process.exit();
