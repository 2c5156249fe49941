// A visitor in headless Chromium, led line by line. Each line on stdin is one step as JSON, each line on stdout its answer.
//
//   {"do": "open", "width": 390, "lang": "ja-JP", "passkeys": true, "javascript": true, "letters": 1, "forced": false}   a new browser, without cookies; letters so many times as large; forced colours
//   {"do": "goto", "url": "…"}   {"do": "fill", "name": "…", "value": "…"}   {"do": "click", "text": "…"}   {"do": "see"}
//   {"do": "picture", "file": "….png"}   {"do": "open_choice", "text": "…"}   {"do": "download", "text": "…"}
//   {"do": "click_twice", "text": "…"}   {"do": "is_on_screen", "text": "…"}   {"do": "press", "text": "…"}   {"do": "forget"}: all cookies
//   {"do": "style", "selector": "…", "name": "color", "part": "::before"}   {"do": "print"}: the page as on paper
//
// `goto`, `click` and `click_twice` (which wait for the page that follows) answer {url, status}; `is_on_screen` {is}: a whole button, or what one answers; `see` answers what `examined`
// says, with {url, title, console}; `download` {file: its name}; `style` {value: as computed}; `press`, of a button that opens no page, {fields: {name: type}}; the others {}. A step that fails answers {error}. `passkeys`: with an authenticator.
import {createInterface} from 'node:readline';
import {setTimeout as sleep} from 'node:timers/promises';
import {examined, openBrowser} from './chromium.mjs';

const {browser, close} = await openBrowser();
let page, said;

const steps = {
  async open({width = 390, lang = 'ja-JP', passkeys = false, javascript = true, letters = 1, forced = false}) {
    const context = await browser.newContext({viewport: {width, height: 844}, deviceScaleFactor: 2, locale: lang, javaScriptEnabled: javascript, forcedColors: forced ? 'active' : 'none'});
    // As a phone's setting for larger letters does: all lengths in rem grow, the screen does not.
    if (letters !== 1) await context.addInitScript(size => document.addEventListener('DOMContentLoaded', () => { document.documentElement.style.fontSize = size; }), `${letters * 106.25}%`);
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
  async click_twice({text}) {
    const button = page.locator('main button:visible', {hasText: text}).first();
    await button.scrollIntoViewIfNeeded();
    const {x, y, width, height} = await button.boundingBox();
    const press = () => page.mouse.click(x + width / 2, y + height / 2);
    const [answer] = await Promise.all([page.waitForNavigation({waitUntil: 'load'}), press().then(() => sleep(40)).then(press)]);
    return {url: page.url(), status: answer.status()};
  },
  async is_on_screen({text}) {
    const box = await page.locator('main :is(button, [role=status]):visible', {hasText: text}).first().boundingBox();
    return {is: box.y >= 0 && box.y + box.height <= page.viewportSize().height};
  },
  async style({selector, name, part}) {
    return {value: await page.locator(selector).first().evaluate((it, {name, part}) => getComputedStyle(it, part || null)[name], {name, part})};
  },
  async print() {
    await page.emulateMedia({media: 'print'});
    return {};
  },
  async forget() {
    await page.context().clearCookies();
    return {};
  },
  async open_choice({text}) {
    await page.locator('main summary:visible', {hasText: text}).first().click();
    return {};
  },
  async press({text}) {
    await page.locator('main button:visible, main a[data-copy]', {hasText: text}).first().click();
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
