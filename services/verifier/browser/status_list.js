// The issuer's status list: what makes a document one, and what its bits say at a moment. For one credential and for the count.
// The conditions and their order are those of services/verifier/check/status_list.py, which says where they are from.
import {fromBase64url, shown} from './multibase.js';
import {keyOf, verifyProof} from './credential.js';
import {MOST_BYTES as MOST_TEXT, list, moment, object, text} from './badge.js';
import {Unreadable} from './errors.js';
import {unpacked} from './unpack.js';

const LEAST_BITS = 131_072; // of any list, so that one entry reveals nothing about its holder
const MOST_BYTES = 16 * 1024 * 1024; // of an unpacked list; a decompression bomb stops here
export const SKEW = 5 * 60_000; // milliseconds by which the clocks of two machines may differ

/** @typedef {{id: string, bits: Uint8Array, validFrom: Date | null, validUntil: Date}} StatusList */

/**
 * The list in a document that should be signed by a key of `didDocument`.
 * @param {Record<string, any>} document
 * @param {Record<string, any>} didDocument
 * @returns {Promise<StatusList>}
 * @throws {Unreadable | import('./errors.js').DoNotTrust}
 */
export async function readStatusList(document, didDocument) {
  await verifyProof(document, keyOf(document, didDocument));
  const types = list(document.type, 'type', text);
  const subject = object(document.credentialSubject, 'credentialSubject');
  for (const each of ['VerifiableCredential', 'BitstringStatusListCredential']) expect('type', types, each);
  expect('credentialSubject.type', oneOrMore(subject.type, 'credentialSubject.type'), 'BitstringStatusList');
  expect('credentialSubject.statusPurpose', oneOrMore(subject.statusPurpose, 'credentialSubject.statusPurpose'), 'revocation');
  const validFrom = document.validFrom === undefined ? null : moment(document.validFrom, 'validFrom');
  const validUntil = moment(document.validUntil, 'validUntil');
  return {id: text(document.id, 'id'), bits: await decoded(text(subject.encodedList, 'encodedList', MOST_TEXT)), validFrom, validUntil};
}

/**
 * Its bits.
 * @param {StatusList} statusList
 * @param {string} url
 * @param {Date} now
 * @throws {Unreadable} when it isn't the list at `url`, or not in force at `now`
 */
export function bitsOf({id, bits, validFrom, validUntil}, url, now) {
  if (id !== url) throw new Unreadable(`got ${id.slice(0, 200)}, expected the status list ${url}`);
  if (now > validUntil) throw new Unreadable(`got a list that was valid until ${validUntil.toISOString()}, expected one now`);
  if (validFrom !== null && now.getTime() + SKEW < validFrom.getTime()) throw new Unreadable(`got a list that is valid from ${validFrom.toISOString()}, expected one now`);
  return bits;
}

/** @param {Uint8Array} bits @param {number} index @throws {Unreadable} for a bit outside of the list */
export function isSet(bits, index) {
  if (index >= bits.length * 8) throw new Unreadable(`statusListIndex: got ${index}, expected 0 to ${bits.length * 8 - 1}`);
  return (bits[index >> 3] & (0x80 >> (index & 7))) !== 0;
}

async function decoded(encodedList) {
  const packed = fromBase64url(encodedList);
  const bits = await unpacked(packed, 'gzip', MOST_BYTES);
  const stated = packed.length < 18 ? -1 : new DataView(packed.buffer, packed.byteOffset + packed.length - 4).getUint32(0, true);
  if (stated !== bits.length) throw new Unreadable('encodedList: got bytes after the end of GZIP, expected none'); // RFC 1952: the last four bytes are the length
  if (bits.length * 8 < LEAST_BITS) throw new Unreadable(`encodedList: got ${bits.length * 8} bits, expected at least ${LEAST_BITS}`);
  return bits;
}

const oneOrMore = (value, field) => typeof value === 'string' ? [value] : list(value, field, text);

function expect(field, got, expected) {
  if (!got.includes(expected)) throw new Unreadable(`${field}: got ${shown(got, 100)}, expected ${expected}`);
}
