// This is a module, so it’s in strict mode and defines nothing global. dpop.js uses its exports.

export const $ = (id) => document.getElementById(id);
const WAIT = 10_000;
const SCOPE = "reports:read";
const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

const MESSAGES = {
  valid: "Here is a fresh, valid token.",
  expired: "Here is a genuine token that has already expired.",
  tampered: "Here is a token that this page changed by one letter after it was signed.",
};

// The servers’ addresses and the tokens they accept. /demo.json sets them before anything is called.
export let demo = { axum: location.origin, actix: null, issuer: null, audience: null, embedded: true };
let clocks = []; // the times on the page, for texts like "in 9 minutes"
let tokenRun = 0; // if requests overlap, only the last one is shown
let callRun = 0;

/* Small things */

export function announce(text) {
  // Screen readers don’t repeat an unchanged message, so a space makes it different.
  $("announce").textContent = $("announce").textContent === text ? text + "\u00a0" : text;
}

export const say = (id, text) => Object.assign($(id), { textContent: text });
const element = (name, text, className = "") => Object.assign(document.createElement(name), { textContent: text, className });
const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

export async function request(url, options = {}) {
  const settings = { cache: "no-store", credentials: "omit", signal: AbortSignal.timeout(WAIT), ...options };
  const response = await fetch(url, settings);
  return { response, text: await response.text() };
}

export function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/* Tokens */

function decode(segment) {
  try {
    const binary = atob(segment.replaceAll("-", "+").replaceAll("_", "/"));
    const bytes = Uint8Array.from(binary, (letter) => letter.charCodeAt(0));
    const value = parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

const currentToken = () => $("token").value.trim().replace(/^bearer\s+/i, "").replace(/\s+/g, "");

// Changes one letter of the payload. It picks a letter that changes a single claim and keeps it readable, so that
// only the signature shows the change.
function tamper(token) {
  const [header, payload, signature] = token.split(".");
  const claims = decode(payload);
  const names = Object.keys(claims ?? {});
  const middle = Math.floor(payload.length / 2);
  const swap = (at, letter) => payload.slice(0, at) + letter + payload.slice(at + 1);
  const whole = (changed) => [header, changed, signature].join(".");

  for (let at = middle; at < payload.length * 0.9; at += 1) {
    for (const letter of LETTERS) {
      const after = letter === payload[at] ? undefined : decode(swap(at, letter));
      if (!after || Object.keys(after).join() !== names.join()) continue;
      const [claim, another] = names.filter((name) => JSON.stringify(after[name]) !== JSON.stringify(claims[name]));
      const readable = typeof after[claim] === "string" && /^[\x20-\x7e]+$/.test(after[claim]);
      if (readable && !another) return { token: whole(swap(at, letter)), claim };
    }
  }
  return { token: whole(swap(middle, payload[middle] === "A" ? "B" : "A")), claim: null };
}

async function getToken() {
  const run = (tokenRun += 1);
  await ready;
  const kind = $("kind").value;
  const form = new URLSearchParams({ grant_type: "client_credentials" });
  if ($("scope-reports").checked) form.set("scope", SCOPE);
  if ($("name").value.trim()) form.set("name", $("name").value.trim());
  if (kind === "expired") form.set("lifetime", "-3600");

  let problem = "";
  let token = "";
  try {
    const { response, text } = await request("/dev-issuer/token", { method: "POST", body: form });
    const answer = parse(text);
    if (response.ok && typeof answer?.access_token === "string") token = answer.access_token;
    else problem = `the issuer answered ${statusOf(response)}${answer?.error ? ` (${answer.error})` : ""}.`;
  } catch (error) {
    problem = `the issuer at ${location.origin} ${whyNoAnswer(error)}.`;
  }
  if (run !== tokenRun) return;

  let message = `No new token: ${problem}`;
  if (token) {
    message = MESSAGES[kind];
    const { token: shown, claim } = kind === "tampered" ? tamper(token) : { token, claim: null };
    $("token").value = shown;
    showToken(claim);
  }
  say("token-message", message);
  announce(message);
}

/* Looking inside */

function showToken(changed = null) {
  const token = currentToken();
  const parts = token ? token.split(".") : [];
  const readable = parts.length === 3;
  const header = readable ? decode(parts[0]) : undefined;
  const claims = readable ? decode(parts[1]) : undefined;

  let message = "These are the values of the token above.";
  if (!token) message = "The values appear when you have a token.";
  else if (parts.length === 5) message = "This is an encrypted token, with five parts. It can’t be read here.";
  else if (!readable) message = "This isn’t a JSON Web Token, which has three parts separated by dots.";
  else if (!header || !claims) message = `The ${header ? "claims" : "header"} can’t be read: expected JSON in base64url.`;
  else if (changed) message = `One letter of “${changed}” was changed, so the signature is no longer valid.`;
  say("parts-message", message);

  ["raw-header", "raw-claims", "raw-signature"].forEach((id, index) => {
    say(id, (readable && parts[index]) || "–");
  });
  clocks = [];
  fill($("token-header"), header, null);
  fill($("token-claims"), claims, changed);
  if ($("axum").dataset.tone) say("last-call", $("last-call").textContent.replace(/(, before .*)?$/, ", before this token"));
}

function fill(list, values, changed) {
  for (const row of list.querySelectorAll("[data-extra]")) row.remove();
  const known = new Set();
  for (const row of list.children) {
    const name = row.dataset.name;
    known.add(name);
    showValue(row.querySelector(".value"), name, values, changed);
  }
  for (const name of Object.keys(values ?? {})) {
    if (known.has(name)) continue;
    const row = element("div", "");
    const value = element("dd", "", "value");
    row.dataset.extra = "";
    row.append(element("dt", name, "extra"), value, element("dd", "Added by the issuer; this page can’t explain it."));
    showValue(value, name, values, changed);
    list.append(row);
  }
}

function showValue(target, name, values, changed) {
  const present = values !== undefined && Object.hasOwn(values, name);
  const value = present ? values[name] : values ? "not in this token" : "–";
  target.classList.toggle("absent", !present);
  target.textContent = typeof value === "string" ? value : JSON.stringify(value);
  if (!present) return;

  const note = (text) => target.appendChild(element("span", text, "note"));
  if (["exp", "iat", "nbf"].includes(name) && typeof value === "number" && Math.abs(value) < 8e12) {
    clocks.push({ node: note(""), name, moment: value });
    tick();
  }
  const expected = (name === "iss" && demo.issuer) || (name === "aud" && demo.audience);
  if (expected) note([value].flat().includes(expected) ? "✓ as the servers expect" : `✕ the servers expect ${expected}`);
  if (name === changed) note("✕ changed after signing");
}

function relative(seconds) {
  const units = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];
  const [unit, size] = units.find(([, length]) => Math.abs(seconds) >= length * 0.99) ?? ["second", 1];
  return new Intl.RelativeTimeFormat("en", { numeric: "always" }).format(Math.round(seconds / size), unit);
}

function tick() {
  const format = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "long" });
  for (const { node, name, moment } of clocks) {
    const left = moment - Date.now() / 1000;
    const over = name === "exp" && left <= 0 ? ", expired" : "";
    const text = `${format.format(moment * 1000)} (${relative(left)}${over})`;
    if (node.textContent !== text) node.textContent = text;
  }
}

