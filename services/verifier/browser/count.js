// Whether a statement of the count is right: nine numbered checks, one verdict. Numbers, codes and kinds are those of
// services/verifier/check/count.py and count_records.py.
import {rootStatus} from './anchoring.js';
import {Invalid, gatherCount, isStated, recordsOf} from './count_evidence.js';
import {readStated, same, total} from './count_statement.js';
import {keyOf, verifyProof} from './credential.js';
import {DoNotTrust, DoesNotAddUp, KeyNotListed, Unreadable} from './errors.js';
import {Away} from './evidence.js';
import {SKEW, bitsOf, readStatusList} from './status_list.js';
import {rootOf} from './merkle_proof.js';
import {fromHex, toHex} from './multibase.js';

/**
 * @typedef {{number: number, outcome: 'ok' | 'failed' | 'unknown', code: string, got: string, expected: string}} CountCheck
 * @typedef {{kind: 'right' | 'not-recorded-yet' | 'not-right' | 'could-not-check', checks: CountCheck[], checkedAt: Date,
 *   stated: import('./count_statement.js').Stated | null, newest: number | null}} CountVerdict
 */

/** A check failed: what was found. */
class Wrong extends Error {
  constructor(code, got, expected) {
    super(String(got));
    Object.assign(this, {code, got: String(got), expected: String(expected)});
  }
}

/** A check could not be made, or not yet (`pending`). */
class Open extends Wrong {}

function expect(isRight, code, got, expected) {
  if (!isRight) throw new Wrong(code, got, expected);
}

/** Wrong for what isn't there or can't be read, Open for what could not be fetched. */
function required(found, code, what) {
  if (found instanceof Away) throw new Open('away', found.why, what);
  if (found === null || found === undefined) throw new Wrong(code, `nothing at ${what}`, what);
  if (found instanceof Invalid) throw new Wrong(code, `${what}: ${found.why}`, what);
  return found;
}

/** @returns {Promise<CountVerdict>} */
export async function countVerdictOn(document, issuer, chosen, {now, ask}) {
  let stated;
  try {
    stated = await readStated(document);
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    const code = error instanceof DoesNotAddUp ? 'sum' : 'unreadable';
    return {kind: 'not-right', checks: [{number: 1, outcome: 'failed', code, got: error.message.slice(0, 500), expected: 'a statement of the count'}], checkedAt: now, stated: null, newest: null};
  }
  const evidence = await gatherCount(stated, issuer, chosen, ask);
  const asks = [
    () => `statement ${stated.number} of ${stated.cohort}`, () => byIssuer(stated, issuer.did, evidence.key), () => signatures(stated, evidence),
    () => unbroken(stated, evidence.own), () => addsUp(stated, evidence.own), () => manifests(stated, evidence), () => revoked(evidence, now),
    () => roots(stated, evidence.chain), () => recorded(stated, evidence),
  ];
  const checks = [];
  for (const [place, one] of asks.entries()) checks.push(await made(place + 1, one));
  return {kind: kindOf(checks), checks, checkedAt: now, stated, newest: evidence.own.links.findLast(isStated)?.number ?? null};
}

/** The society signed exactly this, whether or not its numbers are right. @param {CountVerdict} verdict */
export const isSigned = verdict => [0, 1, 2].every(place => verdict.checks[place]?.outcome === 'ok');

async function made(number, one) {
  try {
    return {number, outcome: 'ok', code: 'ok', got: (await one()).slice(0, 500), expected: ''};
  } catch (error) {
    if (!(error instanceof Wrong)) throw error;
    return {number, outcome: error instanceof Open ? 'unknown' : 'failed', code: error.code, got: error.got.slice(0, 500), expected: error.expected.slice(0, 500)};
  }
}

function kindOf(checks) {
  if (checks.some(check => check.outcome === 'failed')) return 'not-right';
  if (checks.some(check => check.outcome === 'unknown' && check.code !== 'pending')) return 'could-not-check';
  return checks.every(check => check.outcome === 'ok') ? 'right' : 'not-recorded-yet';
}

