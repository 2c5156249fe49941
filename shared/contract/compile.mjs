// node shared/contract/compile.mjs [file]: AnchorRegistry.sol -> AnchorRegistry.json, the same bytes on every machine.
// No metadata hash goes into the bytecode (bytecodeHash none, appendCBOR false), so paths and comments do not change it.
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const require = createRequire(import.meta.url);
const solc = require("solc");
const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const source = readFileSync(here("AnchorRegistry.sol"), "utf8");

const settings = {
  evmVersion: "cancun",
  optimizer: { enabled: true, runs: 200 },
  metadata: { bytecodeHash: "none", appendCBOR: false },
};
const input = {
  language: "Solidity",
  sources: { "AnchorRegistry.sol": { content: source } },
  settings: { ...settings, outputSelection: { "*": { AnchorRegistry: ["abi", "evm.bytecode.object"] } } },
};
const readImport = (path) => {
  try {
    return { contents: readFileSync(require.resolve(path), "utf8") };
  } catch (error) {
    return { error: `${path}: ${error.message}; run npm ci` };
  }
};

const output = JSON.parse(solc.compile(JSON.stringify(input), { import: readImport }));
const complaints = output.errors ?? [];
for (const { formattedMessage } of complaints) console.error(formattedMessage);
if (complaints.length > 0) process.exit(1);

const { abi, evm } = output.contracts["AnchorRegistry.sol"].AnchorRegistry;
const artifact = {
  contractName: "AnchorRegistry",
  compiler: solc.version(),
  settings,
  sourceSha256: createHash("sha256").update(source).digest("hex"),
  abi,
  bytecode: `0x${evm.bytecode.object}`,
};
const file = process.argv[2] ?? here("AnchorRegistry.json");
writeFileSync(file, `${JSON.stringify(artifact, null, 1)}\n`);
console.log(`${file}: ${evm.bytecode.object.length / 2} bytes, ${artifact.compiler}`);
