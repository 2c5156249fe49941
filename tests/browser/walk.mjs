// A visitor in headless Chromium, led line by line. Each line on stdin is one step as JSON, each line on stdout its answer.
//
//   {"do": "open", "width": 390, "lang": "ja-JP", "passkeys": true, "javascript": true}   a new browser, without cookies
//   {"do": "goto", "url": "…"}   {"do": "fill", "name": "…", "value": "…"}   {"do": "click", "text": "…"}   {"do": "see"}
//   {"do": "picture", "file": "….png"}   {"do": "open_choice", "text": "…"}   {"do": "download", "text": "…"}
//   {"do": "press", "text": "…"}
//
// `goto` and `click` (which waits for the page that follows) answer {url, status}; `see` answers what `examined`
// says, with {url, title, console}; `download` {file: its name}; `press`, of a button that opens no page, {fields: {name: type}}; the others {}. A step that fails answers {error}. `passkeys`: with an authenticator.
import {createInterface} from 'node:readline';
import {examined, openBrowser} from './chromium.mjs';

const {browser, close} = await openBrowser();
let page, said;

const steps = {
  async open({width = 390, lang = 'ja-JP', passkeys = false, javascript = true}) {
    const context = await browser.newContext({viewport: {width, height: 844}, deviceScaleFactor: 2, locale: lang, javaScriptEnabled: javascript});
    page = await context.newPage();
    page.setDefaultTimeout(10_000);
    said = [];
    page.on('console', message => message.type() === 'error' && said.push(message.text()));
    page.on('pageerror', error => said.push(String(error)));
    if (!passkeys) return {};
    const devtools = await context.newCDPSession(page);
    await devtools.send('WebAuthn.enable');
    const options = {protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true};
    await devtools.send('WebAuthn.addVirtualAuthenticator', {options});
    return {};
  },
  async goto({url}) {
    const answer = await page.goto(url, {waitUntil: 'load'});
    return {url: page.url(), status: answer.status()};
  },
  async fill({name, value}) {
    await page.locator(`[name="${name}"]:visible`).first().fill(value);
    return {};
  },
  async click({text}) {
    const [answer] = await Promise.all([
      page.waitForNavigation({waitUntil: 'load'}),
      page.locator('main button:visible, main a:visible, .menu button:visible, .menu a:visible', {hasText: text}).first().click(),
    ]);
    return {url: page.url(), status: answer.status()};
  },
  async open_choice({text}) {
    await page.locator('main summary:visible', {hasText: text}).first().click();
    return {};
  },
  async press({text}) {
    await page.locator('main button:visible', {hasText: text}).first().click();
    return {fields: await page.locator('main input').evaluateAll(all => Object.fromEntries(all.map(field => [field.name, field.type])))};
  },
  async download({text}) {
    const [file] = await Promise.all([page.waitForEvent('download'), page.locator('main button:visible', {hasText: text}).first().click()]);
    return {file: file.suggestedFilename()};
  },
  async see() {
    const found = await examined(page);
    // Chromium itself reports an error page as a console error; the status says it already.
    return {...found, url: page.url(), title: await page.title(), console: said.filter(text => !text.startsWith('Failed to load resource'))};
  },
  async picture({file}) {
    await page.screenshot({path: file, fullPage: true});
    return {};
  },
};

for await (const line of createInterface({input: process.stdin})) {
  const {do: name, ...step} = JSON.parse(line);
  let answer;
  try {
    answer = await steps[name](step);
  } catch (error) {
    answer = {error: `${name} ${JSON.stringify(step)}: ${error.message}`};
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
await close();
