// Asking the issuer's site and a node about the count of a cohort. Decides nothing. As services/verifier/sources/count.py.
//
// The addresses asked for name years, numbers of statements and batches: nothing of a person.
import {Away, bytesAt, keyFor} from './evidence.js';
import {COHORT, isCount, manifestLeaves, readLeaves, readStated} from './count_statement.js';
import {NotThere, TryLater, Unreadable} from './errors.js';
import {MOST_COUNT_BYTES, readJson} from './badge.js';
import {toHex} from './multibase.js';
import {chainAnswers} from './node.js';

const MOST = 20_000; // statements of a cohort
const AT_ONCE = 6;
const MOST_LIST_BYTES = 64 * 1024 * 1024; // 67 bytes a leaf: a batch has up to 100 000

/** What can't be read, and why. */
export class Invalid {
  /** @param {string} why */
  constructor(why) { this.why = why; }
}

/**
 * @typedef {import('./count_statement.js').Stated} Stated
 * @typedef {Stated | Invalid | Away | null} Found null: the site has nothing under this number
 * @typedef {{cohort: string, newest: Found, links: Found[], beyond: boolean, lists: any[]}} Cohort `links`, `lists`: of the numbers from 1 on
 */

/** @param {any} found @returns {found is Stated} */
export const isStated = found => found !== null && !(found instanceof Invalid) && !(found instanceof Away);

/**
 * The sources' answers. Throws nothing that a source can cause. Nobody is asked about a statement of another issuer.
 * @param {Stated} stated
 */
export async function gatherCount(stated, issuer, chosen, ask) {
  if (stated.issuer !== issuer.did) {
    const nothing = new Away('not asked: a document of another issuer, see check 2');
    return {key: nothing, own: {cohort: stated.cohort, newest: nothing, links: [], beyond: false, lists: []}, others: nothing, manifests: new Map(), statusLists: new Map(), chain: nothing};
  }
  const site = (path, most = MOST_COUNT_BYTES) => bytesAt(`${issuer.publicUrl}/${path}`, ask, most);
  const key = await answer(() => keyFor(issuer, chosen.given, ask));
  const own = await cohortOf(stated.cohort, site, stated.number);
  const others = await othersOf(stated.cohort, site);
  const last = [own, ...(Array.isArray(others) ? others : [])].map(chain => chain.links.findLast(isStated)).filter(Boolean);
  const urls = [...new Set(last.flatMap(each => each.statusLists))].sort();
  const statusLists = new Map(await all(urls, async url => [url, await answer(async () => readJson(await site(pathOf(url, issuer.publicUrl))))]));
  const manifests = new Map(await all(stated.batches, async ({root}) => [root, await answer(async () => manifestLeaves(await site(`batches/${root}.json`, MOST_LIST_BYTES), root))]));
  const proofs = recordsOf(stated, own).flatMap(each => each.proofs ?? []);
  const roots = [...new Set([...proofs.map(proof => toHex(proof.merkleRoot)), ...stated.batches.map(batch => batch.root)])];
  const chain = await answer(() => {
    if (!chosen.nodeUrl) throw new TryLater('not asked: no node was chosen');
    return chainAnswers(chosen.nodeUrl, issuer.networks, roots, proofs.flatMap(proof => proof.anchors), ask);
  });
  return {key, own, others, manifests, statusLists, chain};
}

/** The statements whose record is one of `stated`: itself, as the site has it, and some that follow it. */
export function recordsOf(stated, own) {
  const found = own.links.filter(isStated);
  const after = found.filter(each => each.number > stated.number && (each.proofs === null || each.proofs.length));
  return [stated, ...found.filter(each => each.number === stated.number && each.leaf === stated.leaf), ...after.slice(0, 1), ...after.slice(1).slice(-2)];
}

async function cohortOf(cohort, site, atLeast = 1) {
  const newest = await answer(async () => statedIn(await site(`statements/${cohort}.json`)));
  const top = Math.max(atLeast, isStated(newest) && newest.cohort === cohort ? newest.number : 1);
  if (top > MOST) return {cohort, newest, links: [new Away(`statement ${cohort}/${top}: more than ${MOST} statements are not asked for`)], beyond: false, lists: [null]};
  const numbers = Array.from({length: top}, (_, place) => place + 1);
  const links = await all(numbers, number => answer(async () => statedIn(await site(`statements/${cohort}/${number}.json`))));
  const lists = await all(numbers, number => answer(async () => readLeaves(await site(`statements/${cohort}/${number}.leaves.json`, MOST_LIST_BYTES))));
  const next = await answer(() => site(`statements/${cohort}/${top + 1}.json`));
  return {cohort, newest, links, beyond: next !== null && !(next instanceof Away), lists};
}

async function othersOf(cohort, site) {
  const index = await answer(async () => readJson(await site('statements/index.json')));
  const named = index === null || index instanceof Away || index instanceof Invalid ? null : index.cohorts;
  if (typeof named !== 'object' || named === null) return new Away(index?.why ?? 'no readable list of the cohorts');
  const made = [];
  for (const each of Object.keys(named).sort()) if (COHORT.test(each) && each !== cohort) made.push(await cohortOf(each, site));
  return made;
}

async function statedIn(body) {
  const document = readJson(body);
  if (!isCount(document)) throw new Unreadable('expected a statement of the count');
  return readStated(document);
}

function pathOf(url, publicUrl) {
  const path = url.startsWith(`${publicUrl}/`) ? url.slice(publicUrl.length + 1) : '';
  if (!/^status\/[0-9]{1,6}\.json$/.test(path)) throw new TryLater("the list is not on the issuer's site");
  return path;
}

async function all(items, one) {
  const made = [];
  for (let place = 0; place < items.length; place += AT_ONCE) made.push(...await Promise.all(items.slice(place, place + AT_ONCE).map(one)));
  return made;
}

async function answer(question) {
  try {
    return await question();
  } catch (error) {
    if (error instanceof NotThere) return null;
    if (error instanceof TryLater) return new Away(error.message);
    if (error instanceof Unreadable) return new Invalid(error.message);
    throw error;
  }
}
