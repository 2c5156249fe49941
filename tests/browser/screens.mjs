// Opens pages in headless Chromium, takes pictures and runs axe-core on each.
//
//   node tests/browser/screens.mjs [--width 390] [--height 844] [--scale 2] [--lang ja-JP] [--cookie name=value]...
//                                  [--fill name=value]... [--click text] URL=FILE.png [URL=FILE.png]...
//
// A URL without =FILE.png is checked and not pictured. The cookies go to every page of 127.0.0.1 and localhost.
// --fill and --click act on the first page after it has loaded; the page that follows is the one pictured.
// Prints JSON: {pages: [{url, status, file, violations: [{id, impact, help, nodes}], console: [...], overflow}], violations: N}.
// overflow: how many pixels the page is wider than the screen. Exit code 0 when there is no violation, no overflow and no
// console error; 1 otherwise; 2 when a page could not be opened.
import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import {tmpdir} from 'node:os';
import {dirname, join} from 'node:path';

const require = createRequire(import.meta.url);
const {chromium} = require('playwright-core');
const packaged = (await import('@sparticuz/chromium')).default;

const options = {width: 390, height: 844, scale: 2, lang: 'ja-JP', cookie: [], fill: [], click: ''};
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

// The packaged Chromium brings no Japanese font: lend it the one of the certificates.
const scratch = mkdtempSync(join(tmpdir(), 'screens-'));
const fonts = ['@expo-google-fonts/noto-sans-jp', '@expo-google-fonts/noto-serif-jp'].map(name => dirname(require.resolve(`${name}/package.json`)));
writeFileSync(join(scratch, 'fonts.conf'), `<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig>
${fonts.map(folder => `<dir>${folder}</dir>`).join('')}<cachedir>${join(scratch, 'cache')}</cachedir>
<alias><family>sans-serif</family><prefer><family>Noto Sans JP</family></prefer></alias>
<alias><family>system-ui</family><prefer><family>Noto Sans JP</family></prefer></alias></fontconfig>`);

const pair = text => [text.slice(0, text.indexOf('=')), text.slice(text.indexOf('=') + 1)];
const executablePath = await packaged.executablePath();
process.env.FONTCONFIG_FILE = join(scratch, 'fonts.conf'); // after executablePath(), which sets its own
delete process.env.FONTCONFIG_PATH;
const browser = await chromium.launch({executablePath, args: packaged.args.filter(arg => arg !== '--single-process'), headless: true});
const report = [];
let failed = false;
try {
  const context = await browser.newContext({
    viewport: {width: options.width, height: options.height}, deviceScaleFactor: options.scale, locale: options.lang, bypassCSP: false,
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
        else await input.fill(value);
      }
      if (options.click) {
        const navigation = page.waitForNavigation({waitUntil: 'load', timeout: 3000}).catch(() => null);
        await page.locator('button, a', {hasText: options.click}).first().click();
        answer = (await navigation) ?? answer;
      }
    }
    // axe is evaluated by the debugger, so the page's CSP stays on.
    await page.evaluate(require('axe-core').source + '\n;undefined');
    const {violations} = await page.evaluate(() => window.axe.run(document, {resultTypes: ['violations']}));
    const overflow = await page.evaluate(() => Math.max(0, document.documentElement.scrollWidth - document.documentElement.clientWidth));
    if (file) await page.screenshot({path: file, fullPage: true});
    const status = answer?.status() ?? null;
    report.push({
      url: page.url(), status, file: file ?? null, overflow,
      violations: violations.map(({id, impact, help, nodes}) => ({id, impact, help, nodes: nodes.map(node => node.html.slice(0, 200))})),
      // Chromium itself reports an error page as a console error; the status says it already.
      console: said.filter(text => !(status >= 400 && text.startsWith('Failed to load resource'))),
    });
    await page.close();
  }
} catch (error) {
  failed = true;
  console.error(`could not open: ${error.message}`);
} finally {
  await browser.close();
  rmSync(scratch, {recursive: true, force: true});
}
const violations = report.reduce((sum, page) => sum + page.violations.length, 0);
console.log(JSON.stringify({pages: report, violations}, null, 1));
process.exitCode = failed ? 2 : report.some(page => page.violations.length || page.console.length || page.overflow) ? 1 : 0;
