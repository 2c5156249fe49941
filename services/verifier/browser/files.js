// The credential in a file: JSON, or inside of a PNG, SVG or PDF. The content decides, not the file's name.
import {Unreadable} from './errors.js';
import {credentialInPdf, isPdf} from './pdf.js';
import {halvesInPng, isPng} from './png.js';
import {notContradicted} from './open_badges_2.js';
import {readDocument} from './badge.js';
import {halvesInSvg, isSvg} from './svg.js';

export const MOST_FILE_BYTES = 8 * 1024 * 1024; // certificates of ours have less than one

const MOST_PICTURE_BYTES = 1024 * 1024; // pictures of ours have about 60 KB

/**
 * @param {Uint8Array} file
 * @returns {Promise<Record<string, any>>}
 * @throws {Unreadable}
 */
export async function documentIn(file) {
  const start = new TextDecoder('latin1').decode(file.subarray(0, 1024));
  if (isPng(file)) return whole(await halvesInPng(atMost(file, MOST_PICTURE_BYTES)));
  if (isSvg(file)) return whole(halvesInSvg(atMost(file, MOST_PICTURE_BYTES)));
  if (isPdf(start)) return readDocument(await credentialInPdf(atMost(file, MOST_FILE_BYTES)));
  return readDocument(file);
}

const whole = halves => notContradicted(readDocument(halves.credential), halves);

function atMost(file, most) {
  if (file.length > most) throw new Unreadable(`got ${file.length} bytes, expected at most ${most}`);
  return file;
}
