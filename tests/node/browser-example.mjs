// Uses the page of the browser example in Chromium, and attacks it from other sites and with stolen cookies.
//
//   node browser-example.mjs http://127.0.0.1:8080/ [folder for screenshots]
//
// It prints one line of JSON with its results and exits 0. If something isn't as expected, it explains that on standard
// error and exits 1. Page errors, console errors (except for rejected requests), violations of the content security
// policy and requests to other machines are always failures. The environment variable CHROMIUM names the browser.
// Default: /usr/bin/chromium.

import { createServer } from 'node:http';
import { Failure, launch, quit, start } from './chromium.mjs';

const [base, screenshots] = process.argv.slice(2);
const origin = new URL(base).origin;
const STEP_MS = 10_000;
const TOTAL_MS = 150_000;
const WIDE = { width: 1280, height: 900 };
const NARROW = { width: 360, height: 740 };
const GONE = ['__Host-access', '__Host-csrf', '__Host-refresh'];

const troubles = [];
const attacks = {};
let doing = 'start';
let browser;

await start(run, fail, TOTAL_MS);

async function run() {
  browser = await launch();
  const { page, context, said } = await visitor({ viewport: WIDE });

  doing = 'open the page';
  await page.goto(base);
  expect(said.length === 0, `the page sent requests before the login: ${said}`);
  await controls(page, ['Name', 'Password', 'Log in']);
  expect((await page.evaluate(() => document.activeElement.id)) === 'login-name', 'the name has no focus');
  await look(page, 'login');

  doing = 'log in with a wrong password';
  await page.keyboard.type('ada');
  await page.keyboard.press('Tab');
  await page.keyboard.type('wrong');
  await page.keyboard.press('Enter');
  await text(page, '#login-error', 'is wrong');
  await text(page, '#announce', 'is wrong');
  expect((await page.locator('#login-password').getAttribute('aria-invalid')) === 'true', 'the password is not marked');
  expect((await context.cookies()).length === 0, 'a wrong password set cookies');

  doing = 'log in';
  await page.keyboard.type('engine');
  await page.keyboard.press('Enter');
  await rows(page, 5);
  await text(page, '#name', 'Ada Lovelace');
  const cookies = Object.fromEntries((await context.cookies()).map((cookie) => [cookie.name, cookie]));
  const attributes = ({ path, httpOnly, secure, sameSite }) => [path, httpOnly, secure, sameSite].join(' ');
  expect(attributes(cookies['__Host-access']) === '/ true true Lax', 'the access token is not kept as it should be');
  expect(attributes(cookies['__Host-refresh']) === '/ true true Strict', 'the refresh token is not kept as it should be');
  expect(attributes(cookies['__Host-csrf']) === '/ false true Strict', 'the value for scripts is not kept as it should be');
  const readable = await page.evaluate(() => [document.cookie, localStorage.length, sessionStorage.length].join(' '));
  expect(readable === `__Host-csrf=${cookies['__Host-csrf'].value} 0 0`, `scripts can read ${readable}`);
  const names = await controls(page, ['Log out', 'Return Elements', 'Return Liber Abaci', 'Log out everywhere']);

  doing = 'refresh without being noticed';
  await over(context);
  said.length = 0;
  await page.reload();
  await rows(page, 5);
  expect(said.includes('POST /auth/refresh 204'), `nothing was refreshed: ${said}`);
  expect(said.filter((call) => call.startsWith('POST /auth/refresh')).length === 1, `refreshed more than once: ${said}`);

  doing = 'be asked for the password, and have second thoughts';
  const button = page.getByRole('button', { name: 'Return Elements', exact: true });
  await button.focus();
  await page.keyboard.press('Enter');
  const dialog = page.getByRole('dialog', { name: 'Confirm that it’s you', exact: true });
  await dialog.waitFor();
  expect((await page.evaluate(() => document.activeElement.id)) === 'confirm-password', 'the password has no focus');
  await controls(page, ['Password', 'Confirm', 'Cancel']);
  await look(page, 'confirm');
  await page.keyboard.press('Escape');
  await text(page, '#announce', 'Nothing was changed');
  expect((await page.evaluate(() => document.activeElement.ariaLabel)) === 'Return Elements', 'the focus is lost');
  await rows(page, 5);

  doing = 'confirm with a wrong and with the right password';
  await page.keyboard.press('Enter');
  await dialog.waitFor();
  await page.keyboard.type('wrong');
  await page.keyboard.press('Enter');
  await text(page, '#confirm-error', 'is wrong');
  await page.keyboard.type('engine');
  await page.keyboard.press('Enter');
  await rows(page, 4);
  await text(page, '#announce', 'Elements was returned');
  expect((await page.locator('#sessions li').count()) === 1, 'confirming left a second session');

  doing = 'be attacked from other origins';
  const evil = await attacker();
  for (const [host, expected] of [
    // A port isn't part of a site, so the browser sends the cookies, even those with SameSite=Strict.
    ['127.0.0.1', 'POST /auth/logout-everywhere 403'],
    // Another site: the browser doesn't send the cookies.
    ['localhost', 'POST /auth/logout-everywhere 401'],
  ]) {
    for (const way of ['form', 'fetch']) {
      await fresh(page, context);
      const tab = await context.newPage();
      const seen = [];
      tab.on('response', (response) => seen.push(call(response)));
      await tab.goto(`http://${host}:${evil.port}/${way}`);
      await until(() => seen.includes(expected), () => `${way} from ${host} led to ${seen}`);
      attacks[`${way} from ${host}`] = expected;
      await tab.close();
    }
  }
  evil.server.close();
  await page.reload();
  await rows(page, 4);

  doing = 'log in from a second browser';
  const other = await visitor({ viewport: NARROW, colorScheme: 'dark' });
  await logIn(other.page);
  await rows(other.page, 4);
  await page.reload();
  await until(async () => (await page.locator('#sessions li').count()) === 2, () => 'the second session is not listed');
  await look(page, 'room');
  await look(other.page, 'room-narrow-dark');

  doing = 'log out everywhere';
  await page.getByRole('button', { name: 'Log out everywhere', exact: true }).click();
  await page.locator('#login').waitFor();
  await text(page, '#announce', 'You are logged out');
  await cookiesGone(context);
  // The other browser's access token may not have expired yet, but its session has ended.
  await other.page.reload();
  await other.page.locator('#login').waitFor();
  await text(other.page, '#login-error', 'You were logged out');
  await cookiesGone(other.context);

  doing = 'lose the refresh token to a thief';
  await logIn(page);
  await rows(page, 4);
  const stolen = await context.cookies(`${origin}/auth/refresh`);
  // The page refreshes twice: a token may be repeated until its successor is used.
  for (let round = 0; round < 2; round += 1) {
    await over(context);
    await page.reload();
    await rows(page, 4);
  }
  const header = stolen.map(({ name, value }) => `${name}=${value}`).join('; ');
  const csrf = stolen.find(({ name }) => name === '__Host-csrf').value;
  const reuse = await fetch(`${origin}/auth/refresh`, { method: 'POST', headers: { cookie: header, 'x-csrf-token': csrf } });
  attacks['a refresh token used again'] = `POST /auth/refresh ${reuse.status}`;
  expect(reuse.status === 401, `the thief was answered ${reuse.status}`);
  expect(reuse.headers.getSetCookie().every((cookie) => cookie.includes('Max-Age=0')), 'the thief got cookies');
  await page.reload();
  await page.locator('#login').waitFor();
  await text(page, '#login-error', 'You were logged out');

  doing = 'log out';
  await logIn(page);
  await rows(page, 4);
  await page.getByRole('button', { name: 'Log out', exact: true }).click();
  await page.locator('#login').waitFor();
  await cookiesGone(context);

  expect(troubles.length === 0, troubles.join('\n'));
  console.log(JSON.stringify({ attacks, names, chromium: browser.version() }));
  await browser.close();
}

