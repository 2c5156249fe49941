// The seven checks of a credential, each with one of three outcomes: ok, failed, unknown.
// Numbers, names, outcomes and findings are those of services/verifier/check/checks.py.
//
// Sources: Data Integrity EdDSA Cryptosuites 1.0; Bitstring Status List 1.0, section 3.2 (validate algorithm);
// MerkleProof2019; did:web. Checked beyond them: the registry that answers, the transaction's outcome, finality.
import {keyOf, leafOf, verifyProof} from './credential.js';
import {DoNotTrust, HoldsNothing, KeyNotListed, Unreadable} from './errors.js';
import {Away} from './evidence.js';
import {decodeProof, rootOf} from './merkle_proof.js';
import {fromBase64url, shown, toHex} from './multibase.js';
import {list, moment, object, text} from './badge.js';
import {unpacked} from './unpack.js';

const LIST_BITS = 131_072; // of a status list of ours, exactly; also the limit for a decompression bomb

/**
 * @typedef {import('./badge.js').Badge} Badge
 * @typedef {'' | 'revoked' | 'expired' | 'early' | 'pending' | 'empty'} Finding why it failed or is unknown, when the reason is a state of a genuine credential
 * @typedef {{number: number, outcome: 'ok' | 'failed' | 'unknown', got: string, expected: string, finding: Finding}} Check
 */

/** @returns {Check} */
function check(number, outcome, got, expected, finding = '') {
  return {number, outcome, got: got.slice(0, 500), expected: expected.slice(0, 500), finding};
}

export const unread = error => check(1, 'failed', error.message, 'an Open Badges 3.0 credential', error instanceof HoldsNothing ? 'empty' : '');

export const readable = badge => check(1, 'ok', badge.id, 'an Open Badges 3.0 credential');

/** The issuer is ours by its DID, whose document could be read. Whose key signed is check 3. */
export function checkIssuer(badge, did, key) {
  if (badge.issuer !== did) return check(2, 'failed', badge.issuer, did);
  if (key instanceof Away) return check(2, 'unknown', key.why, `the DID document of ${did}`);
  if (key.document.id !== did) return check(2, 'unknown', `a DID document of ${shown(key.document.id, 200)}`, `one of ${did}`);
  return check(2, 'ok', key.isLive ? did : `${did}, by ${key.source}`, did);
}

/** A copy of the DID document may be older than the key: a key that it doesn't list is unknown then, not false. */
export async function checkSignature(document, issuer, key) {
  const expected = 'an eddsa-rdfc-2022 proof by a key of the issuer, over the whole document';
  if (issuer.outcome === 'failed') return check(3, 'failed', 'a document of another issuer', expected);
  if (issuer.outcome === 'unknown') return check(3, 'unknown', 'no key to check with: see check 2', expected);
  try {
    const publicKey = keyOf(document, key.document);
    await verifyProof(document, publicKey);
    return check(3, 'ok', `signature by ${publicKey}`, expected);
  } catch (error) {
    if (!(error instanceof DoNotTrust || error instanceof Unreadable)) throw error;
    if (error instanceof KeyNotListed && !key.isLive) return check(3, 'unknown', `${error.message}; looked in ${key.source}`, expected);
    return check(3, 'failed', error.message, expected);
  }
}

/** Both ends belong to the period. */
export function checkPeriod(badge, now) {
  const expected = `between ${japanTime(badge.validFrom)} and ${japanTime(badge.validUntil)}`;
  if (now > badge.validUntil) return check(4, 'failed', japanTime(now), expected, 'expired');
  if (now < badge.validFrom) return check(4, 'failed', japanTime(now), expected, 'early');
  return check(4, 'ok', japanTime(now), expected);
}

/**
 * The list must be the one that the credential names, signed by the same issuer, and not out of date. Anything less is
 * unknown, never "not revoked".
 */
export async function checkStatus(badge, statusList, key, now) {
  const expected = "bit 0 in the issuer's signed list";
  if (badge.status === null) return check(5, 'unknown', 'no status entry for revocation', expected);
  for (const source of [statusList, key]) {
    if (source instanceof Away) return check(5, 'unknown', source.why, expected);
  }
  const place = `bit ${badge.status.index} of ${badge.status.url}`;
  try {
    const isRevoked = await bitOf(statusList, key.document, badge.status, now);
    return isRevoked ? check(5, 'failed', `${place} is 1`, expected, 'revoked') : check(5, 'ok', `${place} is 0`, expected);
  } catch (error) {
    if (!(error instanceof DoNotTrust || error instanceof Unreadable)) throw error;
    return check(5, 'unknown', `${place}: ${error.message}`, expected);
  }
}

async function bitOf(statusList, didDocument, {url, index}, now) {
  const bits = await unpackedList(statusList, didDocument, url, now);
  if (index >= LIST_BITS) throw new Unreadable(`statusListIndex: got ${index}, expected 0 to ${LIST_BITS - 1}`);
  return (bits[index >> 3] & (0x80 >> (index & 7))) !== 0;
}

