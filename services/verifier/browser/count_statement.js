// A statement of the count, the list of its leaves, the manifest of a batch. As shared/credentials/count.py.
import {sha256} from '@noble/hashes/sha2.js';
import {concatBytes} from '@noble/hashes/utils.js';
import {japanTime, list, moment, object, text} from './badge.js';
import {COUNT_TYPE, TERMS_CONTEXT, VC_CONTEXT} from './contexts.js';
import {leafOf} from './credential.js';
import {DoesNotAddUp, Unreadable} from './errors.js';
import {CRYPTOSUITE, decodeProof} from './merkle_proof.js';
import {fromHex, shown, toHex} from './multibase.js';

const FIGURES = ['issued', 'valid', 'revoked', 'corrected', 'anchored'];
const MOST_PROOFS = 8;
const HASH = /^[0-9a-f]{64}$/;
export const COHORT = /^[0-9]{4}$/;

/**
 * @typedef {{issued: number, valid: number, revoked: number, corrected: number, anchored: number}} Figures
 * @typedef {{document: Record<string, any>, leaf: string, proofs: import('./merkle_proof.js').MerkleProof[] | null, publicUrl: string, url: string,
 *   issuer: string, cohort: string, number: number, statedAt: Date, figures: Figures, lastDay: string, added: number, addedDigest: string,
 *   dividedIn: number, groups: {qualifications: string[], figures: Figures}[], batches: {root: string, badges: number}[],
 *   statusLists: string[], former: {url: string, leaf: string} | null}} Stated `proofs`: null when they can't be decoded
 */

/** Whether a document says that it is a statement of the count, right or wrong. */
export const isCount = document => Array.isArray(document.type) && document.type.includes(COUNT_TYPE);

/**
 * What a statement says; nothing of it is verified.
 * @param {Record<string, any>} document
 * @returns {Promise<Stated>}
 * @throws {Unreadable} naming the field, when it isn't a statement of the issuer's form
 */
export async function readStated(document) {
  const subject = object(document.credentialSubject, 'credentialSubject');
  const resource = object(document.relatedResource, 'relatedResource');
  const groups = list(subject.group, 'group', object);
  for (const counted of [subject, ...groups]) {
    for (const name of FIGURES) whole(counted[name], name);
    const rest = counted.issued - counted.revoked - counted.corrected;
    if (counted.valid !== rest) throw new DoesNotAddUp(`${shown(counted.id, 200)}: got ${counted.valid} valid, expected ${rest}: those issued without those revoked or corrected`);
  }
  const [id, cohort, number] = [text(document.id, 'id'), text(subject.cohort, 'cohort'), whole(subject.number, 'number')];
  if (!COHORT.test(cohort) || number < 1) throw new Unreadable(`cohort: got ${shown(cohort)}, number ${number}, expected a year and a number from 1`);
  const path = `/statements/${cohort}/${number}.json`;
  const publicUrl = id.endsWith(path) ? id.slice(0, -path.length) : id;
  const stated = {
    document, publicUrl, url: `${publicUrl}${path}`, issuer: text(document.issuer, 'issuer'), cohort, number,
    statedAt: moment(document.validFrom, 'validFrom'), figures: figuresOf(subject), lastDay: text(subject.lastDay, 'lastDay'),
    added: whole(subject.added, 'added'), addedDigest: text(resource.digestSRI, 'digestSRI'), dividedIn: whole(subject.dividedIn, 'dividedIn'),
    groups: groups.map(each => ({qualifications: list(each.qualification, 'qualification', text), figures: figuresOf(each)})),
    batches: list(subject.batch, 'batch', object).map(each => ({root: rootIn(text(each.id, 'batch.id'), publicUrl), badges: whole(each.badges, 'badges')})),
    statusLists: list(subject.statusList, 'statusList', object).map(each => text(each.id, 'statusList.id')),
    former: subject.former === undefined ? null : {url: text(object(subject.former, 'former').id, 'former.id'), leaf: text(subject.former.leaf, 'former.leaf')},
  };
  const {proof: _, ...bare} = document;
  const expected = documentOf(stated);
  if (!same(bare, expected)) throw new Unreadable(`${difference(bare, expected)}: got another form, expected that of the issuer`);
  refuseDisorder('group', stated.groups.map(group => group.qualifications[0]));
  for (const {qualifications} of stated.groups) refuseDisorder('group.qualification', qualifications);
  refuseDisorder('group.qualification', stated.groups.flatMap(group => group.qualifications).sort());
  refuseDisorder('batch', stated.batches.map(batch => batch.root));
  refuseDisorder('statusList', stated.statusLists);
  return {...stated, leaf: toHex(await leafOf(document)), proofs: proofsOf(document)};
}