/** Opens a separate browser profile. `said` collects the page's requests and the status of each response. */
async function visitor(options) {
  const context = await browser.newContext({ reducedMotion: 'reduce', ...options });
  await context.route((url) => !['127.0.0.1', 'localhost'].includes(url.hostname) && url.protocol !== 'data:', (route) => {
    trouble(`request to another machine: ${route.request().url()}`);
    return route.abort();
  });
  await context.exposeBinding('reportViolation', (_source, violation) => trouble(violation));
  await context.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => {
      globalThis.reportViolation(`content security policy: ${event.effectiveDirective} blocked ${event.blockedURI}`);
    });
  });
  const page = await context.newPage();
  page.setDefaultTimeout(STEP_MS);
  const said = [];
  page.on('response', (response) => {
    const { pathname } = new URL(response.url());
    if (/^\/(api|auth)\//.test(pathname)) said.push(call(response));
  });
  page.on('pageerror', (error) => trouble(`page error: ${error.stack ?? error}`));
  page.on('console', (message) => {
    // Chromium logs each rejected call like this. Rejections are expected here.
    const refused = /^Failed to load resource: .* status of 4\d\d\b/.test(message.text());
    if (['error', 'warning'].includes(message.type()) && !refused) trouble(`console ${message.type()}: ${message.text()}`);
  });
  return { page, context, said };
}

function call(response) {
  return `${response.request().method()} ${new URL(response.url()).pathname} ${response.status()}`;
}

/** A site whose pages send logout requests to the example from their visitors' browsers. */
async function attacker() {
  const target = `${origin}/auth/logout-everywhere`;
  const pages = {
    '/form': `<form method="post" action="${target}"></form><script>document.forms[0].submit()</script>`,
    '/fetch': `<script>fetch('${target}', { method: 'POST', mode: 'no-cors', credentials: 'include' })</script>`,
  };
  const server = createServer((request, response) => {
    response.setHeader('content-type', 'text/html');
    response.end(pages[request.url] ?? '');
  });
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  return { server, port: server.address().port };
}