/* Calling the servers */

export const statusOf = (response) => `${response.status} ${response.statusText}`.trim();

export function whyNoAnswer(error) {
  return error?.name === "TimeoutError" ? "didn’t answer within ten seconds" : "can’t be reached, or doesn’t allow this page to read its answers";
}

export async function ask(server, path, token, headers = token ? { Authorization: `Bearer ${token}` } : {}) {
  const base = server === "axum" ? "" : demo.actix;
  const nothing = { server, status: 0, label: "not reachable", challenge: "none", body: "empty" };
  if (base === null) return { ...nothing, why: "has an address that this page doesn’t know" };
  if (/[^\x21-\x7e]/.test(token)) return { ...nothing, label: "not sent", why: "wasn’t called, because the token contains characters that can’t be sent in a header" };
  try {
    const { response, text } = await request(base + path, { headers });
    const value = parse(text);
    return {
      server,
      status: response.status,
      label: statusOf(response),
      challenge: response.headers.get("WWW-Authenticate") || "none",
      body: value === undefined ? text.trim() || "empty" : JSON.stringify(value, null, 2),
    };
  } catch (error) {
    return { ...nothing, why: whyNoAnswer(error) };
  }
}

function showAnswer(answer) {
  const refused = answer.status >= 400 && answer.status < 500;
  $(answer.server).dataset.tone = answer.status >= 200 && answer.status < 300 ? "good" : refused ? "refused" : "bad";
  say(`${answer.server}-challenge`, answer.challenge);
  say(`${answer.server}-body`, answer.body);
  say(`${answer.server}-status`, answer.label);
}

function challengeFields(challenge) {
  const fields = {};
  for (const [, name, quoted, bare] of challenge.matchAll(/([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))/g)) {
    fields[name.toLowerCase()] ??= quoted === undefined ? bare : quoted.replace(/\\(.)/g, "$1");
  }
  return fields;
}

function meaning(answer, path, sent) {
  const { status, why } = answer;
  const { error, error_description: description, scope } = challengeFields(answer.challenge);
  const reason = description ? ` The server says: “${description}”.` : "";
  if (status === 0) return `No answer: the server ${why}.`;
  if (status === 200 && path === "/public") return "200: this route is open to everyone, so a token makes no difference.";
  if (status === 200 && path === "/optional") {
    return sent ? "200: this route works with or without a token. The token tells the server your name." : "200: this route works with or without a token. Without one, you’re a guest.";
  }
  if (status === 200) {
    const extra = path === "/reports" ? `, and it has the scope ${SCOPE}` : "";
    return `200: the token is genuine, is for this server and hasn’t expired${extra}.`;
  }
  if (status === 401 && !error && !sent) return "401 without an error: no token was sent, and this route needs one.";
  if (status === 401 && error === "invalid_token") return `401 invalid_token: the server doesn’t accept this token.${reason}`;
  if (status === 403 && error === "insufficient_scope") {
    return `403 insufficient_scope: the token is valid, but it lacks the scope ${scope || "that this route needs"}.`;
  }
  if (status === 400) return `400: the server can’t read the token from the request.${reason}`;
  if (status === 503) return "503: the issuer’s keys are unavailable, so the server can’t check tokens. Try again in a moment.";
  return `${answer.label}: this page has no explanation for this answer.${reason}`;
}

