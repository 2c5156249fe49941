// Unpacking untrusted data: never more than a given number of bytes.
import {Unreadable} from './errors.js';

/**
 * @param {Uint8Array} packed
 * @param {'gzip' | 'deflate'} format `deflate` is zlib's, RFC 1950
 * @param {number} most bytes
 * @returns {Promise<Uint8Array>}
 * @throws {Unreadable} for anything else, and for more than `most` bytes
 */
export async function unpacked(packed, format, most) {
  const reader = new Blob([packed]).stream().pipeThrough(new DecompressionStream(format)).getReader();
  const parts = [];
  let length = 0;
  try {
    for (;;) {
      const {done, value} = await reader.read();
      if (done) break;
      length += value.length;
      if (length > most) throw new Unreadable(`got more than ${most} bytes, expected fewer`);
      parts.push(value);
    }
  } catch (error) {
    reader.cancel().catch(() => undefined); // neither the rest of the stream nor an error at its end matters
    throw error instanceof Unreadable ? error : new Unreadable(`${error.message}, expected ${format}`);
  }
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