/** The bits of the issuer's list at `url`, which must be current at `now`, if given. @throws {Unreadable | DoNotTrust} @returns {Promise<Uint8Array>} */
export async function unpackedList(statusList, didDocument, url, now = null) {
  await verifyProof(statusList, keyOf(statusList, didDocument));
  const types = list(statusList.type, 'type', text);
  const id = text(statusList.id, 'id');
  if (!types.includes('BitstringStatusListCredential') || id !== url) throw new Unreadable(`got ${id.slice(0, 200)}, expected the status list ${url}`);
  const validUntil = moment(statusList.validUntil, 'validUntil');
  if (now !== null && now > validUntil) throw new Unreadable(`got a list that was valid until ${japanTime(validUntil)}, expected a current one`);
  const subject = object(statusList.credentialSubject, 'credentialSubject');
  const purposes = typeof subject.statusPurpose === 'string' ? [subject.statusPurpose] : list(subject.statusPurpose, 'statusPurpose', text);
  if (!purposes.includes('revocation')) throw new Unreadable(`got a list of purpose ${purposes}, expected revocation`);
  const bits = await unpacked(fromBase64url(subject.encodedList), 'gzip', LIST_BITS / 8);
  if (bits.length * 8 !== LIST_BITS) throw new Unreadable(`encodedList: got ${bits.length * 8} bits, expected ${LIST_BITS}`);
  return bits;
}

/** The leaf is computed from the document itself, so no inner node is taken for it; the path is bounded. */
export async function checkPath(document, badge) {
  const expected = "a path from this document's own hash to the Merkle root";
  if (!badge.anchorings.length) return check(6, 'unknown', 'no proof of anchoring yet', expected, 'pending');
  try {
    const leaf = await leafOf(document);
    let told = '';
    for (const value of badge.anchorings) {
      const proof = decodeProof(value);
      if (toHex(proof.targetHash) !== toHex(leaf)) return check(6, 'failed', `a proof for ${toHex(proof.targetHash)}`, `one for ${toHex(leaf)}`);
      const reached = rootOf(leaf, proof.path);
      if (toHex(reached) !== toHex(proof.merkleRoot)) return check(6, 'failed', `a path to ${toHex(reached)}`, `one to ${toHex(proof.merkleRoot)}`);
      told = `${toHex(leaf)} leads to ${toHex(reached)} in ${proof.path.length} steps`;
    }
    return check(6, 'ok', told, expected);
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    return check(6, 'failed', error.message, expected);
  }
}

/** The registry answers by root, whatever network the file names; a transaction that the node has must agree. */
export function checkChain(badge, path, chain) {
  const expected = 'the root in the registry, in a block that is final, by a transaction that carries it';
  if (path.outcome !== 'ok') return check(7, 'unknown', 'no root to ask for: see check 6', expected, path.finding);
  if (chain instanceof Away) return check(7, 'unknown', chain.why, expected);
  const checks = badge.anchorings.map(value => oneAnchoring(decodeProof(value), chain, expected));
  // One anchored root is enough; a false proof is worse than one whose network gave no answer.
  return checks.find(each => each.outcome === 'ok') ?? checks.find(each => each.outcome === 'failed') ?? checks[0];
}

function oneAnchoring(proof, chain, expected) {
  const root = toHex(proof.merkleRoot);
  const here = `${chain.network} (chain ${chain.chainId}), registry ${chain.registry}`;
  if (!chain.anchorings.has(root)) return check(7, 'unknown', `${here}: not asked for ${root}`, expected);
  const anchoring = chain.anchorings.get(root);
  if (anchoring === null) {
    if (proof.anchors.every(anchor => anchor.chainId !== chain.chainId)) {
      const named = proof.anchors.map(anchor => `chain ${anchor.chainId}, ${anchor.transaction}`).join('; ');
      return check(7, 'unknown', `${here} doesn't know the root; the file names ${named}`, expected);
    }
    return check(7, 'failed', `${here} doesn't know ${root}`, expected);
  }
  if (anchoring.revokedAt !== null) return check(7, 'failed', `${here}: root revoked at ${japanTime(anchoring.revokedAt)}`, expected, 'revoked');
  if (anchoring.blockNumber > chain.finalizedBlock) {
    return check(7, 'unknown', `block ${anchoring.blockNumber}, final is ${chain.finalizedBlock}`, expected, 'pending');
  }
  const wrong = wrongTransaction(proof, chain, anchoring);
  if (wrong !== null) return check(7, 'failed', wrong, expected);
  return check(7, 'ok', `${here}: ${root} in block ${anchoring.blockNumber}`, expected);
}

/**
 * The first of the proof's transactions on this chain that isn't as the proof says. Nodes drop their index of transactions
 * after about a year, badges are valid for four: one that the node doesn't know changes nothing of what the registry says.
 */
function wrongTransaction(proof, chain, anchoring) {
  for (const anchor of proof.anchors) {
    const facts = anchor.chainId === chain.chainId ? chain.transactions.get(anchor.transaction) : null;
    if (!facts) continue;
    if (facts.to !== chain.registry || facts.input !== `0x${toHex(proof.merkleRoot)}`) {
      return `transaction ${facts.hash} to ${facts.to} with ${facts.input.slice(0, 82)}`;
    }
    if (facts.succeeded !== true || facts.blockNumber !== anchoring.blockNumber) {
      return `transaction ${facts.hash}: succeeded ${facts.succeeded}, block ${facts.blockNumber}`;
    }
  }
  return null;
}

/** As 2026-05-11T10:23:00+09:00. @param {Date} moment */
export function japanTime(moment) {
  return `${new Date(moment.getTime() + 9 * 3_600_000).toISOString().slice(0, 19)}+09:00`;
}
