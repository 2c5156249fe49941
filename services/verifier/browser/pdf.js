// The credential attached to a PDF: its embedded files are searched for one Open Badges 3.0 credential.
//
// Sources: ISO 32000-2, sections 7.11.4 (embedded file streams), 12.6.4.8 (URI actions), 14.3.2 (metadata).
import {PDFArray, PDFDict, PDFHexString, PDFName, PDFParser, PDFRawStream, PDFString} from '@cantoo/pdf-lib';
import {HoldsNothing, Unreadable} from './errors.js';
import {MOST_BYTES, readDocument} from './badge.js';
import {isAssertionId} from './evidence.js';
import {unpacked} from './unpack.js';

/** @param {string} start the file's first characters: readers allow some bytes before the mark */
export const isPdf = start => start.includes('%PDF-');

/**
 * @param {Uint8Array} file
 * @returns {Promise<Uint8Array>} the bytes of the credential
 * @throws {Unreadable} when the PDF carries none (NoCredentialInPdf) or two
 */
export async function credentialInPdf(file) {
  let context;
  try {
    context = await PDFParser.forBytesWithOptions(file, 50, false).parseDocument();
  } catch (error) { // an untrusted file: whatever the parser throws, it is no PDF that can be read
    throw new Unreadable(`got a PDF that can't be read: ${String(error.message).slice(0, 200)}`);
  }
  const found = [];
  for (const stream of embedded(context)) {
    const content = await contentOf(stream).catch(() => null); // another attachment, of any form and size
    if (content && isCredential(content)) found.push(content);
  }
  if (!found.length) throw new NoCredentialInPdf('got a PDF without a credential attached, expected one', await addressesIn(context));
  if (found.length > 1) throw new Unreadable(`got ${found.length} credentials in one PDF, expected one`);
  return found[0];
}

/** A certificate for printing. It leads to its page, by the QR code and by `addresses`; by itself it proves nothing. */
export class NoCredentialInPdf extends HoldsNothing {
  /** @param {string} text @param {string[]} addresses that its links and its metadata name; of any form */
  constructor(text, addresses) {
    super(text);
    this.addresses = addresses;
  }
}

/**
 * The one page of ours that these addresses name, as its QR code does: scheme and host may be in capitals there.
 * @param {string[]} addresses
 * @param {string} publicUrl
 * @returns {string | null} null when there is none, or more than one
 */
export function pageNamedBy(addresses, publicUrl) {
  const beginning = `${publicUrl}/V/`;
  const ids = new Set(addresses.filter(each => each.slice(0, beginning.length).toLowerCase() === beginning.toLowerCase())
    .map(each => each.slice(beginning.length)).filter(isAssertionId));
  return ids.size === 1 ? beginning + [...ids][0] : null;
}

/** The streams that a file specification names in EF. */
function embedded(context) {
  const streams = new Set();
  for (const [, object] of context.enumerateIndirectObjects()) {
    const files = object instanceof PDFDict ? object.lookup(PDFName.of('EF')) : undefined;
    if (!(files instanceof PDFDict)) continue;
    for (const [, reference] of files.entries()) {
      const stream = context.lookup(reference);
      if (stream instanceof PDFRawStream) streams.add(stream);
    }
  }
  return streams;
}

/** Where its links lead, and its XMP `dc:identifier`: a certificate names its page by both. */
async function addressesIn(context) {
  const found = new Set();
  const add = uri => (uri instanceof PDFString || uri instanceof PDFHexString) && found.add(uri.decodeText());
  const ofAction = holder => {
    const action = holder instanceof PDFDict ? holder.lookup(PDFName.of('A')) : undefined;
    if (action instanceof PDFDict) add(action.lookup(PDFName.of('URI')));
  };
  for (const [, object] of context.enumerateIndirectObjects()) {
    if (object instanceof PDFDict) {
      ofAction(object);
      const annotations = object.lookup(PDFName.of('Annots'));
      if (annotations instanceof PDFArray) for (let n = 0; n < annotations.size(); n += 1) ofAction(annotations.lookup(n));
    } else if (object instanceof PDFRawStream && object.dict.lookup(PDFName.of('Subtype')) === PDFName.of('XML')) {
      const metadata = await contentOf(object).catch(() => new Uint8Array());
      const named = /<dc:identifier>\s*([^<\s]{1,300})\s*<\/dc:identifier>/.exec(new TextDecoder().decode(metadata));
      if (named) found.add(named[1]);
    }
  }
  return [...found];
}

/** Plain or by FlateDecode, bounded; no writer uses other filters for text. */
async function contentOf(stream) {
  const given = stream.dict.lookup(PDFName.of('Filter'));
  const filters = given === undefined ? [] : given instanceof PDFArray ? given.asArray() : [given];
  if (!filters.length) return stream.contents;
  if (filters.length > 1 || filters[0] !== PDFName.of('FlateDecode')) throw new Unreadable('got another filter, expected FlateDecode');
  return unpacked(stream.contents, 'deflate', MOST_BYTES);
}

function isCredential(content) {
  try {
    const {type} = readDocument(content);
    return Array.isArray(type) && type.includes('OpenBadgeCredential');
  } catch {
    return false; // some other attachment
  }
}