const nameOf = ({cohort, number}) => `${cohort}/${number}`;
const textOf = figures => Object.entries(figures).map(([name, value]) => `${value} ${name}`).join(', ');

// ── 2, 3 ─────────────────────────────────────────────────────────────────────────────────────────────────

function byIssuer(stated, did, key) {
  expect(stated.issuer === did, 'other', stated.issuer, did);
  if (!key?.document) throw new Open('away', key?.why ?? 'no did.json', `the DID document of ${did}`);
  if (key.document.id !== did) throw new Open('away', 'a DID document of another', `one of ${did}`);
  return did;
}

async function signatures(stated, {key, own, others}) {
  const expected = 'an eddsa-rdfc-2022 proof by a key of the issuer';
  if (!key?.document) throw new Open('away', 'no key to check with: see check 2', expected);
  const checked = new Set();
  for (const each of [stated, ...[own, ...(Array.isArray(others) ? others : [])].flatMap(chain => chain.links.filter(isStated))]) {
    if (checked.has(each.leaf)) continue; // the hash covers the proof as well
    try {
      await verifyProof(each.document, keyOf(each.document, key.document));
    } catch (error) {
      if (!(error instanceof DoNotTrust || error instanceof Unreadable)) throw error;
      if (error instanceof KeyNotListed && !key.isLive) throw new Open('away', `statement ${nameOf(each)}: ${error.message}; looked in ${key.source}`, expected);
      throw new Wrong(each === stated ? 'forged' : 'forged-other', `statement ${nameOf(each)}: ${error.message}`, expected);
    }
    checked.add(each.leaf);
  }
  return `${checked.size} statements signed by keys of the issuer`;
}

// ── 4 ────────────────────────────────────────────────────────────────────────────────────────────────────

function unbroken(stated, own) {
  own.links.forEach((found, place) => required(found, 'gap', `statement ${own.cohort}/${place + 1}`));
  own.links.forEach((each, place) => {
    expect(each.cohort === own.cohort && each.number === place + 1, 'gap', `statement ${nameOf(each)}`, `statement ${own.cohort}/${place + 1}`);
    follows(each, own.links[place - 1] ?? null);
  });
  const newest = required(own.newest, 'gap', `the newest statement of ${own.cohort}`);
  const there = own.links.find(each => each.number === stated.number);
  if (!there) throw new Wrong('gap', `nothing under number ${stated.number}`, `statement ${nameOf(stated)}`);
  expect(there.leaf === stated.leaf, 'forked', `${there.leaf} under its number`, stated.leaf);
  expect(newest.leaf === own.links.at(-1).leaf && !own.beyond, 'older', `${nameOf(newest)} given out as newest`, 'the newest');
  return `${own.links.length} statements, each with the hash of the one before`;
}

function follows(each, before) {
  if (before === null) return expect(each.former === null, 'broken', `statement ${nameOf(each)} names one before it`, 'the first');
  const {former} = each;
  expect(former !== null && former.url === before.url && former.leaf === before.leaf, 'broken',
    `statement ${nameOf(each)} names ${former === null ? 'none' : `${former.url} with hash ${former.leaf}`}`, `${before.url} with hash ${before.leaf}`);
  const [now, then] = [each.figures, before.figures];
  const batches = new Map(each.batches.map(batch => [batch.root, batch.badges]));
  const wentBack = each.statedAt < before.statedAt || now.issued < then.issued || now.anchored < then.anchored
    || now.revoked + now.corrected < then.revoked + then.corrected
    || before.batches.some(batch => batches.get(batch.root) !== batch.badges)
    || before.statusLists.some(url => !each.statusLists.includes(url));
  return expect(!wentBack, 'back', `statement ${nameOf(each)}: ${textOf(now)}`, `nothing less than in ${nameOf(before)}: ${textOf(then)}`);
}

// ── 5 ────────────────────────────────────────────────────────────────────────────────────────────────────

