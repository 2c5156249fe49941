// Bytes as text that says its own alphabet. Source: W3C Controlled Identifiers 1.0, sections 2.4 and 2.2.2 (Multikey).
import {Unreadable} from './errors.js';

const ALPHABET = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';
const VALUES = new Map([...ALPHABET].map((character, value) => [character, value]));
const CHUNK = 10; // 58^10 is below 2^53 × 2^6: each part stays a BigInt of one word, ten times fewer long products

/**
 * The bytes of a `z…` text (base58btc).
 * @param {unknown} text
 * @param {number} [longest] characters; the conversion is quadratic
 * @returns {Uint8Array}
 * @throws {Unreadable} for anything else
 */
export function fromBase58(text, longest = 512) {
  if (typeof text !== 'string' || !text.startsWith('z') || text.length > longest) {
    throw new Unreadable(`got ${shown(text)}, expected z and base58btc, at most ${longest} characters`);
  }
  const digits = text.slice(1);
  let number = 0n;
  for (let start = 0; start < digits.length; start += CHUNK) {
    const chunk = digits.slice(start, start + CHUNK);
    let part = 0n;
    for (const character of chunk) {
      const value = VALUES.get(character);
      if (value === undefined) throw new Unreadable(`got ${shown(character)} in ${shown(text)}, expected base58btc`);
      part = part * 58n + BigInt(value);
    }
    number = number * 58n ** BigInt(chunk.length) + part;
  }
  const zeros = digits.length - digits.replace(/^1+/, '').length;
  const hex = number ? number.toString(16) : '';
  return new Uint8Array([...new Uint8Array(zeros), ...fromHex(hex.length % 2 ? `0${hex}` : hex)]);
}

/**
 * The bytes of a `u…` text (base64url without padding).
 * @param {unknown} text
 * @returns {Uint8Array}
 * @throws {Unreadable} for anything else
 */
export function fromBase64url(text) {
  if (typeof text !== 'string' || !/^u[A-Za-z0-9_-]*$/.test(text) || text.length % 4 === 2) {
    throw new Unreadable(`got ${shown(text)}, expected u and base64url without padding`);
  }
  return Uint8Array.from(atob(text.slice(1).replaceAll('-', '+').replaceAll('_', '/')), letter => letter.charCodeAt(0));
}

/**
 * The raw 32 bytes of an Ed25519 Multikey (`z6Mk…`).
 * @param {unknown} text
 * @throws {Unreadable} when it is none
 */
export function fromEd25519Multibase(text) {
  const data = fromBase58(text);
  if (data.length !== 34 || data[0] !== 0xed || data[1] !== 0x01) {
    throw new Unreadable(`got a Multikey of ${data.length} bytes, ${toHex(data.slice(0, 2))}…, expected ed01 and 32 bytes`);
  }
  return data.slice(2);
}

/** @param {Uint8Array} bytes */
export function toHex(bytes) {
  return Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join('');
}

/**
 * @param {string} text pairs of hexadecimal digits
 * @throws {Unreadable} for anything else
 */
export function fromHex(text) {
  if (typeof text !== 'string' || !/^([0-9a-fA-F]{2})*$/.test(text)) {
    throw new Unreadable(`got ${shown(text)}, expected pairs of hexadecimal digits`);
  }
  return Uint8Array.from(text.match(/../g) ?? [], pair => parseInt(pair, 16));
}

/**
 * An untrusted value for an error's text, as JSON: an object's `toString` may be no function.
 * @param {unknown} value
 * @param {number} [most] characters
 */
export function shown(value, most = 40) {
  return (JSON.stringify(value) ?? 'nothing').slice(0, most);
}
