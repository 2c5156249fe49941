// The credential in a file: JSON itself, or what a PNG, SVG or PDF carries. The content decides, not the file's name.
import {Unreadable} from './errors.js';
import {credentialInPdf, isPdf} from './pdf.js';
import {credentialInPng, isPng} from './png.js';
import {readDocument} from './reading.js';
import {credentialInSvg, isSvg} from './svg.js';

export const MOST_FILE_BYTES = 8 * 1024 * 1024; // pictures and certificates of ours have less than one

/**
 * @param {Uint8Array} file
 * @returns {Promise<Record<string, any>>}
 * @throws {Unreadable}
 */
export async function documentIn(file) {
  if (file.length > MOST_FILE_BYTES) throw new Unreadable(`got ${file.length} bytes, expected at most ${MOST_FILE_BYTES}`);
  const start = new TextDecoder('latin1').decode(file.subarray(0, 1024));
  if (isPng(file)) return readDocument(await credentialInPng(file));
  if (isPdf(start)) return readDocument(await credentialInPdf(file));
  if (isSvg(start.replace(/^ï»¿/, ''))) return readDocument(credentialInSvg(file));
  return readDocument(file);
}
