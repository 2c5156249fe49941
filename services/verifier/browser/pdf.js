// The credential attached to a PDF: its embedded files are searched for one Open Badges 3.0 credential.
//
// Source: ISO 32000-2, section 7.11.4 (embedded file streams).
import {PDFArray, PDFDict, PDFName, PDFParser, PDFRawStream} from '@cantoo/pdf-lib';
import {HoldsNothing, Unreadable} from './errors.js';
import {MOST_BYTES, readDocument} from './badge.js';
import {unpacked} from './unpack.js';

/** @param {string} start the file's first characters: readers allow some bytes before the mark */
export const isPdf = start => start.includes('%PDF-');

/**
 * @param {Uint8Array} file
 * @returns {Promise<Uint8Array>} the bytes of the credential
 * @throws {Unreadable} when the PDF carries none or two
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
  if (!found.length) throw new NoCredentialInPdf('got a PDF without a credential attached, expected one');
  if (found.length > 1) throw new Unreadable(`got ${found.length} credentials in one PDF, expected one`);
  return found[0];
}

/** A certificate for printing. It leads to its page by the QR code; by itself it proves nothing. */
export class NoCredentialInPdf extends HoldsNothing {}

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
