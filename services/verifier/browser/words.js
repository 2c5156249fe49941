// The heading, sentence and next step of a verdict, in both languages. The texts are those of services/verifier/check/wording.py:
// words.json is made from it by `python -m services.verifier.web.browser_words`.
import {asked, faceOf} from './verdict.js';
import words from './words.json' with {type: 'json'};

/** @typedef {{ja: string, en: string}} Bilingual */

export const NAMES = words.names;
export const HEADINGS = words.headings;
export const SHAPES = words.shapes;
export const NEXT = words.next;
export const SOURCES = words.sources;

/** What a check found, in a plain sentence. @param {import('./checks.js').Check} check @returns {Bilingual} */
export const explanation = check => words.explanations[`${check.number}-${check.outcome}-${check.finding}`];

/** Names, headings, sentences, next steps, shapes and explanations of the count: services/verifier/check/count_words.py. */
export const COUNT = words.count;

/** The verdict in one plain sentence. @param {import('./verdict.js').Verdict} verdict @param {Bilingual} society @returns {Bilingual} */
export function sentence(verdict, society) {
  const face = faceOf(verdict);
  const inPeriod = verdict.checks.some(check => check.number === 4 && check.outcome === 'ok');
  const counts = face === 'waiting-for-receipt' && verdict.record?.registrationCounts && inPeriod;
  const day = moment => moment ? dayText(moment) : {ja: '―', en: '―'};
  const [from, until] = [day(verdict.badge?.validFrom), day(verdict.badge?.validUntil)];
  const erased = day(verdict.record?.erasedAt);
  const open = asked(verdict);
  const sources = both(language => open.map(check => SOURCES[check.number][language]).join(words.and[language]));
  return both(language => `${counts ? words.registrationIsValid[language] : ''}${words.sentences[face][language]}`
    .replaceAll('{society}', society[language])
    .replaceAll('{from}', from[language])
    .replaceAll('{until}', until[language])
    .replaceAll('{erased}', erased[language])
    .replaceAll('{sources}', sources[language]));
}

/** A day of Japan's calendar: 2026年4月1日, 1 April 2026. @param {Date} moment @returns {Bilingual} */
export function dayText(moment) {
  const format = (locale, options) => new Intl.DateTimeFormat(locale, {timeZone: 'Asia/Tokyo', ...options}).format(moment);
  return {
    ja: format('ja-JP', {year: 'numeric', month: 'long', day: 'numeric'}),
    en: format('en-GB', {year: 'numeric', month: 'long', day: 'numeric'}),
  };
}

/** @param {(language: 'ja' | 'en') => string} text @returns {Bilingual} */
export function both(text) {
  return {ja: text('ja'), en: text('en')};
}
