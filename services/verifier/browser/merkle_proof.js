// The proof value of merkle-proof-2019 (CBOR in base58btc), and the path from a leaf to the root.
// As shared/credentials/merkle_proof.py and shared/credentials/merkle.py.
//
// Source: MerkleProof2019 (W3C CCG, https://w3c-ccg.github.io/lds-merkle-proof-2019/) as Blockcerts writes it.
import {sha256} from '@noble/hashes/sha2.js';
import {concatBytes} from '@noble/hashes/utils.js';
import {decodeFirst} from 'cborg';
import {Unreadable} from './errors.js';
import {fromBase58, fromHex, toHex} from './multibase.js';

export const CRYPTOSUITE = 'merkle-proof-2019';

const LONGEST_PATH = 32; // no tree of ours is deeper: 2^32 leaves
const MOST_CHARACTERS = 16_384;
const MOST_ANCHORS = 16;
const MOST_PAIRS = 16;
const [MERKLE_ROOT, TARGET_HASH, ANCHORS, PATH] = [0, 1, 2, 3];
const [CHAIN, NETWORK, TRANSACTION] = [0, 1, 2];
const ETHEREUM = 1;

/**
 * @typedef {{side: 'left' | 'right', sibling: Uint8Array}} Step
 * @typedef {{chainId: number, transaction: string}} Anchor
 * @typedef {{path: Step[], merkleRoot: Uint8Array, targetHash: Uint8Array, anchors: Anchor[]}} MerkleProof
 */

/**
 * The proof in a proof value of any writer.
 * @param {string} value
 * @returns {MerkleProof}
 * @throws {Unreadable} for everything that isn't one
 */
export function decodeProof(value) {
  const data = fromBase58(value, MOST_CHARACTERS);
  try {
    const fields = pairs(decoded(data));
    return {
      path: listed(fields.get(PATH), LONGEST_PATH).map(step => ({side: sideOf(pair(step)[0]), sibling: hash(step[1])})),
      merkleRoot: hash(fields.get(MERKLE_ROOT)),
      targetHash: hash(fields.get(TARGET_HASH)),
      anchors: listed(fields.get(ANCHORS), MOST_ANCHORS).map(parts => anchor(pairs(parts))),
    };
  } catch (error) { // untrusted bytes: whatever the decoder or the shape throws, it is no proof
    throw new Unreadable(`expected a merkle-proof-2019 proof value: ${error.message}`);
  }
}

/**
 * The root to which `path` leads from `leaf`. Sides are followed as they are given: what other verifiers do.
 * @param {Uint8Array} leaf
 * @param {Step[]} path
 */
export function rootOf(leaf, path) {
  return path.reduce((node, {side, sibling}) => sha256(side === 'left' ? concatBytes(sibling, node) : concatBytes(node, sibling)), leaf);
}

const decoded = bytes => decodeFirst(bytes)[0];

/** An array of [number, value] pairs, each number once. @returns {Map<number, any>} */
function pairs(content) {
  const made = new Map(listed(content, MOST_PAIRS).map(each => pair(each)));
  if (made.size !== content.length || [...made.keys()].some(key => !Number.isSafeInteger(key))) throw new Error('got other than pairs of a number and a value, expected each number once');
  return made;
}

function pair(content) {
  if (listed(content, 2).length !== 2) throw new Error(`got ${content.length} values, expected a pair`);
  return content;
}

function anchor(parts) {
  if (parts.get(CHAIN) !== ETHEREUM) throw new Error(`got chain ${parts.get(CHAIN)}, expected Ethereum (${ETHEREUM})`);
  const chainId = parts.get(NETWORK);
  if (!Number.isSafeInteger(chainId) || chainId < 1) throw new Error(`got network ${chainId}, expected a chain id`);
  return {chainId, transaction: `0x${toHex(hash(parts.get(TRANSACTION)))}`};
}

/** 32 bytes, from hexadecimal text (Blockcerts in Python) or from a byte string (Blockcerts in JavaScript). */
function hash(content) {
  const inner = decoded(content);
  const digest = inner instanceof Uint8Array ? inner : fromHex(typeof inner === 'string' ? inner.replace(/^0x/, '') : inner);
  if (digest.length !== 32) throw new Error(`got a hash of ${digest.length} bytes, expected 32`);
  return digest;
}

function sideOf(side) {
  if (side !== 0 && side !== 1) throw new Error(`got side ${side}, expected 0 (left) or 1 (right)`);
  return side === 0 ? 'left' : 'right';
}

function listed(content, most) {
  if (!Array.isArray(content) || content.length > most) throw new Error(`got ${typeof content}, expected an array of at most ${most}`);
  return content;
}