function addsUp(stated, own) {
  const {figures} = stated;
  const chain = new Map(own.links.filter(isStated).map(each => [each.number, each]));
  expect(figures.valid >= 0, 'sum', `${figures.valid} valid`, '0 or more');
  expect(figures.anchored <= figures.issued, 'sum', `${figures.anchored} anchored`, `${figures.issued} at most`);
  const inBatches = stated.batches.reduce((sum, batch) => sum + batch.badges, 0);
  expect(inBatches === figures.anchored, 'batches', `${inBatches} in its batches`, `${figures.anchored} anchored`);
  const divided = stated.dividedIn === stated.number ? stated : chain.get(stated.dividedIn);
  if (!divided || stated.dividedIn > stated.number) throw new Wrong('groups', `a division of statement ${stated.dividedIn}`, 'one of this statement or an earlier one');
  expect(same(divided.groups, stated.groups), 'groups', 'other groups', `those of statement ${stated.dividedIn}`);
  const sums = total(divided.groups.map(group => group.figures));
  expect(same(sums, divided.figures), 'groups', `${textOf(sums)} in its groups`, textOf(divided.figures));
  const before = chain.get(stated.number - 1);
  if (before || stated.number === 1) {
    const known = before?.figures.issued ?? 0;
    expect(known + stated.added === figures.issued, 'added', `${known} and ${stated.added} new`, `${figures.issued} issued`);
  }
  return `${figures.issued} issued = ${figures.valid} valid + ${figures.revoked} revoked + ${figures.corrected} corrected`;
}

// ── 6 ────────────────────────────────────────────────────────────────────────────────────────────────────

function manifests(stated, evidence) {
  const own = listed(evidence.own, stated.number);
  expect(own.size === stated.figures.issued, 'list', `${own.size} leaves listed`, `${stated.figures.issued} issued`);
  const strays = new Map();
  for (const {root, badges} of stated.batches) {
    const leaves = required(evidence.manifests.get(root), 'manifest', `the manifest of batch ${root}`);
    const rest = [...leaves].filter(leaf => !own.has(leaf));
    const found = leaves.size - rest.length;
    expect(found === badges, found < badges ? 'added-outside' : 'dropped', `batch ${root}: ${badges} stated`, `${found} in its manifest`);
    if (rest.length) strays.set(root, rest);
  }
  if (strays.size) accounted(strays, evidence);
  return `${own.size} leaves listed, ${stated.figures.anchored} of them in ${stated.batches.length} batches`;
}

/** Every other leaf of a batch is a badge of another cohort, a badge counted later, or a statement. */
function accounted(strays, {own, others}) {
  const known = new Set([...own.links.filter(isStated).map(each => each.leaf), ...listed(own)]);
  const left = () => [...strays].map(([root, leaves]) => [root, leaves.filter(leaf => !known.has(leaf)).length]).filter(([, count]) => count);
  if (!left().length) return;
  if (others instanceof Away) throw new Open('away', others.why, 'the statements of the other cohorts');
  for (const chain of others) for (const leaf of [...listed(chain), ...chain.links.filter(isStated).map(each => each.leaf)]) known.add(leaf);
  for (const [root, count] of left()) throw new Wrong('stray', `batch ${root}: ${count} leaves that no statement counts`, 'none');
}

/** The leaves that statements of the chain list, each counted once. */
function listed(chain, upTo = Infinity) {
  const made = new Set();
  for (const [place, found] of chain.links.slice(0, upTo).entries()) {
    const told = required(found, 'gap', `statement ${chain.cohort}/${place + 1}`);
    const what = `the list of statement ${nameOf(told)}`;
    const {leaves, digest} = required(chain.lists[place], 'list', what);
    expect(digest === told.addedDigest && leaves.length === told.added, 'list', `${what}: ${leaves.length} leaves`, `${told.added} with digest ${told.addedDigest}`);
    for (const leaf of leaves) {
      expect(!made.has(leaf), 'twice', `${what}: a leaf that was listed before`, 'each badge once');
      made.add(leaf);
    }
  }
  return made;
}

