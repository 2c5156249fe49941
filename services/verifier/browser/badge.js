// What a credential says; nothing of it is verified yet. As services/verifier/check/credential.py.
//
// Source: 1EdTech Open Badges 3.0, appendix B, with the terms that our issuer uses.
import {HoldsNothing, Unreadable} from './errors.js';
import {CRYPTOSUITE} from './merkle_proof.js';
import {shown} from './multibase.js';

export const MOST_BYTES = 128 * 1024; // a credential of ours has about 3 KB, with both proofs and a long path under 8

export const MOST_COUNT_BYTES = 1024 * 1024; // of a statement of the count, which names its type in its first lines
const MOST_DEPTH = 64;
const MOST_PROOFS = 8;
const MOST_EVIDENCE = 20;
const BADGE_URL = /\/badges\/([a-z0-9-]{1,64})\/[0-9]{4}(?:-[0-9]{1,3})?\.(?:json|png|svg)$/;
const MOMENT = /^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})$/;

/**
 * @typedef {{id: string, issuer: string, issuerName: string, name: string | null, latinName: string | null, award: string, qualification: string | null, registrationNumber: string | null,
 *   issuedAt: Date | null, validFrom: Date, validUntil: Date, status: {url: string, index: number} | null,
 *   anchorings: string[]}} Badge `anchorings`: its merkle-proof-2019 values, not decoded;
 *   `qualification`: its id in the programme file
 */

/**
 * The JSON object in some bytes.
 * @param {Uint8Array} content
 * @returns {Record<string, any>}
 * @throws {Unreadable} for everything else
 */
export function readDocument(content) {
  const start = new TextDecoder('latin1').decode(content.subarray(0, 2048));
  const most = start.includes('"BadgeCountCredential"') ? MOST_COUNT_BYTES : MOST_BYTES;
  if (content.length > most) throw new (refusal(content))(`got ${content.length} bytes, expected at most ${most}`);
  return readJson(content);
}

