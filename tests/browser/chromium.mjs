// Headless Chromium from the npm registry, with Japanese fonts.
import {mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import {tmpdir} from 'node:os';
import {dirname, join} from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';

const require = createRequire(import.meta.url);
const {chromium} = require('playwright-core');
const packaged = (await import('@sparticuz/chromium')).default;

/** {browser, close}: a running browser, and what ends it. */
export async function openBrowser() {
  // The packaged Chromium brings no Japanese font: lend it the one of the certificates.
  const scratch = mkdtempSync(join(tmpdir(), 'screens-'));
  const fonts = ['@expo-google-fonts/noto-sans-jp', '@expo-google-fonts/noto-serif-jp'].map(name => dirname(require.resolve(`${name}/package.json`)));
  writeFileSync(join(scratch, 'fonts.conf'), `<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig>
  ${fonts.map(folder => `<dir>${folder}</dir>`).join('')}<cachedir>${join(scratch, 'cache')}</cachedir>
  <alias><family>sans-serif</family><prefer><family>Noto Sans JP</family></prefer></alias>
  <alias><family>system-ui</family><prefer><family>Noto Sans JP</family></prefer></alias></fontconfig>`);
  const executablePath = await unpacked();
  process.env.FONTCONFIG_FILE = join(scratch, 'fonts.conf'); // after executablePath(), which sets its own
  delete process.env.FONTCONFIG_PATH;
  const browser = await chromium.launch({executablePath, args: packaged.args.filter(arg => arg !== '--single-process'), headless: true});
  return {
    browser,
    close: async () => {
      await browser.close();
      rmSync(scratch, {recursive: true, force: true});
    },
  };
}

/** The program's path. The first call on a machine unpacks it for some seconds, in which another test must not start the half of it. */
async function unpacked() {
  const lock = join(tmpdir(), 'akashi-chromium.lock');
  for (;;) {
    try {
      mkdirSync(lock);
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
      const made = statSync(lock, {throwIfNoEntry: false})?.mtimeMs;
      if (made && Date.now() - made > 60_000) rmSync(lock, {recursive: true, force: true}); // its owner was killed
      await sleep(100);
    }
  }
  try {
    return await packaged.executablePath();
  } finally {
    rmSync(lock, {recursive: true, force: true});
  }
}

/**
 * What axe-core finds on a page, by how many pixels it is wider than the screen, which English words are broken inside, its
 * text, and the KB that were loaded for it without its pictures; all with its details opened. axe is evaluated by the debugger, so the page's CSP stays on.
 */
export async function examined(page) {
  const opened = await page.evaluateHandle(() => [...document.querySelectorAll('details:not([open])')].map(each => Object.assign(each, {open: true})));
  await page.evaluate(require('axe-core').source + '\n;undefined');
  const {violations} = await page.evaluate(() => window.axe.run(document, {resultTypes: ['violations']}));
  const overflow = await page.evaluate(() => Math.max(0, document.documentElement.scrollWidth - document.documentElement.clientWidth));
  const {broken, text, kilobytes} = await page.evaluate(brokenWords);
  await opened.evaluate(all => all.forEach(each => Object.assign(each, {open: false}))); // a picture shows what a visitor sees
  return {
    overflow,
    broken,
    small: await page.evaluate(smallTargets),
    torn: await page.evaluate(tornLinks),
    focus: await page.evaluate(() => document.activeElement?.getAttribute('name') ?? ''),
    text,
    kilobytes,
    violations: violations.map(({id, impact, help, nodes}) => ({id, impact, help, nodes: nodes.map(node => node.html.slice(0, 200))})),
  };
}

/** In the page: what a finger would miss, under 44 px high. A link within a sentence may be as high as its line (WCAG 2.5.8). */
function smallTargets() {
  const small = [];
  for (const target of document.querySelectorAll('a, button, summary, select, input:not([type=hidden], [type=radio], [type=checkbox]), label:has([type=radio], [type=checkbox])')) {
    if (target.closest('.signature') || !target.checkVisibility()) continue;
    const beside = [...target.parentNode.childNodes].filter(node => node !== target).map(node => node.textContent.trim()).join('');
    if (getComputedStyle(target).display === 'inline' && beside) continue;
    const {height, width} = target.getBoundingClientRect();
    if (width && height && height < 43.5) small.push(target.outerHTML.slice(0, 120));
  }
  return small;
}

/** In the page: links whose text stands in columns beside each other, each broken by itself. An icon stands beside its text. */
function tornLinks() {
  return [...document.querySelectorAll('a, button, summary')]
    .filter(link => link.checkVisibility() && getComputedStyle(link).display.endsWith('flex'))
    .filter(link => [...link.childNodes].filter(node => node.textContent.trim() && !node.matches?.('svg, .vh, wbr')).length > 1
      && [...link.children].some(child => !child.matches('svg, .vh, wbr')))
    .map(link => link.outerHTML.slice(0, 120));
}

/** In the page: words of English prose whose letters stand on more than one line. Hashes and addresses may be broken anywhere. */
function brokenWords() {
  const broken = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const {currentNode: node} = walker;
    if (!node.parentElement.closest(':lang(en)') || node.parentElement.closest('.mono, script, style, template, dd > a, input')) continue;
    for (const {0: word, index} of node.data.matchAll(/(?<=^|\s|\()[A-Za-z\u2019']{2,}(?=$|[\s,.;:)?!])/g)) {
      const range = document.createRange();
      range.setStart(node, index);
      range.setEnd(node, index + word.length);
      if (new Set([...range.getClientRects()].map(rect => Math.round(rect.top))).size > 1) broken.push(word);
    }
  }
  const loaded = [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]
    .filter(entry => entry.initiatorType !== 'img');
  return {
    broken,
    text: document.querySelector('main')?.innerText ?? '',
    kilobytes: Math.ceil(loaded.reduce((sum, entry) => sum + entry.encodedBodySize, 0) / 1000),
  };
}