function documentOf(told) {
  const {url, publicUrl, former} = told;
  return {
    '@context': [VC_CONTEXT, TERMS_CONTEXT], id: url, type: ['VerifiableCredential', COUNT_TYPE], issuer: told.issuer, validFrom: japanTime(told.statedAt),
    relatedResource: {id: `${publicUrl}/statements/${told.cohort}/${told.number}.leaves.json`, digestSRI: told.addedDigest},
    credentialSubject: {
      id: `${url}#count`, type: 'BadgeCount', cohort: told.cohort, number: told.number, ...told.figures, lastDay: told.lastDay, added: told.added, dividedIn: told.dividedIn,
      group: told.groups.map(({qualifications, figures}) => ({id: `${url}#${qualifications.join('+')}`, type: 'QualificationCount', qualification: qualifications, ...figures})),
      batch: told.batches.map(({root, badges}) => ({id: `${publicUrl}/batches/${root}.json`, badges})),
      statusList: told.statusLists.map(id => ({id})),
      ...(former ? {former: {id: former.url, leaf: former.leaf}} : {}),
    },
  };
}

const figuresOf = counted => Object.fromEntries(FIGURES.map(name => [name, counted[name]]));

/** @param {Figures[]} all @returns {Figures} */
export const total = all => Object.fromEntries(FIGURES.map(name => [name, all.reduce((sum, each) => sum + each[name], 0)]));

const isObject = value => typeof value === 'object' && value !== null;

/** Whether two JSON values are equal, whatever the order of members. */
export function same(one, other) {
  if (!isObject(one) || !isObject(other) || Array.isArray(one) !== Array.isArray(other)) return one === other;
  const names = Object.keys(one);
  return names.length === Object.keys(other).length && names.every(name => Object.hasOwn(other, name) && same(one[name], other[name]));
}

function difference(got, expected) {
  for (const [name, value] of Object.entries(expected)) {
    if (name === 'credentialSubject' && isObject(got[name])) return `${name}.${difference(got[name], value)}`;
    if (!same(got[name], value)) return name;
  }
  return Object.keys(got).find(name => !Object.hasOwn(expected, name)) ?? 'the document';
}

function proofsOf({proof}) {
  try {
    const added = list(proof, 'proof', object).slice(1);
    if (added.length >= MOST_PROOFS) return null;
    return added.filter(each => each.cryptosuite === CRYPTOSUITE).map(each => decodeProof(text(each.proofValue, 'proof.proofValue', 20_000)));
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    return null;
  }
}

function whole(value, field) {
  if (!Number.isSafeInteger(value) || value < 0) throw new Unreadable(`${field}: got ${shown(value)}, expected a whole number`);
  return value;
}

function rootIn(url, publicUrl) {
  const before = `${publicUrl}/batches/`;
  const root = url.startsWith(before) ? url.slice(before.length).replace(/\.json$/, '') : '';
  if (!HASH.test(root)) throw new Unreadable(`credentialSubject.batch: got ${shown(url, 200)}, expected the manifest of a batch`);
  return root;
}

/** JSON-LD reads a list as a set: only one order of it is a statement. */
function refuseDisorder(what, ids) {
  if (ids.some((id, place) => !id || (place > 0 && ids[place - 1] >= id))) {
    throw new Unreadable(`credentialSubject.${what}: got an entry twice or out of order, expected each once, in order`);
  }
}

// ── lists of leaves, manifests ───────────────────────────────────────────────────────────────────────────

/** The leaves (hex) of a published list, and the digest of its bytes. @param {Uint8Array} body @throws {Unreadable} */
export function readLeaves(body) {
  const leaves = json(body);
  if (!Array.isArray(leaves) || leaves.some((leaf, place) => typeof leaf !== 'string' || !HASH.test(leaf) || (place > 0 && leaves[place - 1] >= leaf))) {
    throw new Unreadable('expected a list of leaves, 64 hexadecimal digits each, in order and each once');
  }
  return {leaves, digest: `sha256-${btoa(String.fromCharCode(...sha256(new TextEncoder().encode(JSON.stringify(leaves)))))}`};
}

/** All leaves (hex) of the batch with this root. @param {Uint8Array} body @param {string} root @returns {Set<string>} @throws {Unreadable} */
export function manifestLeaves(body, root) {
  const {leaves, root: named} = Object(json(body));
  if (!Array.isArray(leaves) || !leaves.length || leaves.some(leaf => typeof leaf !== 'string' || !HASH.test(leaf))) {
    throw new Unreadable(`expected the manifest of batch ${root}`);
  }
  const all = new Set(leaves);
  const found = merkleRoot([...all].sort());
  if (named !== root || found !== root || all.size !== leaves.length) {
    throw new Unreadable(`got the manifest of ${shown(named, 80)} with leaves of ${found}, expected ${root}`);
  }
  return all;
}

/** As shared/credentials/merkle.py: an array of 2n-1 nodes, root first, sorted leaves from the end. */
function merkleRoot(sorted) {
  const nodes = Array(2 * sorted.length - 1);
  sorted.forEach((leaf, order) => { nodes[nodes.length - 1 - order] = leaf; });
  for (let place = sorted.length - 2; place >= 0; place -= 1) {
    const pair = [nodes[2 * place + 1], nodes[2 * place + 2]].sort().map(fromHex);
    nodes[place] = toHex(sha256(concatBytes(...pair)));
  }
  return nodes[0];
}

function json(body) {
  try {
    return JSON.parse(new TextDecoder('utf-8', {fatal: true}).decode(body));
  } catch (error) {
    throw new Unreadable(`got ${body.length} bytes that are no JSON: ${error.message}`);
  }
}
