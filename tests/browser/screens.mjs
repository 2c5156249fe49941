// Opens pages in headless Chromium, takes pictures and runs axe-core on each.
//
//   node tests/browser/screens.mjs [--width 390] [--height 844] [--scale 2] [--lang ja-JP] [--cookie name=value]...
//                                  [--scheme light|dark] [--fill name=value]... [--click text] URL=FILE.png [URL=FILE.png]...
//
// A URL without =FILE.png is checked and not pictured. The cookies go to every page of 127.0.0.1 and localhost.
// --fill and --click act on the first page after it has loaded; the page that follows is the one pictured.
// Prints JSON: {pages: [{url, status, file, violations: [{id, impact, help, nodes}], console: [...], overflow, broken, small, focus, text, kilobytes}], violations: N}.
// overflow: how many pixels the page is wider than the screen; broken: English words that are broken inside;
// small: links and buttons under 44 px high (reported only); focus: the name of the field that has it. Exit code 0 when
// there is no violation, no overflow, no broken word and no console error; 1 otherwise; 2 when a page could not be opened.
import {examined, openBrowser} from './chromium.mjs';

const options = {width: 390, height: 844, scale: 2, lang: 'ja-JP', scheme: 'light', cookie: [], fill: [], click: ''};
const targets = [];
const words = process.argv.slice(2);
while (words.length) {
  const word = words.shift();
  if (!word.startsWith('--')) {
    const [, url, file] = word.match(/^(.*?)(?:=([^=]+\.png))?$/);
    targets.push({url, file});
    continue;
  }
  const name = word.slice(2);
  if (!(name in options)) throw new Error(`got ${word}, expected one of --${Object.keys(options).join(' --')}`);
  const value = words.shift();
  if (Array.isArray(options[name])) options[name].push(value);
  else options[name] = typeof options[name] === 'number' ? Number(value) : value;
}

const pair = text => [text.slice(0, text.indexOf('=')), text.slice(text.indexOf('=') + 1)];
const {browser, close} = await openBrowser();
const report = [];
let failed = false;
try {
  const context = await browser.newContext({
    viewport: {width: options.width, height: options.height}, deviceScaleFactor: options.scale, locale: options.lang, colorScheme: options.scheme, bypassCSP: false,
  });
  for (const cookie of options.cookie) {
    const [name, value] = pair(cookie);
    await context.addCookies(['localhost', '127.0.0.1'].map(domain => ({name, value, domain, path: '/'})));
  }
  for (const [index, {url, file}] of targets.entries()) {
    const page = await context.newPage();
    const said = [];
    page.on('console', message => message.type() === 'error' && said.push(message.text()));
    page.on('pageerror', error => said.push(String(error)));
    let answer = await page.goto(url, {waitUntil: 'load'});
    if (index === 0) {
      for (const fill of options.fill) {
        const [name, value] = pair(fill);
        const input = page.locator(`[name="${name}"]`).first();
        const type = await input.getAttribute('type');
        if (type === 'radio' || type === 'checkbox') await page.locator(`[name="${name}"][value="${value}"]`).check();
        else if (type === 'file') [answer] = await Promise.all([page.waitForNavigation({waitUntil: 'load'}), input.setInputFiles(value)]); // drop.js sends it
        else if (await input.evaluate(it => it.tagName) === 'SELECT') await input.selectOption(value);
        else await input.fill(value);
      }
      if (options.click) {
        const navigation = page.waitForNavigation({waitUntil: 'load', timeout: 3000}).catch(() => null);
        await page.locator('button, a, summary', {hasText: options.click}).first().click();
        answer = (await navigation) ?? answer;
      }
    }
    const {violations, overflow, broken, small, focus, text, kilobytes} = await examined(page);
    if (file) await page.screenshot({path: file, fullPage: true});
    const status = answer?.status() ?? null;
    report.push({
      url: page.url(), status, file: file ?? null, overflow, broken, small, focus, text, kilobytes,
      violations,
      // Chromium itself reports an error page as a console error; the status says it already.
      console: said.filter(text => !(status >= 400 && text.startsWith('Failed to load resource'))),
    });
    await page.close();
  }
} catch (error) {
  failed = true;
  console.error(`could not open: ${error.message}`);
} finally {
  await close();
}
const violations = report.reduce((sum, page) => sum + page.violations.length, 0);
console.log(JSON.stringify({pages: report, violations}, null, 1));
process.exitCode = failed ? 2 : report.some(page => page.violations.length || page.console.length || page.overflow || page.broken.length) ? 1 : 0;
