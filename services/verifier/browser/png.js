// The credential baked into a PNG: the text of its iTXt chunk `openbadgecredential`, and its 2.0 half, `openbadges`.
//
// Sources: Open Badges 3.0, section 5.3.1 (PNG); PNG Specification (Third Edition), sections 5 and 11.3.3.4 (iTXt).
import {Unreadable} from './errors.js';
import {MOST_BYTES} from './badge.js';
import {unpacked} from './unpack.js';

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const KEYWORDS = ['openbadgecredential', 'openbadges'];

/** @param {Uint8Array} file */
export const isPng = file => SIGNATURE.every((byte, place) => file[place] === byte);

/**
 * @param {Uint8Array} file
 * @returns {Promise<{credential: Uint8Array, assertion: Uint8Array | null, verify: null}>}
 * @throws {Unreadable} when the picture carries no credential, two, or is cut off
 */
export async function halvesInPng(file) {
  const chunks = [...texts(file)];
  const [credentials, assertions] = KEYWORDS.map(keyword => chunks.filter(chunk => keywordOf(chunk) === keyword));
  if (!credentials.length) throw new Unreadable('got a PNG without a credential in it, expected a chunk openbadgecredential');
  if (credentials.length > 1) throw new Unreadable(`got ${credentials.length} credentials in one PNG, expected one`);
  if (assertions.length > 1) throw new Unreadable(`got ${assertions.length} assertions in one PNG, expected one`);
  return {
    credential: await contentOf(credentials[0]),
    assertion: assertions.length ? await contentOf(assertions[0]) : null,
    verify: null,
  };
}

/** The bodies of all iTXt chunks. A badge in a chunk of older bakers counts as another: readers of 2.0 would show that one. */
function* texts(file) {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  if (String.fromCharCode(...file.subarray(12, 16)) !== 'IHDR') throw new Unreadable('got a PNG that does not begin with IHDR');
  for (let at = SIGNATURE.length; ;) {
    if (at + 12 > file.length) throw new Unreadable('got a PNG that is cut off, expected its end (IEND)');
    const length = view.getUint32(at);
    const end = at + 12 + length;
    if (end > file.length) throw new Unreadable('got a PNG whose chunk is cut off');
    const name = String.fromCharCode(...file.subarray(at + 4, at + 8));
    if (name === 'iTXt') {
      if (crc32(file.subarray(at + 4, end - 4)) !== view.getUint32(end - 4)) throw new Unreadable('got an iTXt chunk with a wrong checksum');
      yield file.subarray(at + 8, end - 4);
    }
    if (['tEXt', 'zTXt'].includes(name) && KEYWORDS.includes(keywordOf(file.subarray(at + 8, end - 4)))) {
      throw new Unreadable(`got a badge in a chunk ${name}, expected it in iTXt only`);
    }
    if (name === 'IEND') return;
    at = end;
  }
}

const keywordOf = chunk => String.fromCharCode(...chunk.subarray(0, Math.max(0, Math.min(chunk.indexOf(0), 80))));

/** Keyword 0 flag method language 0 translated-keyword 0 text. */
async function contentOf(chunk) {
  const flag = chunk.indexOf(0) + 1;
  const language = chunk.indexOf(0, flag + 2);
  const keyword = chunk.indexOf(0, language + 1);
  if (language < 0 || keyword < 0 || chunk[flag] > 1 || chunk[flag + 1] !== 0) throw new Unreadable('got an iTXt chunk of another form');
  const text = chunk.subarray(keyword + 1);
  return chunk[flag] === 1 ? unpacked(text, 'deflate', MOST_BYTES) : text;
}

/** Source: PNG Specification, annex D. */
function crc32(bytes) {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return (crc ^ 0xffffffff) >>> 0;
}
