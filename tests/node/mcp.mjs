// A client of the Model Context Protocol that knows only the address of a
// server and its own client ID, and gets a token by itself.
//
//   node mcp.mjs SERVER CLIENT_ID PERSON
//
// It signs in as PERSON, calls every tool of the server, and prints one line
// of JSON:
//
//   {"called": {"read": "...", ...}, "requests": ["POST /mcp 401", ...]}

import { UnauthorizedError } from '@modelcontextprotocol/sdk/client/auth.js';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

import { signInAt } from './sign-in.mjs';

const [server, client_id, person] = process.argv.slice(2);

const REDIRECT_URI = 'https://client.example/callback';
let tokens;
let verifier;
let code;
const authProvider = {
  redirectUrl: REDIRECT_URI,
  clientMetadata: {
    client_name: 'end-to-end',
    redirect_uris: [REDIRECT_URI],
    grant_types: ['authorization_code'],
    response_types: ['code'],
    token_endpoint_auth_method: 'none',
  },
  clientInformation: () => ({ client_id }),
  tokens: () => tokens,
  saveTokens: (got) => {
    tokens = got;
  },
  codeVerifier: () => verifier,
  saveCodeVerifier: (made) => {
    verifier = made;
  },
  redirectToAuthorization: async (url) => {
    code = (await signInAt(url, REDIRECT_URI, person)).get('code');
  },
};

const requests = [];
let transport;
function newTransport() {
  transport = new StreamableHTTPClientTransport(new URL(server), {
    authProvider,
    fetch: async (url, init) => {
      const response = await fetch(url, init);
      requests.push(`${init?.method ?? 'GET'} ${new URL(url).pathname} ${response.status}`);
      return response;
    },
  });
  return transport;
}

/** Runs `action`, and once more after signing in if the server asks for that. */
async function signedIn(action) {
  try {
    return await action();
  } catch (error) {
    if (!(error instanceof UnauthorizedError)) throw error;
    await transport.finishAuth(code);
    return action();
  }
}

const client = new Client({ name: 'end-to-end', version: '1' });
await signedIn(() => client.connect(newTransport()));
const called = {};
for (const { name } of (await client.listTools()).tools) {
  const { content } = await signedIn(() => client.callTool({ name, arguments: {} }));
  called[name] = content[0].text;
}
await client.close();
process.stdout.write(`${JSON.stringify({ called, requests })}\n`);
