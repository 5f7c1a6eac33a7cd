// Uses the demo page in Chromium, only with the keyboard.
//
//   node browser.mjs http://127.0.0.1:8080/ [screenshot.png]
//
// If the environment variable ONLY is `stolen`, it only tries the part of the
// page that shows a stolen token, which the demo has with --dpop.
//
// It prints one line of JSON with the contents of the page and exits 0. If the
// page isn't as expected, it explains that on standard error and exits 1. Page
// errors, console errors, violations of the content security policy, failed
// requests and requests to other machines are always failures. The environment
// variable CHROMIUM names the browser. Default: /usr/bin/chromium.

import { Failure, launch, quit, start } from './chromium.mjs';

const [base, screenshot] = process.argv.slice(2);
const STEP_MS = 10_000;
const TOTAL_MS = 120_000;
const WIDE = { width: 1280, height: 900 };
const NARROW = { width: 360, height: 740 };
const PHONE = { width: 375, height: 667 };

const CONTROLS = {
  '#get-token': 'button',
  '#scope-reports': 'checkbox',
  '#kind': 'combobox',
  '#token': 'textbox',
  '#send-token': 'checkbox',
  '#call-me': 'button',
  '#call-reports': 'button',
  '#call-public': 'button',
  '#call-optional': 'button',
};
const FRAMEWORKS = ['axum', 'actix'];
const PARTS = ['status', 'challenge', 'body'];
const REGIONS = [
  '#token-header',
  '#token-claims',
  '#announce',
  ...FRAMEWORKS.flatMap((framework) => PARTS.map((part) => `#${framework}-${part}`)),
];
const CONTROL_ROLES = new Set([
  'button', 'checkbox', 'combobox', 'link', 'listbox', 'menuitem', 'radio', 'searchbox',
  'slider', 'spinbutton', 'switch', 'tab', 'textbox',
]);

const troubles = [];
const warnings = [];
const steps = [];
let pending = 0;
let sent = 0;
let doing = 'start';
let browser;
let page;

if (!base) {
  console.error('usage: node browser.mjs URL [screenshot.png]');
  process.exit(1);
}
await start(run, fail, TOTAL_MS);

async function run() {
  browser = await launch('--disable-quic');
  const context = await browser.newContext({ viewport: WIDE, reducedMotion: 'reduce' });
  page = await context.newPage();
  page.setDefaultTimeout(STEP_MS);
  await watch(context);

  doing = 'load the page';
  const response = await page.goto(base, { waitUntil: 'load' });
  expect(response?.ok(), `the page answered ${response?.status()}`);
  const csp = response.headers()['content-security-policy'] ?? null;
  await checkStructure();

  doing = 'tab through the page';
  await page.evaluate(() => {
    globalThis.restingShadows = new Map(
      Array.from(document.querySelectorAll('*'), (element) => [
        element,
        getComputedStyle(element).boxShadow,
      ]),
    );
  });
  const focusOrder = await tabThrough();

  if (process.env.ONLY === 'stolen') return stolen();
  const plain = await getToken('a token without the scope', { kind: 'valid', scope: false });
  expect(!scopes(plain).includes('reports:read'), 'the token has the scope unasked');
  await call('me', { status: 200 });
  await call('reports', {
    status: 403,
    challenge: [/\bBearer\b/, /\berror="?insufficient_scope"?/, /\bscope="reports:read"/],
  });

  const scoped = await getToken('a token with the scope', { kind: 'valid', scope: true });
  expect(scopes(scoped).includes('reports:read'), 'the token lacks the scope asked for');
  await call('reports', { status: 200 });
  await call('optional', { status: 200, notBody: /guest/i });

  const invalid = { status: 401, challenge: [/\bBearer\b/, /\berror="?invalid_token"?/] };
  const expired = await getToken('an expired token', { kind: 'expired', scope: true });
  expect(expired.claims.exp * 1000 < Date.now(), 'the expired token has not expired');
  await call('me', invalid);
  await call('public', { status: 200 });
  await getToken('a tampered token', { kind: 'tampered', scope: true });
  await call('me', invalid);

  await getToken('a valid token to withhold', { kind: 'valid', scope: true });
  await setChecked('#send-token', false);
  await call('me', { status: 401, challenge: [/\bBearer\b/], notChallenge: /\berror=/ });
  await call('optional', { status: 200, body: /guest/i });
  await call('public', { status: 200 });
  await setChecked('#send-token', true);
  await call('me', { status: 200 });

  doing = 'look at the page';
  const controls = await accessibleControls();
  for (const viewport of [WIDE, NARROW]) {
    await page.setViewportSize(viewport);
    await checkWidth();
  }
  await tapOnPhone();
  await page.setViewportSize(WIDE);
  if (screenshot) await page.screenshot({ path: screenshot, fullPage: true });
  expectNoTrouble();

  console.log(
    JSON.stringify({
      title: await page.title(),
      csp,
      header: plain.header,
      claims: scoped.claims,
      steps,
      controls,
      focusOrder,
      warnings,
      requests: sent,
      chromium: browser.version(),
    }),
  );
  await browser.close();
}