// ── 7 ────────────────────────────────────────────────────────────────────────────────────────────────────

async function revoked({own, others, statusLists, key}, now) {
  if (others instanceof Away) throw new Open('away', others.why, 'the statements of the other cohorts');
  const last = [own, ...others].map(newestOf);
  const expected = last.reduce((sum, {figures}) => sum + figures.revoked + figures.corrected, 0);
  const latest = Math.max(...last.map(each => each.statedAt.getTime()));
  const urls = [...new Set(last.flatMap(each => each.statusLists))].sort();
  let [found, isOlder] = [0, true];
  for (const url of urls) {
    const listedAt = await setBits(url, statusLists.get(url), key, now);
    found += listedAt.count;
    isOlder &&= listedAt.validFrom.getTime() + SKEW < latest;
  }
  const got = `${found} bits set in ${urls.length} lists`;
  expect(found >= expected, 'fewer', got, `${expected} revoked or corrected`);
  if (found > expected) {
    expect(!isOlder, 'more', got, `${expected} revoked or corrected`);
    throw new Open('pending', got, `${expected} revoked or corrected, by statements that are older than the lists`);
  }
  return got;
}

async function setBits(url, found, key, now) {
  const expected = "the issuer's signed list";
  if (!found || found instanceof Away || found instanceof Invalid || !key?.document) throw new Open('away', `${url}: ${found?.why ?? 'no usable list'}`, expected);
  try {
    const listed = await readStatusList(found, key.document);
    if (listed.validFrom === null) throw new Unreadable('validFrom: got none, expected when the list was signed');
    let count = 0;
    for (let byte of bitsOf(listed, url, now)) for (; byte; byte &= byte - 1) count += 1;
    return {count, validFrom: listed.validFrom};
  } catch (error) {
    if (!(error instanceof DoNotTrust || error instanceof Unreadable)) throw error;
    throw new Open('away', `${url}: ${error.message}`, expected);
  }
}

function newestOf({cohort, newest, links}) {
  if (!isStated(newest) || !isStated(links.at(-1) ?? null)) {
    throw new Open('away', (isStated(newest) ? links.at(-1) : newest)?.why ?? 'nothing there', `the newest statement of ${cohort}`);
  }
  return links.at(-1);
}

// ── 8, 9 ─────────────────────────────────────────────────────────────────────────────────────────────────

function roots({batches}, chain) {
  for (const {root} of batches) stands({merkleRoot: fromHex(root), anchors: []}, chain);
  return `${batches.length} roots stand in the registry`;
}

function recorded(stated, {own, chain}) {
  let pending = new Open('pending', 'no proof of anchoring yet', 'its hash in a batch');
  for (const each of recordsOf(stated, own)) {
    if (each.proofs === null) throw new Wrong('forged', `statement ${nameOf(each)}: a proof that can't be decoded`, 'a proof of anchoring');
    for (const proof of each.proofs) {
      const reached = toHex(rootOf(fromHex(each.leaf), proof.path));
      const root = toHex(proof.merkleRoot);
      expect(toHex(proof.targetHash) === each.leaf && reached === root, 'forged', `statement ${nameOf(each)}: a path to ${reached}`, root);
      try {
        stands(proof, chain);
      } catch (error) {
        if (!(error instanceof Open)) throw error;
        pending = error;
        continue;
      }
      return `statement ${nameOf(each)} is in the batch ${root}`;
    }
  }
  throw pending;
}

/** As `_stands` in count_records.py. */
function stands(proof, chain) {
  const expected = `the root ${toHex(proof.merkleRoot)} in the registry, at finality`;
  if (chain === null || chain instanceof Away || chain instanceof Invalid) throw new Open('away', chain?.why ?? 'no answer', expected);
  const {outcome, got, finding} = rootStatus(proof, chain);
  if (outcome === 'failed') throw new Wrong(finding === 'revoked' ? 'revoked' : 'absent', got, expected);
  if (outcome === 'unknown') throw new Open(finding === 'pending' ? 'pending' : 'away', got, expected);
}
