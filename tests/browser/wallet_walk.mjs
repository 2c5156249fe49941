// A holder presses every button of the pages of one badge. stdin: JSON {url, badge, cookie, lang, width, scheme, kind, pictures}.
// stdout: JSON {files: {name: base64}, clipboard: {…}, links: {…}, pages: [what `examined` says of each]}.
import {readFileSync} from 'node:fs';
import {examined, openBrowser} from './chromium.mjs';

const {url, badge, cookie, lang, width, scheme, kind, pictures} = JSON.parse(readFileSync(0, 'utf8'));
const {browser, close} = await openBrowser();
const answer = {files: {}, clipboard: {}, links: {}, pages: [], said: [], foreign: []};
try {
  const context = await browser.newContext({viewport: {width, height: 844}, deviceScaleFactor: 2, locale: lang, colorScheme: scheme});
  await context.grantPermissions(['clipboard-read', 'clipboard-write'], {origin: url});
  await context.addCookies([{name: 'wallet', value: cookie, domain: new URL(url).hostname, path: '/'}]);
  const page = await context.newPage();
  page.on('console', message => message.type() === 'error' && answer.said.push(message.text()));
  page.on('pageerror', error => answer.said.push(String(error)));
  page.on('request', request => request.url().startsWith('data:') || request.url().startsWith(url) || answer.foreign.push(request.url()));

  const look = async name => {
    answer.pages.push({name, ...await examined(page)});
    if (pictures) await page.screenshot({path: `${pictures}/wallet-${name}-${width}-${lang.slice(0, 2)}.png`, fullPage: true});
  };
  const download = async press => {
    const [file] = await Promise.all([page.waitForEvent('download'), press()]);
    answer.files[file.suggestedFilename()] = readFileSync(await file.path()).toString('base64');
  };
  const pasted = () => page.evaluate(async () => {
    const [item] = await navigator.clipboard.read();
    return Object.fromEntries(await Promise.all(item.types.map(async type => [type, await (await item.getType(type)).text()])));
  });
  const copy = async (name, button) => {
    await page.evaluate(() => navigator.clipboard.writeText('nothing'));
    await button.click();
    const status = page.locator(`#${await button.getAttribute('data-copy')}-status`);
    await status.filter({hasText: /./}).waitFor();
    answer.clipboard[name] = await pasted();
  };

  await page.goto(`${url}/badges`);
  await look('list');
  await page.goto(`${url}/badges/${badge}`);
  await look('badge');
  await page.locator('summary.btn').click();
  await page.locator(`[name=kind][value=${kind}]`).check();
  await look('choice');
  await download(() => page.locator('details button').first().click());
  await download(() => page.locator(`a[href$="badge.png"]`).click());
  await copy('url', page.locator('a[data-copy]'));
  await page.locator('#files summary').click();
  await download(() => page.locator(`a[href$="badge.svg"]`).click());
  await download(() => page.locator(`a[href$="credential.json"]`).click());

  await page.locator('a[href$="/share"]').click();
  await look('share');
  answer.links = await page.evaluate(() => Object.fromEntries([...document.querySelectorAll('main a[href^="https:"]')].map(link => [link.innerText, link.href])));
  for (const button of await page.locator('[data-copy]').all()) await copy(await button.getAttribute('data-copy'), button);

  await page.goto(`${url}/badges/${badge}/signature`);
  await look('signature');
  for (const button of await page.locator('[data-copy]').all()) await copy(await button.getAttribute('data-copy'), button);

  await page.goto(`${url}/badges`);
  await download(() => page.locator('a[href="/export.zip"]').click());
  for (const name of ['guide', 'questions', 'terms', 'privacy']) {
    await page.locator(`footer a[href="/${name}"]`).click();
    await look(name);
  }

  // Without any script every text stands there to be selected, and no button that would do nothing.
  const plain = await browser.newContext({javaScriptEnabled: false, locale: lang});
  await plain.addCookies([{name: 'wallet', value: cookie, domain: new URL(url).hostname, path: '/'}]);
  const still = await plain.newPage();
  answer.plain = {};
  for (const name of ['', '/share', '/signature']) {
    await still.goto(`${url}/badges/${badge}${name}`);
    answer.plain[name] = {
      buttons: await still.locator('button[data-copy]:visible').count(),
      texts: await still.locator('input[readonly], textarea').evaluateAll(fields => fields.map(field => field.value)),
    };
  }
} finally {
  await close();
}
process.stdout.write(JSON.stringify(answer));