/** Lets the page steal a token that is bound to a key, with the keyboard, and looks at the page on a phone and in the dark. */
async function stolen() {
  doing = 'steal a token';
  await tabTo('#steal');
  const cards = ['with-proof', 'without-proof', 'other-key'];
  const seen = {};
  // A second time, the page makes new keys.
  for (let round = 0; round < 2; round += 1) {
    await press('#steal', round ? 'Space' : 'Enter');
    await expectText('#stolen-message', 'by another key: axum');
    for (const card of cards) {
      seen[card] = { tone: await page.locator(`#${card}`).getAttribute('data-tone') };
      for (const part of [...FRAMEWORKS, 'challenge']) {
        seen[card][part] = (await page.locator(`#${card}-${part}`).textContent()).trim();
      }
    }
  }
  const message = await announced();
  doing = 'look at the stolen token';
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme });
    for (const viewport of [WIDE, PHONE, NARROW]) {
      await page.setViewportSize(viewport);
      await checkWidth();
      const steal = page.locator('#steal');
      await steal.scrollIntoViewIfNeeded();
      expect(await steal.isVisible(), `#steal is not visible at ${viewport.width} px`);
    }
    const colors = await page.locator('#without-proof-axum').evaluate((element) => {
      const section = element.closest('section');
      return [getComputedStyle(element).color, getComputedStyle(section).backgroundColor];
    });
    seen[colorScheme] = colors;
  }
  const controls = await accessibleControls();
  await page.setViewportSize(WIDE);
  if (screenshot) await page.screenshot({ path: screenshot, fullPage: true });
  expectNoTrouble();
  console.log(JSON.stringify({ seen, message, controls, warnings }));
  await browser.close();
}

// Things that the page must never do.

async function watch(context) {
  const trouble = (text) => troubles.push(`${text} (while: ${doing})`);
  // No request leaves this machine, even if the page has a bug.
  await context.route((url) => !isLocal(url.href), (route) => route.abort());
  await context.exposeBinding('reportViolation', (_source, text) => trouble(text));
  await context.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => {
      globalThis.reportViolation(
        `content security policy: ${event.effectiveDirective} blocked ${event.blockedURI}`,
      );
    });
  });
  page.on('request', (request) => {
    sent += 1;
    pending += 1;
    if (!isLocal(request.url())) trouble(`request to another machine: ${request.url()}`);
  });
  page.on('requestfinished', () => { pending -= 1; });
  page.on('requestfailed', (request) => {
    pending -= 1;
    trouble(`request failed: ${request.url()} ${request.failure()?.errorText}`);
  });
  page.on('pageerror', (error) => trouble(`page error: ${error.stack ?? error}`));
  page.on('crash', () => trouble('the page crashed'));
  page.on('popup', (popup) => trouble(`a window was opened: ${popup.url()}`));
  page.on('dialog', (dialog) => {
    trouble(`a dialog was opened: ${dialog.message()}`);
    dialog.dismiss().catch(() => {});
  });
  page.on('console', (message) => {
    const text = `${message.text()} ${message.location().url}`.trim();
    if (message.type() === 'warning') warnings.push(text);
    // Chromium logs each rejected call like this. Rejections are expected here.
    const refused = /^Failed to load resource: .* status of 40[13]\b/.test(message.text());
    if (message.type() === 'error' && !refused) trouble(`console error: ${text}`);
  });
}

