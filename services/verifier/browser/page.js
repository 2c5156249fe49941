// The page: takes a file, a node and perhaps a did.json, sends nothing before the button is pressed, shows the answer.
import {Unreadable} from './errors.js';
import {MOST_FILE_BYTES, documentIn} from './files.js';
import {NoCredentialInPdf, pageNamedBy} from './pdf.js';
import {readJson} from './badge.js';
import {countVerdictOn} from './count.js';
import {isCount} from './count_statement.js';
import {notReadable, verdictOn} from './verdict.js';
import {answer, countAnswer, element, printed, said} from './view.js';

const config = JSON.parse(document.getElementById('config').textContent);
const part = id => document.getElementById(id);
const form = part('form');
const ask = (url, options) => fetch(url, options);

/** @type {File | null} */
let file = null;
let round = 0;

const SENTENCES = {
  none: {ja: '先に、証明書のファイルを選んでください。', en: 'Choose the file of a certificate first.'},
  large: {ja: `ファイルが大きすぎます（${MOST_FILE_BYTES / 1048576} MBまで）。証明書のファイルかどうかを確かめてください。`, en: `The file is too large (at most ${MOST_FILE_BYTES / 1048576} MB). Is it a certificate?`},
  unread: {ja: 'ファイルを読み込めませんでした。もう一度選んでください。', en: 'The file could not be read. Choose it again.'},
  node: {ja: 'ノードのアドレスは、https:// または http:// で始めてください。', en: 'The address of a node begins with https:// or http://.'},
  did: {ja: 'お渡しの did.json を読めませんでした。中身をそのまま貼り付けてください。', en: 'The did.json that you gave could not be read. Paste its content as it is.'},
  pdf: {
    ja: 'このPDFには、確かめられる証明書のデータが入っていません。PDFは印刷用です。PDFにあるQRコードを読み取るか、ウォレットの「画像」で保存したPNG、またはJSONのファイルを選んでください。',
    en: 'This PDF holds no data of a certificate that could be checked: it is for printing. Scan its QR code, or choose the PNG saved by "Image" in the wallet, or the JSON file.',
  },
  working: {ja: '確かめています…', en: 'Checking…'},
  done: {ja: '確認が終わりました。', en: 'The check is done.'},
  failed: {ja: 'このページの不具合で、確認を終えられませんでした。有効とも無効とも言えません。', en: 'A fault of this page kept the check from being finished. So the certificate is neither known to be valid nor to be invalid.'},
};

function choose(/** @type {File | undefined} */ chosen) {
  if (!chosen) return;
  file = chosen;
  round += 1; // an answer about the file before is no longer wanted
  part('chosen').replaceChildren(chosen.name);
  part('answer').replaceChildren();
  tell(null);
}

/** @param {import('./words.js').Bilingual | null} sentence @param {boolean} [isError] */
function tell(sentence, isError = false) {
  part('state').replaceChildren(...(sentence && !isError ? [said(sentence)] : []));
  part('problem').replaceChildren(...(sentence && isError ? [element('p', {class: 'alert'}, element('span', {}, said(sentence)))] : []));
}

async function check() {
  round += 1;
  const mine = round;
  part('answer').replaceChildren();
  if (file === null) return tell(SENTENCES.none, true);
  if (file.size > MOST_FILE_BYTES) return tell(SENTENCES.large, true);
  const nodeUrl = part('node').value.trim();
  if (nodeUrl && !/^https?:\/\/[^\s]+$/i.test(nodeUrl)) return tell(SENTENCES.node, true);
  let given = null;
  try {
    const pasted = part('did').value.trim();
    given = pasted ? readJson(new TextEncoder().encode(pasted)) : null;
  } catch {
    return tell(SENTENCES.did, true);
  }
  tell(SENTENCES.working);
  form.setAttribute('aria-busy', 'true');
  try {
    const shown = await judged(file, {nodeUrl, given}, new Date());
    if (mine !== round) return undefined;
    part('answer').replaceChildren(...shown);
    tell(SENTENCES.done);
    part('verdict').focus();
  } catch (error) {
    if (mine !== round) return undefined;
    if (error instanceof NoCredentialInPdf) answerPdf(pageNamedBy(error.addresses, config.issuer.publicUrl));
    else if (error instanceof DOMException) tell(SENTENCES.unread, true);
    else {
      tell(SENTENCES.failed, true);
      throw error;
    }
  } finally {
    form.removeAttribute('aria-busy');
  }
  return undefined;
}

/** Its page is offered, not opened: the site would learn which certificate it is. @param {string | null} url */
function answerPdf(url) {
  if (url === null) return tell(SENTENCES.pdf, true);
  part('answer').replaceChildren(printed(url));
  tell(null);
  part('verdict').focus();
  return undefined;
}

/** What is shown of the answer. @returns {Promise<Node[]>} */
async function judged(chosen, by, now) {
  const around = {society: config.society, qualifications: config.qualifications, hasNode: by.nodeUrl !== '', publicUrl: config.issuer.publicUrl};
  try {
    const document = await documentIn(new Uint8Array(await chosen.arrayBuffer()));
    if (isCount(document)) return countAnswer(await countVerdictOn(document, config.issuer, by, {now, ask}), around);
    return answer(await verdictOn(document, config.issuer, by, {now, ask}), around);
  } catch (error) {
    if (error instanceof Unreadable && !(error instanceof NoCredentialInPdf)) return answer(notReadable(error, now), around);
    throw error;
  }
}

function speak(/** @type {'ja' | 'en'} */ language) {
  document.documentElement.lang = language;
  document.title = document.documentElement.dataset[`title${language === 'ja' ? 'Ja' : 'En'}`];
}

part('file').addEventListener('change', event => choose(event.target.files[0]));
for (const name of ['dragenter', 'dragover']) {
  document.addEventListener(name, event => {
    event.preventDefault();
    part('drop').classList.add('drop--over');
  });
}
document.addEventListener('dragleave', event => event.relatedTarget === null && part('drop').classList.remove('drop--over'));
document.addEventListener('drop', event => {
  event.preventDefault(); // or the browser would open the file instead of this page
  part('drop').classList.remove('drop--over');
  choose(event.dataTransfer.files[0]);
});
part('did-file').addEventListener('change', async event => {
  const [chosen] = event.target.files;
  if (chosen) part('did').value = chosen.size > MOST_FILE_BYTES ? '' : await chosen.text();
});
form.addEventListener('submit', event => {
  event.preventDefault();
  check();
});
part('language').addEventListener('click', () => speak(document.documentElement.lang === 'ja' ? 'en' : 'ja'));
