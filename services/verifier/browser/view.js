// The answer on the page: the verdict, what was and what wasn't checked, the facts, the checks. Elements only, no HTML from
// text; each text in both languages beside each other, of which the page's style shows one.
import {asked, faceOf, isGenuine} from './verdict.js';
import {isSigned} from './count.js';
import {COUNT, HEADINGS, NAMES, NEXT, SHAPES, SOURCES, both, dayText, explanation, sentence} from './words.js';

const MARKS = {ok: 'check', failed: 'cross', unknown: 'question'};
const CLASSES = {ok: '', failed: 'no', unknown: 'unknown'};
/** @typedef {import('./words.js').Bilingual} Bilingual */

const NO = {ja: 'いいえ', en: 'No'};
const NOT_YET = {ja: 'まだです', en: 'Not yet'};
const NOT_CHECKED = {ja: '確認できません', en: 'Could not check'};

/**
 * @param {string} name
 * @param {Record<string, string>} attributes
 * @param {...(Node | string)} children
 */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** A text in both languages; U+200B stands where a heading may be broken. @param {Bilingual} text */
export function said(text) {
  const made = document.createDocumentFragment();
  for (const language of ['ja', 'en']) {
    const phrases = text[language].split('\u200b').flatMap((phrase, place) => place ? [element('wbr'), phrase] : [phrase]);
    made.append(element('span', {class: language, lang: language}, ...phrases));
  }
  return made;
}

/**
 * @param {import('./verdict.js').Verdict} verdict
 * @param {{society: Bilingual, qualifications: Record<string, Bilingual>, hasNode: boolean, publicUrl: string}} around
 * @returns {Node[]}
 */
export function answer(verdict, {society, qualifications, hasNode, publicUrl}) {
  const face = faceOf(verdict);
  const shape = SHAPES[face];
  const box = element('section', {class: `verdict verdict--${shape}`, 'aria-labelledby': 'verdict'}, picture(`shape-${shape}`),
    element('h2', {id: 'verdict', tabindex: '-1'}, said(HEADINGS[face])),
    element('div', {}, ...(face === 'replaced' ? [corrected(`${publicUrl}/V/${verdict.record.replacedBy}`)] : []), element('p', {}, said(sentence(verdict, society))), element('p', {}, said(checkedAt(verdict.checkedAt)))));
  const notes = told(verdict, hasNode);
  const genuine = isGenuine(verdict);
  return [
    box,
    ...(notes.length ? [element('div', {class: 'alert alert--info'}, element('ul', {class: 'told'}, ...notes.map(each => element('li', {}, said(each)))))] : []),
    ...(genuine ? [facts(verdict, society, qualifications)] : []),
    element('p', {class: 'note'}, said(nextStep(verdict, hasNode))),
    checks(verdict),
  ];
}

const FIGURES = {
  issued: {ja: '発行', en: 'Issued'}, valid: {ja: '有効', en: 'Valid'}, revoked: {ja: '取消', en: 'Revoked'},
  corrected: {ja: '訂正', en: 'Corrected'}, anchored: {ja: '記録済み', en: 'Recorded'},
};

/**
 * The answer about a statement of the count.
 * @param {import('./count.js').CountVerdict} verdict
 * @param {{society: Bilingual}} around
 * @returns {Node[]}
 */
export function countAnswer(verdict, {society}) {
  const {kind, stated, newest} = verdict;
  const shape = COUNT.shapes[kind];
  const sentenceOf = both(language => COUNT.sentences[kind][language].replaceAll('{society}', society[language]));
  const title = stated && both(language => ({ja: `${stated.cohort}年度 第${stated.number}回の集計`, en: `Statement ${stated.number} of ${stated.cohort}`}[language]));
  const older = stated && newest !== null && newest > stated.number;
  const line = (term, value) => element('div', {}, element('dt', {}, said(term)), element('dd', {}, String(value)));
  return [
    element('section', {class: `verdict verdict--${shape}`, 'aria-labelledby': 'verdict'}, picture(`shape-${shape}`),
      element('h2', {id: 'verdict', tabindex: '-1'}, said(COUNT.headings[kind])),
      element('div', {}, element('p', {}, said(sentenceOf)), element('p', {}, said(checkedAt(verdict.checkedAt))))),
    ...(older ? [element('div', {class: 'alert alert--info'}, element('p', {}, said({ja: `これより新しい集計（第${newest}回）があります。`, en: `There is a newer statement (${newest}).`})))] : []),
    ...(stated && isSigned(verdict) ? [element('section', {class: 'stack'}, element('h3', {}, said(title)),
      element('dl', {class: 'facts'}, ...Object.entries(FIGURES).map(([name, term]) => line(term, stated.figures[name]))))] : []),
    element('p', {class: 'note'}, said(COUNT.next[kind])),
    listOfChecks(verdict.checks.map(check => ({...check, name: COUNT.names[check.number], explanation: COUNT.explanations[`${check.number}-${check.code}`], isLater: check.code === 'pending'}))),
  ];
}