async function logIn(page) {
  if (!page.url().startsWith(base)) await page.goto(base);
  await page.locator('#login-name').fill('ada');
  await page.locator('#login-password').fill('engine');
  await page.keyboard.press('Enter');
}

/** Waits until the browser has dropped the expired access token. */
async function over(context) {
  const kept = async () => (await context.cookies()).some(({ name }) => name === '__Host-access');
  await until(async () => !(await kept()), () => 'the access token stays');
}

/** Makes sure that the browser has an access token that it can send. */
async function fresh(page, context) {
  await over(context);
  await page.reload();
  await page.locator('#books tbody tr').first().waitFor();
}

async function cookiesGone(context) {
  const left = (await context.cookies()).map(({ name }) => name).filter((name) => GONE.includes(name));
  expect(left.length === 0, `cookies are left: ${left}`);
}

async function rows(page, wanted) {
  let found;
  await until(async () => {
    found = await page.locator('#books tbody tr:visible').count();
    return found === wanted;
  }, () => `${found} books instead of ${wanted}`);
}

async function text(page, selector, wanted) {
  let found;
  await until(async () => {
    found = await page.locator(selector).textContent();
    return found.includes(wanted);
  }, () => `${selector} says "${found}" and not "${wanted}"`);
}

/** Checks that every control in the accessibility tree has a name, and that these names exist. */
async function controls(page, wanted) {
  const roles = ['button', 'checkbox', 'combobox', 'link', 'textbox'];
  const session = await page.context().newCDPSession(page);
  const { nodes } = await session.send('Accessibility.getFullAXTree');
  await session.detach();
  const found = nodes.filter((node) => !node.ignored && roles.includes(node.role?.value.toLowerCase()));
  const names = found.map((node) => (node.name?.value ?? '').trim());
  expect(!names.includes(''), `a control has no name: ${names}`);
  for (const name of wanted) expect(names.includes(name), `no control is named "${name}": ${names}`);
  expect((await page.getByRole('main').count()) === 1 || (await page.getByRole('dialog').count()) === 1, 'no main landmark');
  return names;
}

/** Checks the contrast (WCAG 2.2, 1.4.3), and that the page doesn't scroll sideways, in both colour schemes and widths. */
async function look(page, name) {
  const size = page.viewportSize();
  for (const [viewport, colorScheme] of [[WIDE, 'light'], [WIDE, 'dark'], [NARROW, 'light'], [NARROW, 'dark']]) {
    await page.setViewportSize(viewport);
    await page.emulateMedia({ colorScheme });
    const { pale, content, width } = await page.evaluate(inspect);
    expect(pale.length === 0, `hard to read in ${colorScheme}: ${pale.join(', ')}`);
    expect(content <= width, `the page is ${content} px wide at ${width} px`);
    const file = `${name}-${viewport.width}-${colorScheme}.png`;
    if (screenshots) await page.screenshot({ path: `${screenshots}/${file}`, fullPage: true });
  }
  await page.setViewportSize(size);
  await page.emulateMedia({ colorScheme: null });
}

function inspect() {
  const parts = (color) => color.match(/[\d.]+/g).map(Number);
  const luminance = (color) => {
    const [r, g, b] = parts(color).map((part) => (part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const { backgroundColor } = getComputedStyle(at);
      if (parts(backgroundColor)[3] !== 0) return backgroundColor;
    }
    return 'rgb(255, 255, 255)';
  };
  const pale = [];
  for (const element of document.body.querySelectorAll('*')) {
    const own = Array.from(element.childNodes).some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
    if (!own || !element.checkVisibility()) continue;
    const [one, other] = [luminance(getComputedStyle(element).color), luminance(behind(element))];
    const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    if (contrast < 4.5) pale.push(`"${element.textContent.trim().slice(0, 30)}" ${contrast.toFixed(1)}`);
  }
  const root = document.documentElement;
  return { pale, content: Math.max(root.scrollWidth, document.body.scrollWidth), width: root.clientWidth };
}

function trouble(what) {
  troubles.push(`${what} (while: ${doing})`);
}

function expect(condition, message) {
  if (!condition) throw new Failure(message);
}

async function until(condition, message) {
  const end = Date.now() + STEP_MS;
  for (;;) {
    if (await condition()) return;
    if (Date.now() > end) throw new Failure(message());
    await new Promise((resolve) => { setTimeout(resolve, 20); });
  }
}

async function fail(error) {
  console.error(`browser example: ${doing}: ${error instanceof Failure ? error.message : error.stack}`);
  for (const one of troubles) {
    if (!error.message.includes(one)) console.error(`browser example: ${one}`);
  }
  await quit(browser);
}
