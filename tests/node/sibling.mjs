// Visits the browser example at app.shop.example in Chromium, while evil.shop.example plants cookies for the whole domain.
//
//   node sibling.mjs http://127.0.0.1:8080
//
// Both hosts are served by this script, over TLS; it passes the requests for
// the first one on to the example. It prints one line of JSON with its results and exits 0. If something isn't as expected, it
// explains that on standard error and exits 1. The environment variable CHROMIUM names the browser. Default: /usr/bin/chromium.

import { createServer } from 'node:https';
import { launch, quit, start } from './chromium.mjs';
import { certificate, pass } from './over-tls.mjs';

const target = new URL(process.argv[2]);
const STEP_MS = 10_000;
const TOTAL_MS = 90_000;

let doing = 'start';
let browser;
/** The attacker's own cookies: the name without a prefix, and the value. */
let stolen = [];

await start(run, fail, TOTAL_MS);

async function run() {
  const server = createServer(certificate('*.shop.example'), (request, response) => {
    if (request.headers.host.startsWith('app.')) pass(target, request, response);
    else plant(request, response);
  });
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  const { port } = server.address();
  const [app, evil] = ['app', 'evil'].map((host) => `https://${host}.shop.example:${port}/`);
  browser = await launch('--host-resolver-rules=MAP *.shop.example 127.0.0.1');

  doing = 'log in as the attacker';
  const attacker = await visitor();
  await logIn(attacker.page, app, 'grace', 'compiler');
  await name(attacker.page, 'Grace Hopper');
  stolen = (await attacker.context.cookies()).map((cookie) => [cookie.name.replace('__Host-', ''), cookie.value]);
  expect(stolen.length === 3, `the attacker has ${stolen.length} cookies`);

  doing = 'visit the hostile sibling, and then the application';
  const guest = await visitor();
  await guest.page.goto(evil);
  const planted = (await guest.context.cookies(app)).map((cookie) => cookie.name);
  await guest.page.goto(app);
  await guest.page.locator('#login').waitFor();
  const refused = await call(guest.page, '/auth/refresh');
  expect(!(await guest.page.locator('#name').textContent()).includes('Grace'), 'the visitor is logged in as the attacker');

  doing = 'log in as a visitor with planted cookies';
  await logIn(guest.page, app, 'ada', 'engine');
  await name(guest.page, 'Ada Lovelace');

  doing = 'visit the hostile sibling while logged in';
  const user = await visitor();
  await logIn(user.page, app, 'ada', 'engine');
  await name(user.page, 'Ada Lovelace');
  await user.page.goto(evil);
  // The access token expires meanwhile, so the page has to refresh.
  await until(async () => !(await user.context.cookies()).some((cookie) => cookie.name === '__Host-access'), 'it stays');
  user.said.length = 0;
  await user.page.goto(app);
  await name(user.page, 'Ada Lovelace');
  const refreshed = user.said.filter((one) => one.startsWith('POST /auth/refresh'));
  await user.page.getByRole('button', { name: 'Log out', exact: true }).click();
  await user.page.locator('#login').waitFor();
  const left = (await user.context.cookies()).map((cookie) => cookie.name).filter((one) => one.startsWith('__Host-'));
  expect(left.length === 0, `cookies are left: ${left}`);

  console.log(JSON.stringify({ planted: [...new Set(planted)].sort(), refused, refreshed, chromium: browser.version() }));
  await browser.close();
  server.close();
}

/** Answers with the attacker's tokens, in cookies for all hosts of the domain. */
function plant(_request, response) {
  const cookies = stolen.flatMap(([cookie, value]) => [
    `__Host-${cookie}=${value}; Secure; Path=/; Domain=shop.example`,
    `__host-${cookie}=${value}; Secure; Path=/; Domain=shop.example`,
    // Without a name, so that the application reads one.
    `=__Host-${cookie}=${value}; Secure; Path=/; Domain=shop.example`,
    `__Secure-${cookie}=${value}; Secure; Path=/; Domain=shop.example`,
    `${cookie}=${value}; Path=/; Domain=shop.example`,
    `${cookie}=${value}; Path=/auth; Domain=shop.example`,
  ]);
  response.setHeader('set-cookie', cookies).setHeader('content-type', 'text/html').end('<title>Sibling</title>');
}

/** Opens a separate browser profile. `said` collects the page's requests and the status of each response. */
async function visitor() {
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  const page = await context.newPage();
  page.setDefaultTimeout(STEP_MS);
  const said = [];
  page.on('response', (response) => {
    said.push(`${response.request().method()} ${new URL(response.url()).pathname} ${response.status()}`);
  });
  return { context, page, said };
}

async function logIn(page, app, user, password) {
  if (!page.url().startsWith(app)) await page.goto(app);
  await page.locator('#login-name').fill(user);
  await page.locator('#login-password').fill(password);
  await page.keyboard.press('Enter');
}

async function name(page, wanted) {
  await until(async () => (await page.locator('#name').textContent()).includes(wanted), `the user isn't ${wanted}`);
}

/** Sends a request from a page, with its cookies. */
async function call(page, path) {
  return page.evaluate(async (where) => `POST ${where} ${(await fetch(where, { method: 'POST' })).status}`, path);
}

async function until(condition, message) {
  const end = Date.now() + STEP_MS;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(message);
    await new Promise((resolve) => { setTimeout(resolve, 20); });
  }
}

function expect(condition, message) {
  if (!condition) throw new Error(message);
}

async function fail(error) {
  console.error(`sibling: ${doing}: ${error.stack}`);
  await quit(browser);
}