/** Of a PDF without a credential: the page that it names. Nothing is known yet. @param {string} url */
export function printed(url) {
  return element('div', {class: 'alert alert--info'}, element('div', {class: 'stack'},
    element('h2', {id: 'verdict', tabindex: '-1'}, said({ja: 'このPDFは\u200b印刷用の\u200b証書です', en: 'This PDF is a certificate for printing'})),
    element('p', {}, said({
      ja: '確かめられるデータは入っていません。登録の状態は、このPDFのQRコードが示す、発行者の確認ページに出ます。PDFそのものは確かめられません。書かれていることが、確認ページの内容と同じかを見比べてください。',
      en: 'It holds no data that could be checked. What is registered stands on the page of the issuer to which its QR code leads. The PDF itself can not be checked: compare what it says with that page.',
    })),
    element('p', {}, element('a', {class: 'btn btn--main', href: url}, said({ja: '確認ページを開く', en: 'Open that page'}))),
    element('p', {}, said({ja: `開く先：${url}（開くと、どの証明書かが発行者のサイトに伝わります）`, en: `It leads to ${url}; the site of the issuer then learns which certificate it is.`}))));
}

/** What to do next. When only the node was wanting, waiting doesn't help. */
function nextStep(verdict, hasNode) {
  const unknown = asked(verdict);
  if (verdict.kind !== 'could-not-check' || unknown.some(check => check.number !== 7)) return NEXT[faceOf(verdict)];
  return hasNode
    ? {ja: '別のノードのアドレスを入れて、もう一度「確かめる」を押してください。', en: 'Give the address of another node and press "Check" again.'}
    : {ja: 'ブロックチェーンのノードのアドレスを入れて、もう一度「確かめる」を押してください。', en: 'Give the address of a node of the blockchain and press "Check" again.'};
}

function corrected(url) {
  return element('p', {}, element('a', {class: 'btn btn--main', href: url}, said({ja: '訂正後の証明書を見る', en: 'See the corrected certificate'})));
}

/** What was checked, what wasn't, and why. @returns {Bilingual[]} */
function told(verdict, hasNode) {
  const unknown = new Set(asked(verdict).map(check => check.number));
  const isOpen = verdict.kind === 'could-not-check';
  const ok = verdict.checks.filter(check => check.outcome === 'ok' && check.number > 2);
  const sure = both(language => ok.map(check => SOURCES[check.number][language]).join({ja: '、', en: ', '}[language]));
  return [
    isOpen && sure.ja && {ja: `確認できて、正しかったもの：${sure.ja}`, en: `Checked and right: ${sure.en}.`},
    isOpen && unknown.has(2) && {
      ja: '発行者のサイトにつながらず、公開鍵の控えもないため、電子署名を確認できません。did.json をお持ちでしたら、上の「発行者の公開鍵を自分で渡す」で渡してください。',
      en: "The issuer's site could not be reached, and there is no copy of its keys here. If you have its did.json, give it above.",
    },
    isOpen && unknown.has(3) && !unknown.has(2) && {
      ja: 'この証明書の署名に使われた鍵は、手元の控えに載っていません。控えより後に作られた鍵かもしれません。',
      en: 'The key that signed is not in the copy at hand. It may be newer than the copy.',
    },
    isOpen && unknown.has(5) && {
      ja: '取り消しの一覧を発行者のサイトから確かめられないため、取り消されていないかどうかは分かりません。',
      en: "The issuer's list of revoked certificates could not be checked, so whether this one was revoked is not known.",
    },
    isOpen && unknown.has(7) && (hasNode
      ? {ja: '選ばれたノードでは、ブロックチェーンの記録を確かめられませんでした。別のノードでお試しください（理由は下の7）。', en: 'The node that you chose could not confirm the record on the blockchain. Try another one (the reason is at 7 below).'}
      : {ja: 'ノードを選んでいないため、ブロックチェーンの記録は確かめていません。', en: 'No node was chosen, so the record on the blockchain was not checked.'}),
    copyOf(verdict.key),
  ].filter(Boolean);
}

