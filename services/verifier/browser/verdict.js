// Whether a credential is valid: seven numbered checks, one verdict. The kinds and their order are those of
// services/verifier/check/verdict.py: valid is only what passed all seven; what could not be checked is neither valid nor invalid.
import {checkChain, checkIssuer, checkPath, checkPeriod, checkSignature, checkStatus, readable, unread} from './checks.js';
import {Contradicted, Unreadable} from './errors.js';
import {gather, recordOf} from './evidence.js';
import {readBadge} from './badge.js';

/**
 * @typedef {'valid' | 'expired' | 'revoked' | 'not-valid' | 'not-yet-valid' | 'waiting-for-receipt' | 'in-progress' | 'could-not-check'} Kind
 * @typedef {{kind: Kind, checks: import('./checks.js').Check[], checkedAt: Date, badge: import('./badge.js').Badge | null,
 *   key: import('./evidence.js').Key | import('./evidence.js').Away | null, record: import('./evidence.js').IssuerRecord | null, isContradicted?: boolean}} Verdict
 */

/** The verdict on bytes that are no credential. @returns {Verdict} */
export function notReadable(error, now) {
  const isContradicted = error instanceof Contradicted;
  return {kind: 'not-valid', checks: [unread(error)], checkedAt: now, badge: null, key: null, record: null, isContradicted};
}

/**
 * The verdict on `document`, which should be issued by `issuer.did`. Asks the sources itself.
 * @param {Record<string, any>} document
 * @param {import('./evidence.js').Issuer} issuer
 * @param {{nodeUrl: string, given: Record<string, any> | null}} chosen
 * @param {{now: Date, ask: typeof fetch}} world
 * @returns {Promise<Verdict>}
 */
export async function verdictOn(document, issuer, chosen, {now, ask}) {
  let badge;
  try {
    badge = readBadge(document);
  } catch (error) {
    if (error instanceof Unreadable) return notReadable(error, now);
    throw error;
  }
  const path = await checkPath(document, badge); // before any source is asked: none is needed for a forgery
  const {key, statusList, chain} = await gather(path.outcome === 'failed' ? {...badge, anchorings: []} : badge, issuer, chosen, ask);
  const byIssuer = checkIssuer(badge, issuer.did, key);
  const checks = [
    readable(badge),
    byIssuer,
    await checkSignature(document, byIssuer, key),
    checkPeriod(badge, now),
    await checkStatus(badge, statusList, key, now),
    path,
    checkChain(badge, path, chain),
  ];
  const kind = kindOf(checks);
  const isUnanchored = kind === 'in-progress' && !badge.anchorings.length;
  const record = isUnanchored || kind === 'revoked' ? await recordOf(badge, issuer, ask) : null;
  const isUnreceived = isUnanchored && record?.received === false;
  return {kind: isUnreceived ? 'waiting-for-receipt' : kind, checks, checkedAt: now, badge, key, record};
}

/** In this order: a forgery is nothing else; revoked and expired need no other source; then what is unknown. */
function kindOf(checks) {
  const findings = new Set(checks.map(check => check.finding));
  if (checks.some(check => check.outcome === 'failed' && !check.finding)) return 'not-valid';
  if (checks.slice(0, 3).some(check => check.outcome !== 'ok')) return 'could-not-check';
  if (findings.has('revoked')) return 'revoked';
  if (findings.has('expired')) return 'expired';
  if (checks.some(check => check.outcome === 'unknown' && !check.finding)) return 'could-not-check';
  if (findings.has('pending')) return 'in-progress';
  if (findings.has('early')) return 'not-yet-valid';
  return 'valid';
}

/**
 * Under which words the verdict is told: its kind, or one of five that have their own. As `FACES` in web/browser_words.py.
 * @param {Verdict} verdict @returns {Kind | 'empty' | 'unread' | 'other-issuer' | 'replaced' | 'erased'}
 */
export function faceOf({kind, badge, checks, record, isContradicted = false}) {
  if (kind === 'revoked' && record?.erasedAt) return 'erased';
  if (kind === 'revoked' && record?.replacedBy) return 'replaced';
  if (kind !== 'not-valid') return kind;
  if (isContradicted) return kind;
  if (badge === null) return checks[0].finding === 'empty' ? 'empty' : 'unread';
  return checks.some(check => check.number === 2 && check.outcome === 'failed') ? 'other-issuer' : kind;
}

/** The society signed exactly this. Says nothing about whether it is still valid. @param {Verdict} verdict */
export function isGenuine(verdict) {
  return verdict.kind !== 'not-valid' && [1, 2, 3].every(number => verdict.checks.some(check => check.number === number && check.outcome === 'ok'));
}

/** The checks whose source gave no answer. Without those that only follow from another: no signature is checked without a key. @param {Verdict} verdict */
export function asked(verdict) {
  const unknown = verdict.checks.filter(check => check.outcome === 'unknown' && check.finding !== 'pending');
  const keyIsMissing = unknown.some(check => check.number === 2);
  const own = unknown.filter(check => !(check.number === 3 && keyIsMissing));
  return own.length ? own : unknown;
}
