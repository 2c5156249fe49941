// The statements (RDF) of a document, and their canonical form. What JSON-LD leaves out of the statements is not signed;
// so nothing here accepts a property that the contexts don't define, or JSON-LD keywords. As shared/credentials/credential.py does.
//
// Sources: JSON-LD 1.1; RDF Dataset Canonicalization 1.0 (RDFC-1.0).
import {sha256} from '@noble/hashes/sha2.js';
import {bytesToHex, utf8ToBytes} from '@noble/hashes/utils.js';
import jsonld from 'jsonld';
import canonize from 'rdf-canonize';
import {contextUrls, documentLoader} from './contexts.js';
import {Unreadable} from './errors.js';
import {shown} from './multibase.js';

const MOST_ALIKE = 6;
const PATIENCE = 5000; // milliseconds

/** rdf-canonize's own digest needs a secure context (https); a page that was opened as a file may not be one. */
class Sha256 {
  #hash = sha256.create();
  update(/** @type {string} */ text) { this.#hash.update(utf8ToBytes(text)); }
  digest() { return bytesToHex(this.#hash.digest()); }
}

/**
 * The document's statements as canonical N-Quads: equal for equal content in whatever order.
 * @param {Record<string, unknown>} document
 * @returns {Promise<string>}
 * @throws {Unreadable} when a property would be left out of the statements, or it isn't JSON-LD of ours
 */
export async function canonicalForm(document) {
  refuseKeywords(document);
  const contexts = contextUrls(document).join(' and ');
  const statements = await parsed(document);
  const expected = expectedCount(document);
  if (statements.length !== expected) {
    throw new Unreadable(`got ${expected} values and ${statements.length} statements: expected only what ${contexts} define`);
  }
  refuseSymmetry(statements);
  try {
    return await canonize.canonize(statements, {
      algorithm: 'RDFC-1.0', format: 'application/n-quads', maxWorkFactor: 3,
      createMessageDigest: () => new Sha256(), signal: AbortSignal.timeout(PATIENCE),
    });
  } catch (error) {
    throw new Unreadable(`got a document without a canonical form: ${said(error)}`);
  }
}

async function parsed(document) {
  let quads;
  try {
    quads = await jsonld.toRDF(document, {documentLoader, safe: true, base: null, produceGeneralizedRdf: false});
  } catch (error) {
    throw new Unreadable(`got a document that is no JSON-LD of ours: ${said(error)}`);
  }
  return [...new Map(quads.map(quad => [canonize.NQuads.serializeQuad(quad), quad])).values()];
}

function said(error) {
  const event = error.details?.event;
  const what = event?.details ? JSON.stringify(event.details.property ?? event.details.term ?? event.details.value ?? '') : '';
  return [error.message?.split('\n')[0], event?.code, what].filter(Boolean).join(': ').slice(0, 300);
}

/** RDFC-1.0 tries every order of unnamed nodes that look alike, n! of them: an untrusted file could take for ever. */
function refuseSymmetry(statements) {
  const looks = new Map();
  const look = (node, seen) => looks.set(node, [...(looks.get(node) ?? []), seen]);
  for (const {subject, predicate, object} of statements) {
    const isUnnamed = object.termType === 'BlankNode';
    if (subject.termType === 'BlankNode') look(subject.value, `${predicate.value} ${isUnnamed ? '' : JSON.stringify(object)}`);
    if (isUnnamed) look(object.value, `^ ${predicate.value}`);
  }
  const counts = new Map();
  for (const seen of looks.values()) {
    const key = seen.sort().join('\n');
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  const alike = [...counts.values()].filter(count => count > 1).reduce((sum, count) => sum + count, 0);
  if (alike > MOST_ALIKE) {
    throw new Unreadable(`got ${alike} objects without id that look alike, expected at most ${MOST_ALIKE}`);
  }
}

const isObject = value => typeof value === 'object' && value !== null && !Array.isArray(value);

/** Every (path, name, value) below `value`: members of objects with their names, entries of lists without. */
function* walk(value, path = '') {
  if (isObject(value)) {
    for (const [name, inner] of Object.entries(value)) {
      if (!path && name === '@context') continue;
      const at = path ? `${path}.${name}` : name;
      yield [at, name, inner];
      yield* walk(inner, at);
    }
  } else if (Array.isArray(value)) {
    for (const [position, inner] of value.entries()) {
      yield [`${path}[${position}]`, null, inner];
      yield* walk(inner, `${path}[${position}]`);
    }
  }
}

/**
 * JSON-LD keywords change the meaning of the rest, null vanishes, large numbers and fractions change, labels of unnamed
 * nodes make what is no tree: our documents have none of them.
 * @param {Record<string, unknown>} document
 * @throws {Unreadable}
 */
export function refuseKeywords(document) {
  for (const [path, name, value] of walk(document)) {
    if (name?.startsWith('@') || name === '__proto__') {
      throw new Unreadable(`${path}: got a JSON-LD keyword, expected id, type and the properties of the contexts`);
    }
    if (value === null || (typeof value === 'number' && (!Number.isSafeInteger(value) || Object.is(value, -0)))) {
      throw new Unreadable(`${path}: got ${value}, expected text, a whole number below 2^53, true or false`);
    }
    if (name === 'id' && (typeof value !== 'string' || value.startsWith('_:'))) {
      throw new Unreadable(`${path}: got ${shown(value, 80)}, expected a URL`);
    }
    if (Array.isArray(value) && path.endsWith(']')) {
      throw new Unreadable(`${path}: got a list in a list, expected a value`);
    }
  }
}

/** How many statements a document makes when nothing is left out: one for each value of each property. */
function expectedCount(document) {
  const made = new Set();
  const node = (value, place) => {
    const name = typeof value.id === 'string' ? value.id : place;
    for (const [property, inner] of Object.entries(value)) {
      if (property === 'id' || property === '@context') continue;
      for (const [position, entry] of (Array.isArray(inner) ? inner : [inner]).entries()) {
        const below = `${place}/${property}/${position}`;
        made.add(JSON.stringify([name, property, isObject(entry) ? node(entry, below) : JSON.stringify(entry)]));
      }
    }
    return name;
  };
  node(document, '');
  return made.size;
}