/** Which copy of the keys was used, when they are not from the issuer's site. */
function copyOf(key) {
  if (!key?.document || key.isLive) return null;
  if (key.isGiven) {
    return {
      ja: '公開鍵は、お渡しいただいた did.json のものです。それが本物かどうかは、このページでは分かりません。',
      en: 'The keys are those of the did.json that you gave. Whether it is genuine, this page can not know.',
    };
  }
  const day = dayText(new Date(`${key.copiedOn}T00:00:00+09:00`));
  return {
    ja: `発行者のサイトにつながらないため、このページに入っている${day.ja}時点の公開鍵で確かめました。`,
    en: `The issuer's site could not be reached: its keys as of ${day.en}, which are in this page, were used.`,
  };
}

function facts(verdict, society, qualifications) {
  const {badge} = verdict;
  const line = (term, value) => element('div', {}, element('dt', {}, said(term)), element('dd', {}, value));
  const title = verdict.kind === 'could-not-check'
    ? {ja: '証明書に書かれていること（確認の途中です）', en: 'What it says (not checked to the end)'}
    : {ja: '証明書の内容', en: 'The certificate'};
  return element('section', {class: 'stack'}, element('h3', {}, said(title)), element('dl', {class: 'facts'},
    line({ja: '氏名', en: 'Name'}, names(badge)),
    line({ja: '資格名', en: 'Qualification'}, said(Object.hasOwn(qualifications, badge.qualification) ? qualifications[badge.qualification] : both(() => badge.award))),
    line({ja: '登録番号', en: 'Registration no.'}, badge.registrationNumber ?? '―'),
    line({ja: '発行日', en: 'Issued'}, badge.issuedAt ? said(dayText(badge.issuedAt)) : '―'),
    line({ja: '有効期限', en: 'Valid until'}, said(dayText(badge.validUntil))),
    line({ja: '発行者', en: 'Issuer'}, said(society))));
}

/** In each language the name that its reader can read first, the other one small below. */
function names({name, latinName}) {
  const made = document.createDocumentFragment();
  for (const [language, first, second] of [['ja', name, latinName], ['en', latinName ?? name, latinName ? name : null]]) {
    const tongue = value => value === latinName ? 'en' : 'ja';
    made.append(element('span', {class: language}, element('span', {lang: tongue(first)}, first ?? '―'),
      ...(second ? [element('small', {lang: tongue(second)}, second)] : [])));
  }
  return made;
}

function checks(verdict) {
  return listOfChecks(verdict.checks.map(check => ({...check, name: NAMES[check.number], explanation: explanation(check), isLater: check.finding !== ''})));
}

function listOfChecks(all) {
  const one = ({number, name, outcome, explanation: found, isLater, got, expected}) => {
    const word = {ok: null, failed: NO, unknown: isLater ? NOT_YET : NOT_CHECKED}[outcome];
    const detail = outcome === 'ok' ? got : `${got} — expected ${expected}`;
    return element('li', CLASSES[outcome] ? {class: CLASSES[outcome]} : {}, picture(`icon-${MARKS[outcome]}`),
      element('span', {}, `${number}. `, said(name), ...(word ? [' ', element('b', {}, said(word))] : []),
        element('small', {}, said(found)), element('small', {class: 'mono', lang: 'en'}, detail)));
  };
  return element('section', {class: 'stack'}, element('h3', {}, said({ja: 'どうやって確認したか', en: 'How it was checked'})),
    element('ol', {class: 'checks'}, ...all.map(one)));
}

function checkedAt(moment) {
  const text = locale => new Intl.DateTimeFormat(locale, {
    timeZone: 'Asia/Tokyo', year: 'numeric', month: 'long', day: 'numeric', hour: '2-digit', minute: '2-digit', hourCycle: 'h23',
  }).format(moment);
  const times = {ja: text('ja-JP'), en: text('en-GB')};
  return both(language => ({ja: `確認日時：${times.ja}（日本時間、この機器の時計による）`, en: `Checked: ${times.en}, Japan time, by the clock of this device`}[language]));
}

/** A drawing of the page, for decoration: the text beside it says it. @param {string} id of a template */
function picture(id) {
  return document.getElementById(id).content.firstElementChild.cloneNode(true);
}