function isLocal(address) {
  const { protocol, hostname } = new URL(address);
  if (['about:', 'blob:', 'data:'].includes(protocol)) return true;
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d+){3}$/.test(hostname);
}

function expectNoTrouble() {
  expect(troubles.length === 0, troubles.join('\n'));
}

// Things that the page must offer.

async function checkStructure() {
  expect((await page.title()).trim(), 'the page has no title');
  expect(await page.locator('html[lang]').count(), 'the page does not say its language');
  expect((await page.getByRole('main').count()) === 1, 'the page needs one main landmark');
  expect(
    (await page.getByRole('heading', { level: 1 }).count()) === 1,
    'the page needs one first-level heading',
  );
  for (const id of [...Object.keys(CONTROLS), ...REGIONS]) {
    const found = await page.locator(id).count();
    expect(found === 1, `${id}: ${found} elements instead of one`);
  }
  for (const [id, role] of Object.entries(CONTROLS)) {
    const control = page.getByRole(role).and(page.locator(id));
    expect((await control.count()) === 1, `${id} is not exposed as a ${role}`);
    expect(await control.isVisible(), `${id} is not visible`);
  }
  const getToken = page.getByRole('button', { name: 'Get a token', exact: true });
  expect(
    (await getToken.and(page.locator('#get-token')).count()) === 1,
    '#get-token is not named "Get a token"',
  );
  expect(
    await page.locator('#token').evaluate((element) => element.readOnly),
    '#token is not read-only',
  );
  const kinds = await page.locator('#kind option').evaluateAll((all) => all.map((o) => o.value));
  for (const kind of ['valid', 'expired', 'tampered']) {
    expect(kinds.includes(kind), `#kind does not offer ${kind}`);
  }
  expect(await page.locator('#send-token').isChecked(), '#send-token is off at first');
  const live = await page.locator('#announce').evaluate(
    (element) => element.ariaLive ?? element.getAttribute('role'),
  );
  expect(
    ['polite', 'assertive', 'status', 'alert', 'log'].includes(live),
    '#announce is not a live region',
  );
}

/** Returns the controls in the accessibility tree. Each must have a name. */
async function accessibleControls() {
  const session = await page.context().newCDPSession(page);
  const { nodes } = await session.send('Accessibility.getFullAXTree');
  await session.detach();
  const controls = nodes
    .filter((node) => !node.ignored && CONTROL_ROLES.has(node.role?.value.toLowerCase()))
    .map((node) => ({ role: node.role.value, name: (node.name?.value ?? '').trim() }));
  const nameless = controls.filter(({ name }) => !name).map(({ role }) => role);
  expect(nameless.length === 0, `controls without an accessible name: ${nameless.join(', ')}`);
  expect(
    controls.length >= Object.keys(CONTROLS).length,
    `only ${controls.length} controls in the accessibility tree`,
  );
  return controls;
}

async function checkWidth() {
  const { width, content, widest } = await page.evaluate(() => {
    const root = document.documentElement;
    const right = (element) => element.getBoundingClientRect().right;
    const all = Array.from(document.body.querySelectorAll('*'));
    const far = all.reduce((most, element) => (right(element) > right(most) ? element : most));
    return {
      width: root.clientWidth,
      content: Math.max(root.scrollWidth, document.body.scrollWidth),
      widest: `${far.localName}${far.id && `#${far.id}`}`,
    };
  });
  expect(
    content <= width,
    `the page scrolls sideways at ${width} px: it is ${content} px wide, see ${widest}`,
  );
}

/** Checks that a tap on a call scrolls to the answer, which was below the screen of the phone. */
async function tapOnPhone() {
  doing = 'tap a call on a phone';
  await page.setViewportSize(PHONE);
  const box = () =>
    page.locator('#agreement').evaluate((element) => {
      const { top, bottom } = element.getBoundingClientRect();
      return { top, bottom, height: innerHeight };
    });
  await page.evaluate(() => document.querySelector('#call-me').scrollIntoView({ block: 'end' }));
  const before = await box();
  expect(before.bottom > before.height, 'the answer is on the screen before the tap');
  await page.locator('#call-me').click();
  await until(async () => {
    const { top, bottom, height } = await box();
    return top >= 0 && bottom <= height;
  }, () => 'a tap leaves the answer off the screen');
}