// Two JSON bodies are the same answer even if their members are in another order.
function canonical(body) {
  return JSON.stringify(parse(body) ?? body, (_, value) => (isObject(value) ? Object.fromEntries(Object.entries(value).sort()) : value));
}

function compare(axum, actix) {
  const silent = [axum, actix].filter((answer) => answer.status === 0).map((answer) => answer.server);
  if (silent.length) return { tone: "bad", text: `! Nothing to compare: no answer from ${silent.join(" and ")}.` };
  if (axum.status !== actix.status) return { tone: "bad", text: "✕ The servers disagree: the status differs." };
  if (axum.challenge !== actix.challenge) return { tone: "bad", text: "✕ The servers disagree: the status is the same, but the challenge differs." };
  if (canonical(axum.body) === canonical(actix.body)) return { tone: "good", text: "✓ Both servers agree: same status, same challenge, same body." };
  return { tone: "good", text: "✓ Both servers agree: same status, same challenge. Only the bodies differ." };
}

// On a phone, the answers are below the screen when a call is tapped. With the keyboard, the page doesn’t scroll: the
// focus stays on the button, and the answer is announced.
function showAnswers() {
  const heading = $("answers");
  if (heading.getBoundingClientRect().top >= 0 && $("agreement").getBoundingClientRect().bottom <= innerHeight) return;
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  heading.scrollIntoView({ behavior: calm ? "auto" : "smooth", block: "start" });
}

async function call(path, tapped) {
  const run = (callRun += 1);
  await ready;
  const token = $("send-token").checked ? currentToken() : "";
  const quoted = token.replaceAll("'", "'\\''");
  const urls = [demo.axum, demo.actix].filter(Boolean).map((base) => base + path);
  $("curl").value = ["curl -i", ...(token ? [`-H 'Authorization: Bearer ${quoted}'`] : []), ...urls].join(" ");
  say("copy-note", "One command for both servers.");
  say("last-call", `to GET ${path}, ${token ? "with the token" : "without a token"}`);
  say("axum-status", "calling…");
  say("actix-status", "calling…");
  if (tapped) showAnswers();

  const answers = await Promise.all(["axum", "actix"].map(async (server) => {
    const answer = await ask(server, path, token);
    if (run === callRun) showAnswer(answer);
    return answer;
  }));
  if (run !== callRun) return;

  const [first, second] = answers.map((answer) => meaning(answer, path, token !== ""));
  const verdict = compare(...answers);
  say("meaning", first === second ? first : `axum: ${first} actix: ${second}`);
  say("agreement", verdict.text);
  $("agreement").dataset.tone = verdict.tone;
  announce(`GET ${path}: axum ${answers[0].label}, actix ${answers[1].label}. ${$("meaning").textContent} ${verdict.text.slice(2)}`);
}

async function copyCurl() {
  const field = $("curl");
  let note = field.value ? "Copied." : "Nothing to copy yet: call a server first.";
  try {
    if (field.value) await navigator.clipboard.writeText(field.value);
  } catch {
    field.focus();
    field.select();
    note = "Selected: press Ctrl+C, or ⌘C on a Mac, to copy.";
  }
  say("copy-note", note);
  announce(note);
}

/* Start */

async function start() {
  try {
    const { response, text } = await request("/demo.json");
    const found = parse(text);
    if (!response.ok || !isObject(found)) throw new Error(statusOf(response));
    demo = { ...demo, ...found };
  } catch {
    const problem = "The demo’s settings (/demo.json) couldn’t be read. Make sure that the demo is running, then reload the page.";
    say("page-error", problem);
    $("page-error").hidden = false;
    announce(problem);
  }
  say("axum-url", demo.axum);
  say("actix-url", demo.actix ?? "");
  if (!demo.embedded) {
    $("issuer-controls").hidden = true;
    $("token").readOnly = false;
    $("token").placeholder = "eyJ…";
    say("step-token-text", "Paste a token");
    say("token-label", "An access token from your provider");
    say("token-message", `The servers accept tokens from ${demo.issuer}. This page sends your token only to these two servers.`);
  }
}

const ready = start();
ready.then(() => demo.dpop && demo.embedded && import("/dpop.js"));
$("get-token").addEventListener("click", getToken);
$("token").addEventListener("input", () => showToken());
$("copy-curl").addEventListener("click", copyCurl);
for (const name of ["me", "reports", "public", "optional"]) {
  // `detail` counts the clicks of a pointer. It’s 0 for the keyboard.
  $(`call-${name}`).addEventListener("click", (event) => call(`/${name}`, event.detail > 0));
}
setInterval(tick, 1000);
