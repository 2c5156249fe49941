// The credential baked into an SVG: the text of its one element `credential` in the Open Badges namespace.
// The browser's XML parser reads it into a document of its own: nothing is run, shown or fetched from it.
//
// Source: Open Badges 3.0, section 5.3.2 (SVG).
import {HoldsNothing, Unreadable} from './errors.js';

const NAMESPACE = 'https://purl.imsglobal.org/ob/v3p0';
const SVG = 'http://www.w3.org/2000/svg';

/** @param {string} start the file's first bytes, each as a character: XML of whatever kind, perhaps behind a byte order mark */
export const isSvg = start => /^(\u00ef\u00bb\u00bf)?\s*</.test(start);

/**
 * @param {Uint8Array} file
 * @returns {Uint8Array} the bytes of the credential
 * @throws {Unreadable} when the picture carries none or two, or declares entities
 */
export function credentialInSvg(file) {
  const text = decoded(file);
  if (/<!(DOCTYPE|ENTITY)/i.test(text)) throw new Unreadable('got an SVG with a document type, expected none: it could declare entities');
  const read = new DOMParser().parseFromString(text, 'application/xml');
  const {localName, namespaceURI} = read.documentElement;
  if (localName !== 'svg' || ![SVG, null].includes(namespaceURI) || read.getElementsByTagName('parsererror').length) {
    throw new Unreadable('got a file that is no well-formed SVG');
  }
  const found = read.getElementsByTagNameNS(NAMESPACE, 'credential');
  if (!found.length) throw new HoldsNothing('got an SVG without a credential in it, expected one');
  if (found.length !== 1) throw new Unreadable(`got ${found.length} credentials in the SVG, expected one`);
  return new TextEncoder().encode(found[0].textContent.trim());
}

function decoded(file) {
  try {
    return new TextDecoder('utf-8', {fatal: true}).decode(file);
  } catch (error) {
    throw new Unreadable(`got a picture that is no UTF-8: ${error.message}`);
  }
}
