// The seven checks of a credential, each with one of three outcomes: ok, failed, unknown.
// Numbers, names, outcomes and findings are those of services/verifier/check/checks.py.
//
// Sources: Data Integrity EdDSA Cryptosuites 1.0; Bitstring Status List 1.0, section 3.2 (validate algorithm);
// MerkleProof2019; did:web. Checked beyond them: the registry that answers, the transaction's outcome, finality.
import {keyOf, leafOf, verifyProof} from './credential.js';
import {DoNotTrust, HoldsNothing, KeyNotListed, Unreadable} from './errors.js';
import {Away} from './evidence.js';
import {decodeProof, rootOf} from './merkle_proof.js';
import {shown, toHex} from './multibase.js';
import {japanTime} from './badge.js';
import {rootStatus} from './anchoring.js';
import {bitsOf, isSet, readStatusList} from './status_list.js';

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
 * The list must be the one that the credential names, as status_list.js says, and in force. Anything less is unknown,
 * never "not revoked".
 */
export async function checkStatus(badge, statusList, key, now) {
  const expected = "bit 0 in the issuer's signed list";
  if (badge.status === null) return check(5, 'unknown', 'no status entry for revocation', expected);
  for (const source of [statusList, key]) {
    if (source instanceof Away) return check(5, 'unknown', source.why, expected);
  }
  const place = `bit ${badge.status.index} of ${badge.status.url}`;
  try {
    const listed = await readStatusList(statusList, key.document);
    const isRevoked = isSet(bitsOf(listed, badge.status.url, now), badge.status.index);
    return isRevoked ? check(5, 'failed', `${place} is 1`, expected, 'revoked') : check(5, 'ok', `${place} is 0`, expected);
  } catch (error) {
    if (!(error instanceof DoNotTrust || error instanceof Unreadable)) throw error;
    return check(5, 'unknown', `${place}: ${error.message}`, expected);
  }
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

/** The registry answers by root, whatever network the file names: see anchoring.js. */
export function checkChain(badge, path, chain) {
  const expected = 'the root in the registry, in a block that is final, by a transaction that carries it';
  if (path.outcome !== 'ok') return check(7, 'unknown', 'no root to ask for: see check 6', expected, path.finding);
  if (chain instanceof Away) return check(7, 'unknown', chain.why, expected);
  const found = badge.anchorings.map(value => rootStatus(decodeProof(value), chain));
  // One anchored root is enough; a false proof is worse than one whose network gave no answer.
  const best = found.find(each => each.outcome === 'ok') ?? found.find(each => each.outcome === 'failed') ?? found[0];
  return check(7, best.outcome, best.got, expected, best.finding);
}