/** What begins as JSON is broken; anything else never was a credential. */
function refusal(content) {
  const start = new TextDecoder('latin1').decode(content.subarray(0, 64));
  return /^(\u00ef\u00bb\u00bf|\u00ff\u00fe|\u00fe\u00ff)?[\s\0]*[[{]/.test(start) ? Unreadable : HoldsNothing;
}

/** Without its byte order mark: editors and shells save with one, some in UTF-16. @param {Uint8Array} content @throws {TypeError} */
export function asText(content) {
  const mark = (content[0] ?? 0) * 256 + (content[1] ?? 0);
  const encoding = mark === 0xfffe ? 'utf-16le' : mark === 0xfeff ? 'utf-16be' : 'utf-8';
  return new TextDecoder(encoding, {fatal: true}).decode(content);
}

/** The same, of any length. @param {Uint8Array} content */
export function readJson(content) {
  try {
    const text = asText(content);
    refuseDepthAndDoubles(text);
    const value = JSON.parse(text);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error('no object');
    if (/\\u[dD][89a-fA-F]/.test(text)) refuseBrokenText(value);
    return value;
  } catch (error) {
    throw new (refusal(content))(`got ${content.length} bytes that are no JSON object: ${error.message}`);
  }
}

/** Too many levels; or a member twice in one object, of which other readers take the first, others the last. */
function refuseDepthAndDoubles(text) {
  const open = [];
  for (const [found, literal] of text.matchAll(/("(?:[^"\\]|\\.)*")\s*:|"(?:[^"\\]|\\.)*"|[[\]{}]/gs)) {
    if (found === '[' || found === '{') open.push(new Set());
    if (found === ']' || found === '}') open.pop();
    if (open.length > MOST_DEPTH) throw new Error(`more than ${MOST_DEPTH} levels`);
    if (literal === undefined || !open.length) continue;
    const name = JSON.parse(literal);
    if (open.at(-1).has(name)) throw new Error(`the member ${shown(name, 60)} twice in one object`);
    open.at(-1).add(name);
  }
}

function refuseBrokenText(value) {
  JSON.stringify(value, (name, inner) => {
    for (const text of [name, inner]) {
      if (typeof text === 'string' && /\p{Surrogate}/u.test(text)) throw new Error('a lone surrogate');
    }
    return inner;
  });
}

/**
 * What a credential says.
 * @param {Record<string, any>} document
 * @returns {Badge}
 * @throws {Unreadable} naming the field, when it isn't an Open Badges 3.0 credential of our form
 */
export function readBadge(document) {
  const types = list(document.type, 'type', text);
  const issuer = object(document.issuer, 'issuer');
  const subject = object(document.credentialSubject, 'credentialSubject');
  const achievement = object(subject.achievement, 'credentialSubject.achievement');
  const identifiers = list(absent(subject.identifier, []), 'credentialSubject.identifier', object).map(each => ({
    hash: text(each.identityHash, 'identityHash'),
    type: text(absent(each.identityType, ''), 'identityType'),
    hashed: boolean(absent(each.hashed, false), 'hashed'),
  }));
  const proofs = list(document.proof, 'proof', object).map(each => ({
    cryptosuite: text(absent(each.cryptosuite, ''), 'proof.cryptosuite'),
    value: text(absent(each.proofValue, ''), 'proof.proofValue', 20_000),
  }));
  if (proofs.length < 1 || proofs.length > MOST_PROOFS) throw wrong('proof', `${proofs.length} of them`, `1 to ${MOST_PROOFS}`);
  if (achievement.image != null) text(object(achievement.image, 'credentialSubject.achievement.image').id, 'credentialSubject.achievement.image.id');
  const evidence = list(absent(document.evidence, []), 'evidence', object);
  for (const each of evidence) for (const name of ['id', 'genre']) text(absent(each[name], ''), `evidence.${name}`);
  if (evidence.length > MOST_EVIDENCE) throw wrong('evidence', `${evidence.length} of them`, `at most ${MOST_EVIDENCE}`);
  const badge = {
    id: text(document.id, 'id'),
    issuer: text(issuer.id, 'issuer.id'),
    issuerName: text(absent(issuer.name, ''), 'issuer.name'),
    name: identifiers.findLast(each => !each.hashed && each.type === 'name')?.hash ?? null,
    latinName: identifiers.findLast(each => !each.hashed && each.type === 'ext:latinName')?.hash ?? null,
    award: text(absent(achievement.name, ''), 'credentialSubject.achievement.name'),
    qualification: text(achievement.id, 'credentialSubject.achievement.id').match(BADGE_URL)?.[1] ?? null,
    registrationNumber: subject.licenseNumber == null ? null : text(subject.licenseNumber, 'credentialSubject.licenseNumber'),
    issuedAt: document.awardedDate == null ? null : moment(document.awardedDate, 'awardedDate'),
    validFrom: moment(document.validFrom, 'validFrom'),
    validUntil: moment(document.validUntil, 'validUntil'),
    status: document.credentialStatus == null ? null : statusOf(object(document.credentialStatus, 'credentialStatus')),
    anchorings: proofs.slice(1).filter(each => each.cryptosuite === CRYPTOSUITE).map(each => each.value),
  };
  if (!types.includes('OpenBadgeCredential')) throw wrong('type', types.join(', '), 'OpenBadgeCredential among them');
  return badge;
}

/** null when it has no entry of one bit for revocation. */
function statusOf(status) {
  const purpose = text(status.statusPurpose, 'credentialStatus.statusPurpose');
  const index = text(status.statusListIndex, 'credentialStatus.statusListIndex');
  const url = text(status.statusListCredential, 'credentialStatus.statusListCredential');
  const type = text(absent(status.type, ''), 'credentialStatus.type');
  const size = absent(status.statusSize, 1);
  if (!Number.isSafeInteger(size)) throw wrong('credentialStatus.statusSize', size, 'a whole number');
  if (purpose !== 'revocation') return null;
  if (!/^[0-9]{1,9}$/.test(index)) throw wrong('credentialStatus.statusListIndex', index, 'a number');
  if (type !== 'BitstringStatusListEntry' || size !== 1) return null;
  return {url, index: Number(index)};
}

function wrong(field, got, expected) {
  return new Unreadable(`expected an Open Badges 3.0 credential: ${field}: got ${shown(got, 100)}, expected ${expected}`);
}

export function text(value, field, most = 2000) {
  if (typeof value !== 'string' || [...value].length > most) throw wrong(field, typeof value, `text of at most ${most} characters`);
  return value;
}

/** The default for a property that isn't there; null is there. */
const absent = (value, fallback) => value === undefined ? fallback : value;

function boolean(value, field) {
  if (typeof value !== 'boolean') throw wrong(field, typeof value, 'true or false');
  return value;
}

export function object(value, field) {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong(field, typeof value, 'an object');
  return value;
}

export function list(value, field, each) {
  if (!Array.isArray(value)) throw wrong(field, typeof value, 'a list');
  return value.map((entry, position) => each(entry, `${field}[${position}]`));
}

/** An instant. Source: RFC 3339, with its offset; refused if it doesn't exist, or has no year of four digits in Japan. */
export function moment(value, field) {
  const read = typeof value === 'string' && MOMENT.test(value) ? new Date(value.toUpperCase()) : null;
  if (read === null || Number.isNaN(read.getTime()) || !existing(value) || !/^(?!0000)\d{4}-/.test(japanTime(read))) throw wrong(field, value, 'a moment with its offset, as 2026-04-01T00:00:00+09:00');
  return read;
}

/** As 2026-05-11T10:23:00+09:00. @param {Date} moment */
export function japanTime(moment) {
  const there = new Date(moment.getTime() + 9 * 3_600_000).toISOString();
  return `${there.slice(0, there.lastIndexOf('.'))}+09:00`;
}

/** JavaScript takes February 30 for March 2. */
function existing(value) {
  const [year, month, day, hour] = value.match(/\d+/g).map(Number);
  return hour < 24 && year > 0 && day <= new Date(Date.UTC(2000 + year % 400, month, 0)).getUTCDate();
}
