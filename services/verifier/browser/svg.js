// The credential baked into an SVG: the text of its one element `credential` in the Open Badges namespace; and its 2.0 half.
// The browser's XML parser reads it into a document of its own: nothing is run, shown or fetched from it.
//
// Source: Open Badges 3.0, section 5.3.2 (SVG).
import {Unreadable} from './errors.js';
import {asText} from './badge.js';

const NAMESPACE = 'https://purl.imsglobal.org/ob/v3p0';
const NAMESPACE_2 = 'http://openbadges.org';
const SVG = 'http://www.w3.org/2000/svg';

const MISC = String.raw`(?:\s|<\?(?:(?!\?>)[^])*\?>|<!--(?:(?!-->)[^])*-->)*`;
const QUOTED = String.raw`(?:"[^"]*"|'[^']*')`;
// A document type that declares nothing, as drawing programs write it, behind the XML declaration and comments.
const DOCTYPE = new RegExp(String.raw`^(${MISC})<!DOCTYPE\s+[\w:.-]+(?:\s+(?:PUBLIC\s+${QUOTED}|SYSTEM)\s+(${QUOTED}))?\s*(?:\[${MISC}\]\s*)?>`);
const W3C_DTD = /^(https?:\/\/www\.w3\.org\/[!-~]*|about:legacy-compat|[\w.-]+\.dtd)$/;

/** XML of whatever kind, perhaps behind a byte order mark. @param {Uint8Array} file */
export const isSvg = file => /^(\u00ef\u00bb\u00bf|\u00ff\u00fe|\u00fe\u00ff)?[\s\0]*</.test(new TextDecoder('latin1').decode(file.subarray(0, 64)));

/**
 * @param {Uint8Array} file
 * @returns {{credential: Uint8Array, assertion: Uint8Array | null, verify: string | null}} `verify`: the URL beside the 2.0 half
 * @throws {Unreadable} when the picture carries no credential or two, or declares anything
 */
export function halvesInSvg(file) {
  const text = withoutDoctype(decoded(file));
  if (/<!(DOCTYPE|ENTITY)/i.test(text)) throw new Unreadable('got an SVG with a document type that declares something, or is not one of W3C');
  const read = new DOMParser().parseFromString(text, 'application/xml');
  const {localName, namespaceURI} = read.documentElement;
  if (localName !== 'svg' || ![SVG, null].includes(namespaceURI) || read.getElementsByTagName('parsererror').length) {
    throw new Unreadable('got a file that is no well-formed SVG');
  }
  const found = read.getElementsByTagNameNS(NAMESPACE, 'credential');
  if (found.length !== 1) throw new Unreadable(`got ${found.length} credentials in the SVG, expected one`);
  if (found[0].hasAttribute('verify')) throw new Unreadable('got a second credential in the attribute verify');
  const halves = read.getElementsByTagNameNS(NAMESPACE_2, 'assertion');
  if (halves.length > 1) throw new Unreadable(`got ${halves.length} assertions in the SVG, expected at most one`);
  const [half] = halves;
  return {
    credential: bytesOf(found[0]),
    assertion: half?.textContent.trim() ? bytesOf(half) : null,
    verify: half?.getAttribute('verify') ?? null,
  };
}

const bytesOf = element => new TextEncoder().encode(element.textContent.trim());

/** What it declares is nothing, so nothing is lost without it; the parser would not tell what it declares. */
function withoutDoctype(text) {
  const found = text.match(DOCTYPE);
  if (!found || (found[2] && !W3C_DTD.test(found[2].slice(1, -1)))) return text;
  return found[1] + text.slice(found[0].length);
}

function decoded(file) {
  try {
    return asText(file);
  } catch (error) {
    throw new Unreadable(`got a picture that is no UTF-8: ${error.message}`);
  }
}
