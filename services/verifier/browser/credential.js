// The signed credential: first proof, key, leaf. As shared/credentials/credential.py.
//
// Sources: VC Data Integrity 1.0; Data Integrity EdDSA Cryptosuites 1.0, section 3.2 (eddsa-rdfc-2022).
import {ed25519} from '@noble/curves/ed25519.js';
import {sha256} from '@noble/hashes/sha2.js';
import {concatBytes, utf8ToBytes} from '@noble/hashes/utils.js';
import {contextUrls} from './contexts.js';
import {DoNotTrust, KeyNotListed, Unreadable} from './errors.js';
import {fromBase58, fromEd25519Multibase, shown, toHex} from './multibase.js';
import {canonicalForm, refuseKeywords} from './statements.js';

const isObject = value => typeof value === 'object' && value !== null && !Array.isArray(value);

/** `proof[0]`, the issuer's signature. @throws {Unreadable} when there is none */
export function firstProof(credential) {
  const first = Array.isArray(credential.proof) ? credential.proof[0] : credential.proof;
  if (!isObject(first)) throw new Unreadable("proof: got none, expected a list that begins with the issuer's proof");
  return first;
}

/**
 * The SHA-256 that is anchored: of the canonical form of the credential with its first proof only. Later proofs don't
 * change it, so the proof of the anchoring can be added to the document that it proves.
 * @returns {Promise<Uint8Array>}
 * @throws {Unreadable}
 */
export async function leafOf(credential) {
  return sha256(utf8ToBytes(await canonicalForm({...credential, proof: [firstProof(credential)]})));
}

/**
 * Returns when the first proof is an eddsa-rdfc-2022 signature by `publicKey` over all but the proofs.
 * Which key may sign for which issuer is not asked here: see `keyOf`.
 * @param {string} publicKey an Ed25519 Multikey: z6Mk…
 * @throws {DoNotTrust} otherwise
 */
export async function verifyProof(document, publicKey) {
  let key, signature, signed;
  try {
    const {proofValue, ...options} = firstProof(document);
    expect('proof.type', options.type, 'DataIntegrityProof');
    expect('proof.cryptosuite', options.cryptosuite, 'eddsa-rdfc-2022');
    expect('proof.proofPurpose', options.proofPurpose, 'assertionMethod');
    key = fromEd25519Multibase(publicKey);
    signature = fromBase58(proofValue);
    refuseKeywords({proof: options});
    const {proof: _, ...bare} = document;
    const configuration = await canonicalForm({...options, '@context': contextUrls(document)});
    const content = await canonicalForm(bare);
    signed = concatBytes(sha256(utf8ToBytes(configuration)), sha256(utf8ToBytes(content)));
  } catch (error) {
    throw error instanceof Unreadable ? new DoNotTrust(error.message) : error;
  }
  if (!fits(signature, signed, key)) {
    throw new DoNotTrust(`proof.proofValue: got a signature that doesn't fit the document (SHA-256 ${toHex(signed.slice(32))}) ` +
      `and the key ${publicKey}, expected the issuer's own`);
  }
}

function fits(signature, signed, key) {
  if (signature.length !== 64) return false;
  try {
    return ed25519.verify(signature, signed, key, {zip215: false}); // RFC 8032, as OpenSSL does
  } catch {
    return false; // a point that isn't on the curve
  }
}

/**
 * The Ed25519 Multikey that the first proof names, from the DID document of the document's issuer.
 * @returns {string}
 * @throws {KeyNotListed} when the DID document doesn't list it for signing assertions
 * @throws {DoNotTrust} when the DID document is another's, or the key is no key
 */
export function keyOf(document, didDocument) {
  const issuer = isObject(document.issuer) ? document.issuer.id : document.issuer;
  expect('issuer.id', issuer, didDocument.id);
  try {
    const method = firstProof(document).verificationMethod;
    const allowed = didDocument.assertionMethod;
    if (!Array.isArray(allowed) || typeof method !== 'string' || !allowed.includes(method)) {
      throw new KeyNotListed(`proof.verificationMethod: got ${shown(method, 200)}, expected one of assertionMethod: ${shown(allowed, 200)}`);
    }
    for (const entry of Array.isArray(didDocument.verificationMethod) ? didDocument.verificationMethod : []) {
      if (isObject(entry) && entry.id === method && entry.controller === issuer) {
        fromEd25519Multibase(entry.publicKeyMultibase);
        return entry.publicKeyMultibase;
      }
    }
    throw new KeyNotListed(`proof.verificationMethod: got ${method}, expected a key of ${issuer}`);
  } catch (error) {
    throw error instanceof Unreadable ? new DoNotTrust(`proof.verificationMethod: ${error.message}`) : error;
  }
}

function expect(field, got, expected) {
  if (got !== expected || got === undefined) {
    throw new DoNotTrust(`${field}: got ${shown(got, 200)}, expected ${shown(expected, 200)}`);
  }
}
