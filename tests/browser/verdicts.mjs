// What the check of services/verifier/browser says of some files, run in Node from its sources.
// It is asked (answering.mjs) {issuer, cases: [{file (base64), nodeUrl, given, now, away: [URL beginnings that don't answer]}]}.
// A statement of the count instead: {kind, genuine, checks: [{number, outcome, code, got}], asked}.
// Its answer: a list of {kind, genuine, checks: [{number, outcome, got, finding}], sentence, name, asked: [URLs]}.
import {Unreadable} from '../../services/verifier/browser/errors.js';
import {countVerdictOn, isSigned} from '../../services/verifier/browser/count.js';
import {isCount} from '../../services/verifier/browser/count_statement.js';
import {documentIn} from '../../services/verifier/browser/files.js';
import {isGenuine, notReadable, verdictOn} from '../../services/verifier/browser/verdict.js';
import {sentence} from '../../services/verifier/browser/words.js';
import {answerEach} from '../outside/answering.mjs';

async function answer(issuer, {file, nodeUrl = '', given = null, now, away = []}) {
  const asked = [];
  const ask = (url, options) => {
    asked.push(url);
    return away.some(start => url.startsWith(start)) ? Promise.reject(new TypeError('fetch failed')) : fetch(url, options);
  };
  const count = await counted(Buffer.from(file, 'base64'), issuer, {nodeUrl, given}, {now: new Date(now), ask});
  if (count !== null) {
    return {kind: count.kind, genuine: isSigned(count), checks: count.checks.map(({number, outcome, code, got}) => ({number, outcome, code, got})), asked};
  }
  const verdict = await judged(Buffer.from(file, 'base64'), issuer, {nodeUrl, given}, {now: new Date(now), ask});
  return {
    kind: verdict.kind,
    genuine: isGenuine(verdict),
    checks: verdict.checks.map(({number, outcome, got, finding}) => ({number, outcome, got, finding})),
    sentence: sentence(verdict, {ja: '学会', en: 'the society'}),
    name: verdict.badge?.name ?? null,
    asked,
  };
}

async function counted(file, issuer, chosen, world) {
  try {
    const document = await documentIn(new Uint8Array(file));
    return isCount(document) ? await countVerdictOn(document, issuer, chosen, world) : null;
  } catch (error) {
    if (error instanceof Unreadable) return null;
    throw error;
  }
}

async function judged(file, issuer, chosen, world) {
  try {
    return await verdictOn(await documentIn(new Uint8Array(file)), issuer, chosen, world);
  } catch (error) {
    if (error instanceof Unreadable) return notReadable(error, world.now);
    throw error;
  }
}

await answerEach(async ({issuer, cases}) => {
  const answers = [];
  for (const each of cases) answers.push(await answer(each.issuer ?? issuer, each));
  return answers;
});
