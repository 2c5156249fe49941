// The JSON-LD contexts that our issuer uses, built in: nothing is fetched. The files are those of shared/credentials/contexts.
import credentials from '../../../shared/credentials/contexts/credentials-v2.json' with {type: 'json'};
import openBadges from '../../../shared/credentials/contexts/open-badges-3.0.3.json' with {type: 'json'};
import terms from '../../../shared/credentials/contexts/undefined-terms-v2.json' with {type: 'json'};
import {Unreadable} from './errors.js';
import {shown} from './multibase.js';

export const VC_CONTEXT = 'https://www.w3.org/ns/credentials/v2';
export const OB_CONTEXT = 'https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json';

/** Gives every property that no other context defines an IRI of its own: for statements of the count only. */
export const TERMS_CONTEXT = 'https://www.w3.org/ns/credentials/undefined-terms/v2';
export const COUNT_TYPE = 'BadgeCountCredential';

const CONTEXTS = new Map([[VC_CONTEXT, credentials], [OB_CONTEXT, openBadges], [TERMS_CONTEXT, terms]]);

/** In a badge a property that Open Badges doesn't define stays refused. */
function knownContexts({type}) {
  if (type === 'DataIntegrityProof') return [...CONTEXTS.keys()]; // options, read by the contexts of the document that they secure
  return Array.isArray(type) && type.includes(COUNT_TYPE) ? [VC_CONTEXT, TERMS_CONTEXT] : [VC_CONTEXT, OB_CONTEXT];
}

/**
 * The document's contexts: the one of VC 2.0 first, no other than those built in.
 * @param {Record<string, unknown>} document
 * @returns {string[]}
 * @throws {Unreadable}
 */
export function contextUrls(document) {
  const urls = document['@context'];
  const given = typeof urls === 'string' ? [urls] : Array.isArray(urls) ? urls : [];
  const known = knownContexts(document);
  if (given[0] !== VC_CONTEXT || given.some(url => !known.includes(url))) {
    throw new Unreadable(`@context: got ${shown(urls, 200)}, expected ${VC_CONTEXT} and then only ${known.join(', ')}`);
  }
  return given;
}

/** jsonld's document loader. Whatever isn't built in is refused. @param {string} url */
export async function documentLoader(url) {
  if (!CONTEXTS.has(url)) throw new Unreadable(`${url.slice(0, 200)}: not built in, and nothing is fetched`);
  return {contextUrl: null, documentUrl: url, document: CONTEXTS.get(url)};
}
