// The packages under test. They are installed away from the sources, in the folder that IDENTUS_PACKAGES names.
import { createRequire } from "node:module";
import { resolve } from "node:path";

const require = createRequire(resolve(process.env.IDENTUS_PACKAGES, "package.json"));

/** The SDK that wallets of Identus are made with. */
export const sdk = require("@hyperledger/identus-sdk");

/** DIDComm v2 as most agents in JavaScript have it. */
export const didcomm = require("didcomm-node");
