// Shows that a token that’s bound to a key is worthless without it (RFC 9449). Loaded only if the demo runs with --dpop.

import { $, announce, ask, demo, parse, request, say, statusOf, whyNoAnswer } from "/app.js";

const SERVERS = ["axum", "actix"];
const utf8 = (text) => new TextEncoder().encode(text);
const encode = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
const json = (value) => encode(utf8(JSON.stringify(value)));

// The browser signs with the private key, but gives it to nobody, not even to this page.
async function newKey() {
  const { privateKey, publicKey } = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, false, ["sign"]);
  const { kty, crv, x, y } = await crypto.subtle.exportKey("jwk", publicKey);
  return { privateKey, jwk: { kty, crv, x, y } };
}

async function prove({ privateKey, jwk }, method, url, token) {
  const claims = { jti: crypto.randomUUID(), htm: method, htu: url, iat: Math.floor(Date.now() / 1000) };
  if (token) claims.ath = encode(await crypto.subtle.digest("SHA-256", utf8(token)));
  const input = `${json({ typ: "dpop+jwt", alg: "ES256", jwk })}.${json(claims)}`;
  const signature = await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, privateKey, utf8(input));
  return `${input}.${encode(signature)}`;
}

async function boundToken(key) {
  const proof = await prove(key, "POST", `${demo.axum}/dev-issuer/token`);
  const body = new URLSearchParams({ grant_type: "client_credentials", name: $("name").value.trim() || "Ada" });
  const { response, text } = await request("/dev-issuer/token", { method: "POST", body, headers: { DPoP: proof } });
  const answer = parse(text);
  if (!response.ok || answer?.token_type !== "DPoP") throw new Error(`answered ${statusOf(response)}`);
  return answer.access_token;
}

async function send(card, headers) {
  const answers = await Promise.all(SERVERS.map(async (server) => {
    // A proof names the address that it’s for, and each server has its own.
    const url = `${demo.public ?? demo[server]}/me`;
    return ask(server, "/me", "", await headers(url));
  }));
  for (const { server, label } of answers) say(`${card}-${server}`, label);
  say(`${card}-challenge`, answers[0].challenge);
  const accepted = answers.every(({ status }) => status === 200);
  $(card).dataset.tone = accepted ? "good" : answers.every(({ status }) => status === 401) ? "refused" : "bad";
  return answers.map(({ server, label }) => `${server} ${label}`).join(", ");
}

async function steal() {
  let message;
  try {
    const [owner, thief] = [await newKey(), await newKey()];
    const token = await boundToken(owner);
    const bound = (key) => async (url) => ({ Authorization: `DPoP ${token}`, DPoP: await prove(key, "GET", url, token) });
    const own = await send("with-proof", bound(owner));
    const bearer = await send("without-proof", async () => ({ Authorization: `Bearer ${token}` }));
    const other = await send("other-key", bound(thief));
    message = `With its own proof: ${own}. Stolen, without a proof: ${bearer}. Stolen, with a proof by another key: ${other}.`;
  } catch (error) {
    message = `No bound token: the issuer ${error.message?.startsWith("answered") ? error.message : whyNoAnswer(error)}.`;
  }
  say("stolen-message", message);
  announce(message);
}

$("steal").addEventListener("click", steal);
$("stolen").hidden = false;
$("to-stolen").hidden = false;
