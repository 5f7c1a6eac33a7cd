// Uses the browser example at https://app.example in a Chromium that binds sessions to its device, and with copied cookies.
//
//   node device-bound.mjs http://127.0.0.1:8080 [refreshes]
//
// The script serves the example over TLS. It prints one line of JSON with its results and exits 0. If something isn't as expected,
// it explains that on standard error and exits 1. The environment variable CHROMIUM names the browser. Default: /usr/bin/chromium.

import { createHash, X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request as ask } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { certificate, pass } from './over-tls.mjs';

const target = new URL(process.argv[2]);
const refreshes = Number(process.argv[3] ?? 20);
const STEP_MS = 10_000;

let doing = 'start';
let context;
/** The requests for the refresh endpoint: who made them, with what, and the status of the answer. */
const seen = [];
const count = (what) => seen.filter((one) => one === what).length;
const profile = mkdtempSync(join(tmpdir(), 'device-bound-'));

try {
  await run();
} catch (error) {
  await fail(error);
}

async function run() {
  const pair = certificate('app.example');
  const server = createServer(pair, (request, response) => pass(target, request, response, note));
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  const { port } = server.address();
  const app = `https://app.example:${port}/`;
  context = await launch(pair.cert);
  const page = await context.newPage();
  page.setDefaultTimeout(STEP_MS);

  doing = 'log in and register';
  await logIn(page, app);
  await until(() => seen.includes('browser proof 200'), 'the browser registered no key');

  doing = 'use copied cookies';
  const thief = await copy(app);
  const copied = { access: await call(port, 'GET', '/api/me', thief), refresh: await call(port, 'POST', '/auth/refresh', thief) };
  await until(async () => (await call(port, 'GET', '/api/me', thief)) === 401, 'the copied access token lives on');
  copied.later = await call(port, 'POST', '/auth/refresh', thief);

  doing = 'go on in the browser';
  await page.reload();
  await shown(page);

  doing = 'refresh again and again';
  const answers = new Map();
  const before = count('browser proof 204');
  for (let round = 0; round < refreshes; round += 1) {
    await context.clearCookies({ name: '__Host-access' });
    const status = await get(page);
    answers.set(status, (answers.get(status) ?? 0) + 1);
  }
  const proofs = count('browser proof 204') - before;

  doing = 'use several tabs at once';
  const tabs = await Promise.all([1, 2, 3, 4].map(async () => {
    const tab = await context.newPage();
    await tab.goto(`${app}style.css`);
    return tab;
  }));
  await context.clearCookies({ name: '__Host-access' });
  const together = await Promise.all(tabs.map(get));
  await page.reload();
  await shown(page);

  doing = 'log out';
  const last = await copy(app);
  await page.getByRole('button', { name: 'Log out', exact: true }).click();
  await page.locator('#login').waitFor();
  const ended = { access: await call(port, 'GET', '/api/me', last), refresh: await call(port, 'POST', '/auth/refresh', last) };

  doing = 'forget the session';
  const status = await get(page);
  const asked = seen.length;
  await get(page);
  const forgotten = { status, last: seen.at(-1), again: seen.length - asked };

  doing = 'log in again';
  const registered = count('browser proof 200');
  await logIn(page, app);
  await until(() => count('browser proof 200') > registered, 'the browser registered no key');
  await context.clearCookies({ name: '__Host-access' });
  const again = await get(page);

  const results = { copied, answers: Object.fromEntries(answers), proofs, together, ended, forgotten, again, seen: [...new Set(seen)].sort() };
  console.log(JSON.stringify(results));
  await context.close();
  server.close();
  rmSync(profile, { recursive: true });
}

/** Starts a browser with keys in software, and without its limit of a few signatures in several minutes. */
async function launch(cert) {
  const features = ['enable-standard-device-bound-session-credentials@2', 'enable-bound-session-credentials-software-keys-for-manual-testing@1'];
  writeFileSync(join(profile, 'Local State'), JSON.stringify({ browser: { enabled_labs_experiments: features } }));
  const spki = createHash('sha256').update(new X509Certificate(cert).publicKey.export({ type: 'spki', format: 'der' })).digest('base64');
  return chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
    headless: true,
    args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--host-resolver-rules=MAP app.example 127.0.0.1', `--ignore-certificate-errors-spki-list=${spki}`],
  });
}

function note(request, answer) {
  if (request.url !== '/auth/refresh') return;
  const proof = request.headers['secure-session-response'];
  const who = proof || request.headers['sec-secure-session-id'] ? 'browser' : 'page';
  seen.push(`${who}${proof ? ' proof' : ''} ${answer.statusCode}`);
}

async function logIn(page, app) {
  if (!page.url().startsWith(app)) await page.goto(app);
  await page.locator('#login-name').fill('ada');
  await page.locator('#login-password').fill('engine');
  await page.keyboard.press('Enter');
  await shown(page);
}

async function shown(page) {
  await until(async () => (await page.locator('#name').textContent()).includes('Ada Lovelace'), 'the page shows no user');
}

/** Sends a request from a page, and returns the status. */
async function get(page) {
  return page.evaluate(async () => (await fetch('/api/me')).status);
}

/** The browser's cookies as a thief would send them. */
async function copy(app) {
  const cookies = await context.cookies(app);
  const value = cookies.find((cookie) => cookie.name === '__Host-csrf').value;
  return { cookie: cookies.map((cookie) => `${cookie.name}=${cookie.value}`).join('; '), 'x-csrf-token': value, 'sec-fetch-site': 'same-origin' };
}

/** Sends a request from elsewhere, and returns the status. */
async function call(port, method, path, headers) {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, method, path, rejectUnauthorized: false, headers: { host: `app.example:${port}`, ...headers } };
    ask(options, (answer) => { answer.resume(); resolve(answer.statusCode); }).on('error', reject).end();
  });
}

async function until(condition, message) {
  const end = Date.now() + STEP_MS;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(message);
    await new Promise((resolve) => { setTimeout(resolve, 20); });
  }
}

async function fail(error) {
  console.error(`device-bound: ${doing}: ${error.stack}\n${seen.join('\n')}`);
  await Promise.race([
    context?.close().catch(() => {}),
    new Promise((resolve) => { setTimeout(resolve, 5_000); }),
  ]);
  rmSync(profile, { recursive: true, force: true });
  process.exit(1);
}
