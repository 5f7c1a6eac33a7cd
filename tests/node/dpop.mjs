// Two DPoP clients against the services of the end-to-end tests: `oauth4webapi`, which repeats a request with the nonce that it
// gets by itself, and `dpop`, whose proofs are sent by hand.
//
// Reads one line of JSON on standard input: the provider's data, the client's, and the services' URLs. Prints one line of JSON:
// for each service and client the statuses, and what happens to a stolen token.

import { once } from 'node:events';
import { createInterface } from 'node:readline';

import * as dpop from 'dpop';
import * as oauth from 'oauth4webapi';

const [line] = await once(createInterface({ input: process.stdin }), 'line');
const { issuer, client_id, client_secret, resource, scope, services } = JSON.parse(line);

const insecure = { [oauth.allowInsecureRequests]: true };
const server = await oauth
  .discoveryRequest(new URL(issuer), insecure)
  .then((response) => oauth.processDiscoveryResponse(new URL(issuer), response));
const client = { client_id };
const authentication = oauth.ClientSecretBasic(client_secret);

/** Gets a token that is bound to this key. The provider may ask for a nonce. */
async function token(DPoP) {
  const parameters = new URLSearchParams({ resource, scope });
  for (let attempt = 0; ; attempt += 1) {
    const response = await oauth.clientCredentialsGrantRequest(server, client, authentication, parameters, {
      ...insecure,
      DPoP,
    });
    try {
      const result = await oauth.processClientCredentialsResponse(server, client, response);
      if (result.token_type.toLowerCase() !== 'dpop') throw new Error(result.token_type);
      return result.access_token;
    } catch (error) {
      if (attempt === 0 && oauth.isDPoPNonceError(error)) continue;
      throw error;
    }
  }
}

/** Sends a request with `oauth4webapi`, and again if the service asks for a nonce. Returns how often, and the status. */
async function request(accessToken, url, DPoP) {
  for (let attempts = 1; ; attempts += 1) {
    try {
      const response = await oauth.protectedResourceRequest(accessToken, 'GET', new URL(url), undefined, undefined, {
        ...insecure,
        DPoP,
      });
      return { attempts, status: response.status };
    } catch (error) {
      if (attempts === 1 && oauth.isDPoPNonceError(error)) continue;
      return { attempts, status: error.response?.status ?? error.status, error: error.code ?? String(error) };
    }
  }
}

const results = [];
for (const url of services) {
  for (const algorithm of ['ES256', 'Ed25519']) {
    const keyPair = await oauth.generateKeyPair(algorithm);
    const DPoP = oauth.DPoP(client, keyPair);
    const accessToken = await token(DPoP);
    const first = await request(accessToken, `${url}?page=2`, DPoP);
    const second = await request(accessToken, url, DPoP);
    results.push({ url, client: `oauth4webapi ${algorithm}`, first, second });
    const stolen = await fetch(url, { headers: { authorization: `Bearer ${accessToken}` } });
    const thief = oauth.DPoP(client, await oauth.generateKeyPair(algorithm));
    results.push({ url, client: 'thief', bearer: stolen.status, other_key: await request(accessToken, url, thief) });
  }

  const keyPair = await dpop.generateKeyPair('ES256');
  const accessToken = await token(oauth.DPoP(client, keyPair));
  const send = async (nonce) => {
    const proof = await dpop.generateProof(keyPair, url, 'GET', nonce, accessToken);
    const headers = { authorization: `DPoP ${accessToken}`, dpop: proof };
    return [await fetch(url, { headers }), await fetch(url, { headers })];
  };
  const [asked] = await send();
  const nonce = asked.headers.get('dpop-nonce');
  const challenge = asked.headers.get('www-authenticate');
  const [accepted, repeated] = await send(nonce ?? undefined);
  results.push({
    url,
    client: 'dpop',
    asked: asked.status,
    challenge,
    accepted: accepted.status,
    body: await accepted.json(),
    repeated: repeated.status,
  });
}
process.stdout.write(`${JSON.stringify(results)}\n`);
process.exit(0);
