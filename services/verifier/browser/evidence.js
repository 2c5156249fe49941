// Asking the sources about a badge, and their answers. Decides nothing.
//
// Only two places are ever asked: the issuer's own site (for did.json and the status list, whose addresses say nothing of
// the badge; and by its id for a badge that is not anchored or revoked: whether it waits for its receipt, or was
// corrected) and the node that the visitor chose (for a Merkle root and a transaction: no personal data).
import {bodyOf, patience} from './request.js';
import {NotThere, TryLater, Unreadable} from './errors.js';
import {decodeProof} from './merkle_proof.js';
import {toHex} from './multibase.js';
import {chainAnswers} from './node.js';
import {MOST_BYTES, readJson} from './badge.js';

/** No answer, and why. */
export class Away {
  /** @param {string} why */
  constructor(why) { this.why = why; }
}

/**
 * @typedef {{document: Record<string, any>, isLive: boolean, source: string, copiedOn?: string, isGiven?: boolean}} Key
 *   the issuer's DID document and where it is from: the issuer's site now (`isLive`), or a copy
 * @typedef {{key: Key | Away, statusList: Record<string, any> | Away, chain: import('./node.js').ChainAnswers | Away}} Evidence
 * @typedef {{did: string, publicUrl: string, didDocumentUrl: string,
 *   pinned: {document: Record<string, any>, copiedOn: string} | null,
 *   networks: {network: string, chainId: number, registry: string}[]}} Issuer
 */

/**
 * The sources' answers about a badge. Throws nothing that a source can cause. Nobody is asked about a credential of another issuer.
 * @param {import('./badge.js').Badge} badge
 * @param {Issuer} issuer
 * @param {{nodeUrl: string, given: Record<string, any> | null}} chosen the visitor's node, and the did.json that the visitor gave
 * @param {typeof fetch} ask
 * @returns {Promise<Evidence>}
 */
export async function gather(badge, issuer, chosen, ask) {
  const nobody = new Away('not asked: a document of another issuer');
  if (badge.issuer !== issuer.did) return {key: nobody, statusList: nobody, chain: nobody};
  const [key, statusList, chain] = await Promise.all([
    answer(() => keyFor(issuer, chosen.given, ask)),
    answer(() => statusListFor(badge, issuer, ask)),
    answer(() => chainFor(badge, issuer, chosen.nodeUrl, ask)),
  ]);
  return {key, statusList, chain};
}

/**
 * What the issuer's site says of a badge beside its signed documents: `received` false while it waits for its holder,
 * the id of the badge that corrects it, and when its holder was erased. It makes no verdict better. null without an answer.
 * @typedef {{received: boolean | null, registrationCounts: boolean, replacedBy: string | null, erasedAt: Date | null}} IssuerRecord
 * @returns {Promise<IssuerRecord | null>}
 */
export async function recordOf(badge, {publicUrl}, ask) {
  const id = within(`${publicUrl}/credentials/`, badge.id, '.json');
  if (id === null) return null;
  const found = await answer(() => documentAt(`${publicUrl}/api/v1/verify?id=${id}`, ask));
  if (found instanceof Away) return null;
  return {
    received: typeof found.received === 'boolean' ? found.received : null,
    registrationCounts: found.registration_counts === true,
    replacedBy: within(`${publicUrl}/V/`, found.replaced_by, ''),
    erasedAt: momentIn(found.erased_at),
  };
}

function momentIn(text) {
  const read = typeof text === 'string' ? new Date(text) : null;
  return read === null || Number.isNaN(read.getTime()) ? null : read;
}

/** @param {string} text */
export const isAssertionId = text => /^[A-Z2-7]{26}$/.test(text);

/** The assertion id between `before` and `after`; null for any other text. */
function within(before, text, after) {
  if (typeof text !== 'string' || !text.startsWith(before) || !text.endsWith(after)) return null;
  const id = text.slice(before.length, text.length - after.length);
  return isAssertionId(id) ? id : null;
}

/** The issuer's site first; a copy only while it is away. */
export async function keyFor(issuer, given, ask) {
  try {
    return {document: await documentAt(issuer.didDocumentUrl, ask), isLive: true, source: issuer.didDocumentUrl};
  } catch (error) {
    if (!(error instanceof TryLater)) throw error;
    if (given) return {document: given, isLive: false, isGiven: true, source: 'the did.json that you gave'};
    if (!issuer.pinned) throw error;
    const {document, copiedOn} = issuer.pinned;
    return {document, isLive: false, copiedOn, source: `the copy of ${copiedOn} in this page`};
  }
}

async function statusListFor(badge, {publicUrl}, ask) {
  const url = badge.status?.url ?? '';
  if (!url.startsWith(`${publicUrl}/status/`) || !/^[0-9]{1,6}\.json$/.test(url.slice(`${publicUrl}/status/`.length))) {
    throw new TryLater("the list is not on the issuer's site");
  }
  return documentAt(url, ask);
}

async function chainFor(badge, {networks}, nodeUrl, ask) {
  if (!badge.anchorings.length) throw new TryLater('not asked: no proof of anchoring yet');
  if (!nodeUrl) throw new TryLater('not asked: no node was chosen');
  const proofs = badge.anchorings.map(decodeProof);
  return chainAnswers(nodeUrl, networks, proofs.map(proof => toHex(proof.merkleRoot)), proofs.flatMap(proof => proof.anchors), ask);
}

async function documentAt(url, ask) {
  return readJson(await bytesAt(url, ask));
}

/** @throws {NotThere} when the site says that there is no such document, {TryLater} for any other trouble */
export async function bytesAt(url, ask, most = MOST_BYTES) {
  const {signal, stop} = patience();
  try {
    const got = await ask(url, {credentials: 'omit', referrerPolicy: 'no-referrer', cache: 'no-store', redirect: 'error', signal});
    if (got.status === 404) throw new NotThere(`answered ${got.status}`);
    if (got.status !== 200) throw new TryLater(`answered ${got.status}, expected 200`);
    return await bodyOf(got, most);
  } catch (error) {
    throw new (error instanceof NotThere ? NotThere : TryLater)(`${url}: ${error.message}`);
  } finally {
    stop();
  }
}

async function answer(question) {
  try {
    return await question();
  } catch (error) {
    if (error instanceof TryLater || error instanceof Unreadable) return new Away(error.message);
    throw error;
  }
}
