// A walk through pages in headless Chromium without JavaScript. Reads steps, one JSON a line, and answers each with one line.
//
//   {"person": {"lang": "ja-JP", "width": 390, "height": 844}}   begins again as a new visitor, with that language and screen
//   {"open": URL}   {"fill": {name: value}, "click": text}        text of a button or link; radio buttons are filled by their value
//   "picture": FILE.png with any of them
//
// The answer: {url, status, text, violations, overflow, broken, console}, as of screens.mjs. Ends with its input.
import {createInterface} from 'node:readline';
import {examined, openBrowser} from './chromium.mjs';

const {browser, close} = await openBrowser();
let context, page, said = [], scripts;
try {
  for await (const line of createInterface({input: process.stdin})) {
    const step = JSON.parse(line);
    if (step.person) {
      await context?.close();
      const {lang, width, height} = step.person;
      context = await browser.newContext({viewport: {width, height}, deviceScaleFactor: 2, locale: lang});
      page = await context.newPage();
      const debug = await context.newCDPSession(page);
      scripts = allowed => debug.send('Emulation.setScriptExecutionDisabled', {value: !allowed});
      await scripts(false);
      page.on('console', message => message.type() === 'error' && said.push(message.text()));
      console.log('{}');
      continue;
    }
    said = [];
    let answer;
    if (step.open) answer = await page.goto(step.open, {waitUntil: 'load'});
    for (const [name, value] of Object.entries(step.fill ?? {})) {
      const input = page.locator(`[name="${name}"]`).first();
      if (await input.getAttribute('type') === 'radio') await page.locator(`[name="${name}"][value="${value}"]`).check();
      else await input.fill(value);
    }
    if (step.click) {
      const arrived = page.waitForNavigation({waitUntil: 'load', timeout: 10_000});
      await page.locator('main').locator('button, a', {hasText: step.click}).first().click();
      answer = await arrived;
    }
    await scripts(true); // for axe-core, which is evaluated now; the page was loaded without
    const {violations, overflow, broken, text} = await examined(page);
    await scripts(false);
    if (step.picture) await page.screenshot({path: step.picture, fullPage: true});
    const status = answer?.status() ?? null;
    console.log(JSON.stringify({
      url: page.url(), status, text, violations, overflow, broken,
      console: said.filter(text => !(status >= 400 && text.startsWith('Failed to load resource'))),
    }));
  }
} finally {
  await close();
}
