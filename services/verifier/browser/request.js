// Limits of a request: how long we wait, and how much we read.
import {TryLater} from './errors.js';

const PATIENCE = 10_000; // milliseconds

/** A signal that aborts after 10 s. */
export function patience() {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(new Error(`no answer within ${PATIENCE / 1000} s`)), PATIENCE);
  return {signal: controller.signal, stop: () => clearTimeout(timer)};
}

/** The whole body. Texts of errors leave out the address: it may hold the visitor's API key. @param {Response} got @param {number} most bytes @throws {TryLater} for more */
export async function bodyOf(got, most) {
  const parts = [];
  let length = 0;
  for (const reader = got.body.getReader(); ;) {
    const {done, value} = await reader.read();
    if (done) return new Uint8Array(await new Blob(parts).arrayBuffer());
    length += value.length;
    if (length > most) {
      await reader.cancel();
      throw new TryLater(`got more than ${most} bytes, expected fewer`);
    }
    parts.push(value);
  }
}
