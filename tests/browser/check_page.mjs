// Uses the page that checks a certificate in a real browser, as a visitor does: file, node, button.
// stdin: JSON {now, steps: [{page (URL), file (path), drop, node (null: as the page has it), did (path), language, width, picture (path)}]}.
// stdout: JSON list, one a step: {heading, notes, text, next, found (what each check found, in words), said (all above the checks), links (of the answer), prefilled, facts, broken, checks: [class names], requests: [{method, url, body}], violations, overflow, console, title}.
// A step opens the page anew. `requests` are those after the page itself has loaded and the file was chosen: `before` holds
// those that came earlier than the button.
import {readFileSync} from 'node:fs';
import {basename} from 'node:path';
import {examined, openBrowser} from './chromium.mjs';

const {now, steps} = JSON.parse(readFileSync(0, 'utf8'));
const {browser, close} = await openBrowser();
const answers = [];
try {
  for (const step of steps) answers.push(await taken(step));
} finally {
  await close();
}
process.stdout.write(JSON.stringify(answers));

async function taken({page: url, file, drop = false, node = null, did = null, language = 'ja', width = 390, picture = null}) {
  const context = await browser.newContext({viewport: {width, height: 844}, deviceScaleFactor: 2, locale: 'ja-JP', acceptDownloads: false});
  const page = await context.newPage();
  await page.clock.setFixedTime(new Date(now));
  const console = [];
  page.on('console', message => message.type() === 'error' && console.push(message.text()));
  page.on('pageerror', error => console.push(String(error)));
  await page.goto(url, {waitUntil: 'load'});
  const requests = [];
  page.on('request', request => requests.push({method: request.method(), url: request.url(), body: request.postData()}));
  if (language === 'en') await page.locator('#language').click();
  if (file && drop) await dropped(page, file);
  else if (file) await page.locator('#file').setInputFiles(file);
  if (node !== null) await page.locator('#node').fill(node);
  if (did) {
    await page.locator('details', {has: page.locator('#did')}).locator('summary').click();
    await page.locator('#did-file').setInputFiles(did);
    await page.waitForFunction(() => document.getElementById('did').value !== '');
  }
  const prefilled = await page.locator('#node').inputValue();
  await page.waitForTimeout(100); // whatever would be asked too early has its chance
  const before = requests.splice(0);
  await page.locator('button[type=submit]').click();
  await page.waitForFunction(() => document.querySelector('#verdict, #problem > *'), undefined, {timeout: 30_000});
  const seen = await page.evaluate(() => {
    const text = query => document.querySelector(query)?.innerText ?? '';
    return {
      title: document.title,
      heading: text('#verdict'),
      text: text('#answer .verdict div'),
      problem: text('#problem'),
      next: text('#answer > .note'),
      found: [...document.querySelectorAll('.checks small:not(.mono)')].map(item => item.innerText).join('\n'),
      said: [...document.querySelectorAll('#answer > :not(section:last-child:not(:only-child))')].map(item => item.innerText).join('\n'),
      links: [...document.querySelectorAll('#answer a')].map(link => link.href),
      notes: text('.told:not(details .told)'),
      facts: text('dl.facts'),
      checks: [...document.querySelectorAll('.checks li')].map(item => item.className || 'ok'),
      focus: document.activeElement.id,
      secure: window.isSecureContext,
    };
  });
  const found = await examined(page);
  if (picture) await page.screenshot({path: picture, fullPage: true});
  await context.close();
  return {...found, ...seen, prefilled, before, requests, console};
}

async function dropped(page, path) {
  const transfer = await page.evaluateHandle(({content, name}) => {
    const made = new DataTransfer();
    made.items.add(new File([Uint8Array.from(atob(content), letter => letter.charCodeAt(0))], name));
    return made;
  }, {content: readFileSync(path).toString('base64'), name: basename(path)});
  await page.dispatchEvent('#drop', 'drop', {dataTransfer: transfer});
}
