// Uses an application in Chromium while it's deployed with other cookies.
//
//   node deployment.mjs 3000 3001
//
// The arguments are pairs of ports: of a process with the earlier settings, and of one with the later ones. This script serves both
// at app.shop.example over TLS, one after the other. It prints one line of JSON with its results and exits 0. If something fails, it
// explains that on standard error and exits 1. The environment variable CHROMIUM names the browser. Default: /usr/bin/chromium.

import { createServer } from 'node:https';
import { launch, quit, start } from './chromium.mjs';
import { certificate, pass } from './over-tls.mjs';

const processes = process.argv.slice(2).map((port) => new URL(`http://127.0.0.1:${port}`));
const TOTAL_MS = 150_000;

let browser;
/** The process that answers now. */
let current;

await start(run, fail, TOTAL_MS);

async function run() {
  const server = createServer(certificate('*.shop.example'), (request, response) => pass(current, request, response));
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  const app = `https://app.shop.example:${server.address().port}/me`;
  browser = await launch('--host-resolver-rules=MAP *.shop.example 127.0.0.1');
  const results = [];
  while (processes.length > 0) results.push(await deploy(app, processes.shift(), processes.shift()));
  console.log(JSON.stringify(results));
  await browser.close();
  server.close();
}

async function deploy(app, before, after) {
  const seen = {};
  current = before;
  const user = await visitor(app);
  seen.continued = [await user.say('login')];
  current = after;
  seen.continued.push(await user.say('me'), await user.say('refresh'), await user.say('refresh'), await user.say('me'));
  seen['logged out'] = { said: [await user.say('logout'), await user.say('me'), await user.say('refresh')], left: await user.left() };
  current = before;
  seen['logged out']['rolled back'] = await user.say('me');

  const hasty = await visitor(app);
  await hasty.say('login');
  current = after;
  seen['logged out at once'] = { said: [await hasty.say('logout'), await hasty.say('me'), await hasty.say('refresh')], left: await hasty.left() };

  current = before;
  const other = await visitor(app);
  await other.say('login');
  current = after;
  const said = [];
  for (const what of ['login', 'refresh', 'me', 'logout', 'me']) said.push(await other.say(what));
  const left = await other.left();
  current = before;
  seen['logged in again'] = { said, left, 'rolled back': await other.say('me') };
  return seen;
}

/** Opens a separate browser profile, whose `say` sends a request from a page and returns the text or the status. */
async function visitor(app) {
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  const page = await context.newPage();
  await page.goto(app);
  const paths = { login: '/login', refresh: '/auth/refresh', logout: '/auth/refresh/logout' };
  const say = (what) => page.evaluate(async (path) => {
    const value = document.cookie.match(/(?:^|; )(?:__Host-|__Secure-)?csrf=([^;]*)/)?.[1] ?? '';
    const answer = await (path ? fetch(path, { method: 'POST', headers: { 'x-csrf-token': value } }) : fetch('/me'));
    return answer.status === 200 && !path ? answer.text() : `${answer.status}`;
  }, paths[what]);
  return { say, left: async () => (await context.cookies()).map(({ name }) => name) };
}

async function fail(error) {
  console.error(`deployment: ${error.stack}`);
  await quit(browser);
}
