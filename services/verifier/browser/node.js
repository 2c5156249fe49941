// Asking an Ethereum node for a root and a transaction, by JSON-RPC. Sends nothing but hashes and the registry's address.
//
// Sources: Ethereum JSON-RPC API (execution-apis); Contract ABI Specification 2.0. As shared/chain/registry.py.
import {bodyOf, patience} from './request.js';
import {TryLater, Unreadable} from './errors.js';
import {shown} from './multibase.js';

const ANCHOR_OF = '0xcf4ff901'; // the first four bytes of keccak256("anchorOf(bytes32)")
const MOST_BYTES = 4 * 1024 * 1024;
const MOST_TRANSACTIONS = 8; // asked for one file; one of ours names one or two

/**
 * @typedef {{blockNumber: number, revokedAt: Date | null}} Anchoring
 * @typedef {{hash: string, to: string | null, input: string, succeeded: boolean | null, blockNumber: number | null}} TransactionFacts
 * @typedef {{chainId: number, finalizedBlock: number, registries: {network: string, registry: string, anchorings: Map<string, Anchoring | null>}[],
 *   transactions: Map<string, TransactionFacts | null>, others: boolean}} ChainAnswers `registries`: all of the issuer on this chain; `others`: it has some elsewhere
 */

/**
 * @param {string} nodeUrl
 * @param {{network: string, chainId: number, registry: string}[]} networks the issuer's registries
 * @param {string[]} roots hex
 * @param {{chainId: number, transaction: string}[]} anchors
 * @param {typeof fetch} ask
 * @returns {Promise<ChainAnswers>}
 * @throws {Unreadable} for more transactions than a file of ours names
 * @throws {TryLater} when the node is away, on a chain without a registry of the issuer, or its answers can't be read
 */
export async function chainAnswers(nodeUrl, networks, roots, anchors, ask) {
  const named = new Set(anchors.map(anchor => `${anchor.chainId} ${anchor.transaction}`));
  if (named.size > MOST_TRANSACTIONS) throw new Unreadable(`got ${named.size} transactions in the proofs, expected at most ${MOST_TRANSACTIONS}`);
  const node = (method, ...params) => call(nodeUrl, method, params, ask);
  const chainId = quantity(await node('eth_chainId'));
  const here = networks.filter(network => network.chainId === chainId);
  if (!here.length) {
    const known = networks.map(network => `${network.network} (chain ${network.chainId})`).join(', ') || 'none';
    throw new TryLater(`the node is on chain ${chainId}, expected one where the issuer has a registry: ${known}`);
  }
  const finalizedBlock = await finalized(node); // first: what is final now can't be less final a moment later
  const transactions = new Map();
  for (const {chainId: on, transaction} of anchors) {
    if (on === chainId && !transactions.has(transaction)) transactions.set(transaction, await transactionFacts(node, transaction));
  }
  const registries = [];
  for (const each of here) {
    const registry = each.registry.toLowerCase();
    registries.push({network: each.network, registry, anchorings: await anchoringsIn(node, registry, roots, chainId)});
  }
  return {chainId, finalizedBlock, registries, transactions, others: here.length < networks.length};
}

async function anchoringsIn(node, registry, roots, chainId) {
  const code = await node('eth_getCode', registry, 'latest');
  if (typeof code !== 'string' || code.length <= 2) throw new TryLater(`no contract at ${registry} on chain ${chainId}`);
  const anchorings = new Map();
  for (const root of new Set(roots)) anchorings.set(root, await anchorOf(node, registry, root));
  return anchorings;
}

async function finalized(node) {
  const block = await node('eth_getBlockByNumber', 'finalized', false);
  if (block === null) throw new TryLater('the node knows no finalized block yet');
  return quantity(block?.number);
}

/** `anchorOf(root)` gives three 32-byte words: time, block number, time of revocation; zeros = unknown. */
async function anchorOf(node, registry, root) {
  const answer = await node('eth_call', {to: registry, data: ANCHOR_OF + root}, 'latest');
  if (typeof answer !== 'string' || !/^0x[0-9a-f]{192}$/i.test(answer)) {
    throw new TryLater(`the contract at ${registry} answered ${shown(answer, 100)}, expected three words`);
  }
  const [time, blockNumber, revoked] = [0, 1, 2].map(word => quantity(`0x${answer.slice(2 + 64 * word, 66 + 64 * word)}`));
  return time === 0 ? null : {blockNumber, revokedAt: revoked ? new Date(revoked * 1000) : null};
}

async function transactionFacts(node, hash) {
  const sent = await node('eth_getTransactionByHash', hash);
  if (sent === null) return null;
  const receipt = await node('eth_getTransactionReceipt', hash);
  for (const each of [sent, receipt ?? sent]) {
    const named = each.hash ?? each.transactionHash;
    if (typeof named !== 'string' || named.toLowerCase() !== hash) throw new TryLater(`the node answered with transaction ${shown(named, 80)}, expected ${hash}`);
  }
  return {
    hash,
    to: typeof sent.to === 'string' ? sent.to.toLowerCase() : null,
    input: typeof sent.input === 'string' ? sent.input.toLowerCase() : '',
    succeeded: receipt === null ? null : receipt.status === '0x1',
    blockNumber: receipt === null ? null : quantity(receipt.blockNumber),
  };
}

function quantity(value) {
  const number = typeof value === 'string' && /^0x[0-9a-f]{1,64}$/i.test(value) ? Number(BigInt(value)) : NaN;
  if (!Number.isSafeInteger(number)) throw new TryLater(`the node answered ${shown(value, 80)}, expected a number`);
  return number;
}

/** The result of one call. Texts of errors leave out the node's URL: it may hold the visitor's API key. */
async function call(url, method, params, ask) {
  const {signal, stop} = patience();
  try {
    const got = await ask(url, {
      method: 'POST', headers: {'content-type': 'application/json'}, body: JSON.stringify({jsonrpc: '2.0', id: 1, method, params}),
      credentials: 'omit', referrerPolicy: 'no-referrer', cache: 'no-store', redirect: 'error', signal,
    });
    if (!got.ok) throw new TryLater(`the node answered ${got.status} to ${method}`);
    const answer = JSON.parse(new TextDecoder().decode(await bodyOf(got, MOST_BYTES)));
    if (answer?.error) throw new TryLater(`the node refused ${method}: ${shown(answer.error.message, 200)}`);
    if (answer?.result === undefined) throw new TryLater(`the node's answer to ${method} holds no result`);
    return answer.result;
  } catch (error) {
    throw error instanceof TryLater ? error : new TryLater(`node away or unwell (${method}): ${error.name}`); // the texts of others may hold the URL
  } finally {
    stop();
  }
}
