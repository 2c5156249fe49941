// The signature of a credential checked step by step, without any library of credentials: node by_hand.mjs credential.json
// did.json. Only the canonical form (npm jsonld, which brings RDFC-1.0) and Ed25519 (Node) are others' work.
import {createHash, createPublicKey, verify} from 'node:crypto';
import {readFileSync} from 'node:fs';
import jsonld from 'jsonld';
import {loaderFor} from './digital_bazaar.mjs';

const [credential, did] = process.argv.slice(2, 4).map(path => JSON.parse(readFileSync(path, 'utf8')));
const documentLoader = loaderFor({did});

const canonical = document => jsonld.canonize(document, {
  algorithm: 'RDFC-1.0', format: 'application/n-quads', documentLoader, safe: true});
const sha256 = text => createHash('sha256').update(text).digest();

function fromBase58(text) {
  const alphabet = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';
  let number = 0n;
  for(const character of text) {
    number = number * 58n + BigInt(alphabet.indexOf(character));
  }
  const digits = number.toString(16);
  return Buffer.from(digits.padStart(digits.length + digits.length % 2, '0'), 'hex');
}

// 1. What is signed: the canonical form of everything but the proofs …
const {proof: [first], ...document} = credential;
const documentHash = sha256(await canonical(document));
// 2. … and of the first proof without its value, read by the document's contexts.
const {proofValue, ...options} = first;
const optionsHash = sha256(await canonical({...options, '@context': document['@context']}));
// 3. The key that the proof names, from the issuer's DID document: multibase z, two bytes 0xed01, the key.
const method = did.verificationMethod.find(each => each.id === first.verificationMethod);
const key = createPublicKey({format: 'jwk', key: {
  kty: 'OKP', crv: 'Ed25519', x: fromBase58(method.publicKeyMultibase.slice(1)).subarray(2).toString('base64url')}});
const mayAssert = did.id === document.issuer.id && did.assertionMethod.includes(method.id);
// 4. Ed25519 over both hashes, the options' first.
const signature = fromBase58(proofValue.slice(1));
const fits = mayAssert && verify(null, Buffer.concat([optionsHash, documentHash]), key, signature);
// 5. What is anchored: the hash of the document with its first proof.
const leaf = sha256(await canonical({...document, proof: [first]}));

console.log(`options   ${optionsHash.toString('hex')}`);
console.log(`document  ${documentHash.toString('hex')}`);
console.log(`signature ${fits ? 'fits' : 'does not fit'}`);
console.log(`leaf      ${leaf.toString('hex')}`);