// The keyboard.

/** Visits every focusable element once and returns their ids in that order. */
async function tabThrough() {
  const order = [];
  for (let presses = 0; presses < 80; presses += 1) {
    await page.keyboard.press('Tab');
    const focus = await focused();
    if (!focus || (order.length > 0 && focus.first)) {
      const missing = Object.keys(CONTROLS).filter((id) => !order.includes(id));
      expect(missing.length === 0, `not reached with Tab: ${missing.join(', ')}`);
      return order;
    }
    checkFocus(focus);
    order.push(focus.label);
  }
  throw new Failure('Tab never came round to the start of the page');
}

/** Describes the focused element. `first` is true if it was visited before. */
async function focused() {
  return page.evaluate(() => {
    const element = document.activeElement;
    if (!element || element === document.body || element === document.documentElement) return null;
    globalThis.visitedByTab ??= new WeakSet();
    const first = globalThis.visitedByTab.has(element);
    globalThis.visitedByTab.add(element);
    const clear = /^(transparent|rgba\(.*, 0\))$/;
    const style = getComputedStyle(element);
    const outlined =
      style.outlineStyle !== 'none' &&
      parseFloat(style.outlineWidth) > 0 &&
      !clear.test(style.outlineColor);
    const box = element.getBoundingClientRect();
    const inside = (point, size) => Math.min(Math.max(point, 1), size - 2);
    const top = document.elementFromPoint(
      inside(box.x + box.width / 2, innerWidth),
      inside(box.y + box.height / 2, innerHeight),
    );
    const onScreen =
      box.bottom > 0 && box.right > 0 && box.top < innerHeight && box.left < innerWidth;
    return {
      label: element.id ? `#${element.id}` : element.localName,
      first,
      visible: outlined || style.boxShadow !== (globalThis.restingShadows.get(element) ?? 'none'),
      uncovered: onScreen && Boolean(top) && (element.contains(top) || top.contains(element)),
    };
  });
}

function checkFocus({ label, visible, uncovered }) {
  expect(visible, `${label} shows no focus indicator`);
  expect(uncovered, `${label} is off the screen or covered while it has the focus`);
}

async function tabTo(id) {
  for (let presses = 0; presses < 80; presses += 1) {
    const focus = await focused();
    if (focus?.label === id) {
      checkFocus(focus);
      return;
    }
    await page.keyboard.press('Tab');
  }
  throw new Failure(`${id} cannot be reached with Tab`);
}

async function setChecked(id, wanted) {
  if ((await page.locator(id).isChecked()) === wanted) return;
  await tabTo(id);
  await page.keyboard.press('Space');
  expect((await page.locator(id).isChecked()) === wanted, `Space does not switch ${id}`);
}

async function choose(id, wanted) {
  const select = page.locator(id);
  if ((await select.inputValue()) === wanted) return;
  await tabTo(id);
  const [from, to] = await select.evaluate(
    (element, value) => [
      element.selectedIndex,
      Array.from(element.options).findIndex((option) => option.value === value),
    ],
    wanted,
  );
  for (let moves = Math.abs(to - from); moves > 0; moves -= 1) {
    await page.keyboard.press(to > from ? 'ArrowDown' : 'ArrowUp');
  }
  expect((await select.inputValue()) === wanted, `the arrow keys do not choose ${wanted}`);
}

/** Presses a key on a control and waits for the requests that it caused. */
async function press(id, key) {
  await tabTo(id);
  const before = sent;
  await page.keyboard.press(key);
  await until(() => sent > before && pending === 0, () => `${key} on ${id} led to no answer`);
  // The page shows a response only after it has arrived.
  await page.waitForTimeout(50);
}

// The scenario's two kinds of step.

async function getToken(name, { kind, scope }) {
  doing = `get ${name}`;
  await choose('#kind', kind);
  await setChecked('#scope-reports', scope);
  const before = await page.locator('#token').inputValue();
  await press('#get-token', 'Enter');
  let token;
  await until(async () => {
    token = await page.locator('#token').inputValue();
    return token && token !== before;
  }, () => '#token shows no new token');
  const parts = token.split('.');
  expect(parts.length === 3 && parts.every(Boolean), `#token is not a signed token: ${token}`);
  const [header, claims] = parts.slice(0, 2).map((part) => {
    try {
      return JSON.parse(Buffer.from(part, 'base64url'));
    } catch {
      throw new Failure(`#token holds a part that is not JSON: ${part}`);
    }
  });
  await expectText('#token-header', header.alg);
  for (const wanted of ['iss', 'aud', 'exp', claims.sub]) await expectText('#token-claims', wanted);
  steps.push({ step: name, announced: await announced() });
  expectNoTrouble();
  return { header, claims };
}

async function call(route, expected) {
  const sends = (await page.locator('#send-token').isChecked()) ? 'the token' : 'no token';
  doing = `call /${route} with ${sends}, after ${steps.at(-1)?.step}`;
  await press(`#call-${route}`, steps.length % 2 ? 'Space' : 'Enter');
  let results;
  let wrong;
  await until(async () => {
    results = await readResults();
    wrong =
      FRAMEWORKS.map((name) => mismatch(name, results[name], expected)).find(Boolean) ??
      difference(results);
    return !wrong;
  }, () => wrong);
  const shown = results[FRAMEWORKS[0]];
  steps.push({ step: `/${route} with ${sends}`, ...shown, announced: await announced() });
  expectNoTrouble();
}

async function readResults() {
  const results = {};
  for (const framework of FRAMEWORKS) {
    results[framework] = {};
    for (const part of PARTS) {
      const text = await page.locator(`#${framework}-${part}`).textContent();
      results[framework][part] = text.trim();
    }
  }
  return results;
}

function mismatch(name, result, expected) {
  const shown = `${name} shows ${JSON.stringify(result)}`;
  if (Number(/\b\d{3}\b/.exec(result.status)) !== expected.status) {
    return `${shown}, not status ${expected.status}`;
  }
  if (!expected.challenge && /Bearer/i.test(result.challenge)) return `${shown}: a challenge`;
  const lacking = expected.challenge?.find((pattern) => !pattern.test(result.challenge));
  if (lacking) return `${shown}: the challenge does not match ${lacking}`;
  if (expected.notChallenge?.test(result.challenge)) {
    return `${shown}: the challenge matches ${expected.notChallenge}`;
  }
  if (expected.status === 200 && !result.body) return `${shown}: no body`;
  if (expected.body && !expected.body.test(result.body)) {
    return `${shown}: the body does not match ${expected.body}`;
  }
  if (expected.notBody?.test(result.body)) return `${shown}: the body matches ${expected.notBody}`;
  return undefined;
}

/** Names the first difference between the frameworks' results. */
function difference(results) {
  const [first, second] = FRAMEWORKS;
  const part = PARTS.find((name) => results[first][name] !== results[second][name]);
  return (
    part &&
    `the ${part} differs: ${first} ${results[first][part]}, ${second} ${results[second][part]}`
  );
}

async function announced() {
  let text;
  await until(async () => {
    text = (await page.locator('#announce').textContent()).trim();
    return text;
  }, () => '#announce says nothing');
  return text;
}

async function expectText(id, wanted) {
  let text;
  await until(async () => {
    text = await page.locator(id).textContent();
    return text.includes(wanted);
  }, () => `${id} does not mention ${wanted}: ${text.trim()}`);
}

// Helpers.

function scopes({ claims }) {
  const scope = claims.scope ?? claims.scp ?? [];
  return Array.isArray(scope) ? scope : scope.split(' ');
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
  console.error(`browser: ${doing}: ${error instanceof Failure ? error.message : error.stack}`);
  for (const trouble of troubles) {
    if (!error.message.includes(trouble)) console.error(`browser: ${trouble}`);
  }
  if (screenshot && page) {
    await page.screenshot({ path: screenshot, fullPage: true, timeout: 5_000 }).catch(() => {});
  }
  await quit(browser);
}
