// An OpenID Connect provider for the end-to-end tests.
//
// It listens on a free port of 127.0.0.1, makes new signing keys at each
// start and prints one line of JSON on standard output when it is ready. Then
// it answers each line on standard input with one line of JSON:
//
//   id_token            {"id_token": "..."}: an ID token for `client_id`
//   user_token RS256    {"access_token": "..."}: an access token for that
//                       resource whose subject is a person, not the client
//   resource URL SCOPE  {"scopes": {"URL": "SCOPE"}}: the provider knows another
//                       resource with these scopes, whose algorithm is RS256
//   log_out URI SESSION {"logged_out": true}: `client_id`, whose address for
//                       back-channel logout this is, has confirmed that the
//                       user is logged out of this session
//   requests            {"requests": {"/jwks": 2, ...}}: how often discovery,
//                       the key set and the token endpoint were asked for
//   rotate              {"keys": {"RS256": "kid", ...}}: the keys were replaced
//
// It answers a line that fails with {"error": "..."}. It exits when standard
// input closes, so keep that open. Diagnostics go to standard error.

import { Console } from 'node:console';
import { createHash, generateKeyPair, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

import { Provider, errors } from 'oidc-provider';

import { signInAt } from './sign-in.mjs';

// Standard output is only for the protocol above.
globalThis.console = new Console(process.stderr, process.stderr);
process.stdout.on('error', () => process.exit(1));

const KEY_TYPES = {
  RS256: ['rsa', { modulusLength: 2048 }],
  PS256: ['rsa', { modulusLength: 2048 }],
  ES256: ['ec', { namedCurve: 'P-256' }],
  EdDSA: ['ed25519', {}],
};
const ALGORITHMS = Object.keys(KEY_TYPES);
const RESOURCES = Object.fromEntries(
  ALGORITHMS.map((alg) => [alg, `https://${alg.toLowerCase()}.api.example`]),
);
const OTHER_RESOURCE = 'https://other.example';
const ALGORITHM_OF = new Map([
  ...ALGORITHMS.map((alg) => [RESOURCES[alg], alg]),
  [OTHER_RESOURCE, 'RS256'],
]);

const SCOPE = 'reports:read reports:write';
const scopes = {};
const TOKEN_SECONDS = 300;
const REQUEST_MS = 10_000;

const CLIENT_ID = 'reports-service';
const CLIENT_SECRET = randomBytes(32).toString('hex');
const PUBLIC_CLIENT_ID = 'reports-browser';
const REDIRECT_URI = 'https://client.example/callback';
const USER = { sub: 'user-1815', name: 'Ada' };

const host = '127.0.0.1';
const cookieKeys = [randomBytes(32).toString('hex')];
const requests = {
  '/.well-known/openid-configuration': 0,
  '/jwks': 0,
  '/token': 0,
};
let keys;
let provider;
let handle;

const server = createServer((request, response) => {
  const { pathname } = new URL(request.url, issuer);
  if (pathname in requests) requests[pathname] += 1;
  handle(request, response);
});
// Longer than any test, so that no pooled connection is closed while in use.
server.keepAliveTimeout = 600_000;
server.listen(0, host);
await once(server, 'listening');
const issuer = `http://${host}:${server.address().port}`;

await useNewKeys();
reply({
  issuer,
  token_endpoint: `${issuer}/token`,
  jwks_uri: `${issuer}/jwks`,
  client_id: CLIENT_ID,
  client_secret: CLIENT_SECRET,
  public_client_id: PUBLIC_CLIENT_ID,
  resources: RESOURCES,
  other_resource: OTHER_RESOURCE,
  scope: SCOPE,
  user: USER,
  keys: keyIds(),
});

for await (const line of createInterface({ input: process.stdin })) {
  try {
    reply(await answer(line.trim()));
  } catch (error) {
    console.error(error);
    reply({ error: error.message });
  }
}
process.exit(0);

function reply(value) {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

async function answer(line) {
  const [command, ...args] = line.split(/\s+/);
  switch (command) {
    case 'id_token': {
      const { id_token } = await signIn({ clientId: CLIENT_ID, clientSecret: CLIENT_SECRET });
      return { id_token };
    }
    case 'user_token': {
      const resource = RESOURCES[args[0]];
      if (!resource) throw new Error(`user_token takes one of ${ALGORITHMS.join(', ')}`);
      const { access_token } = await signIn({ clientId: PUBLIC_CLIENT_ID, resource });
      return { access_token };
    }
    case 'resource': {
      const [resource, ...names] = args;
      ALGORITHM_OF.set(resource, 'RS256');
      scopes[resource] = names.join(' ');
      return { scopes };
    }
    case 'log_out': {
      const client = await provider.Client.find(CLIENT_ID);
      client.backchannelLogoutUri = args[0];
      client.backchannelLogoutSessionRequired = true;
      await client.backchannelLogout(USER.sub, args[1]);
      return { logged_out: true };
    }
    case 'requests':
      return { requests };
    case 'rotate':
      await useNewKeys();
      return { keys: keyIds() };
    default:
      throw new Error(`unknown command: ${line}`);
  }
}

/** Replaces every signing key: the old ones are no longer published. */
async function useNewKeys() {
  keys = await Promise.all(
    ALGORITHMS.map(async (alg) => {
      const { privateKey } = await promisify(generateKeyPair)(...KEY_TYPES[alg]);
      const kid = `${alg.toLowerCase()}-${randomBytes(6).toString('hex')}`;
      return { ...privateKey.export({ format: 'jwk' }), kid, alg, use: 'sig' };
    }),
  );
  provider = new Provider(issuer, configuration());
  provider.on('server_error', (_ctx, error) => console.error(error));
  handle = provider.callback();
}

function keyIds() {
  return Object.fromEntries(keys.map(({ alg, kid }) => [alg, kid]));
}

function configuration() {
  return {
    jwks: { keys },
    cookies: { keys: cookieKeys },
    clients: [
      {
        client_id: CLIENT_ID,
        client_secret: CLIENT_SECRET,
        token_endpoint_auth_method: 'client_secret_basic',
        grant_types: ['client_credentials', 'authorization_code'],
        response_types: ['code'],
        redirect_uris: [REDIRECT_URI],
        id_token_signed_response_alg: 'RS256',
      },
      {
        client_id: PUBLIC_CLIENT_ID,
        token_endpoint_auth_method: 'none',
        grant_types: ['authorization_code'],
        response_types: ['code'],
        redirect_uris: [REDIRECT_URI],
        id_token_signed_response_alg: 'RS256',
      },
    ],
    scopes: ['openid', 'profile'],
    claims: { openid: ['sub'], profile: ['name'] },
    // Claims of the granted scopes go into the ID token too.
    conformIdTokenClaims: false,
    findAccount: (_ctx, accountId) =>
      accountId === USER.sub ? { accountId, claims: () => USER } : undefined,
    extraTokenClaims: () => ({ name: USER.name }),
    // Without the dispatcher, because that refuses addresses on this machine.
    fetch: (url, { dispatcher, ...options }) => fetch(url, options),
    features: {
      backchannelLogout: { enabled: true },
      clientCredentials: { enabled: true },
      devInteractions: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo(_ctx, resource) {
          const alg = ALGORITHM_OF.get(resource);
          if (!alg) throw new errors.InvalidTarget();
          return {
            scope: scopes[resource] ?? SCOPE,
            audience: resource,
            accessTokenTTL: TOKEN_SECONDS,
            accessTokenFormat: 'jwt',
            jwt: { sign: { alg } },
          };
        },
        useGrantedResource: () => true,
      },
    },
    ttl: {
      AccessToken: TOKEN_SECONDS,
      ClientCredentials: TOKEN_SECONDS,
      Grant: TOKEN_SECONDS,
      IdToken: TOKEN_SECONDS,
      Interaction: TOKEN_SECONDS,
      Session: TOKEN_SECONDS,
    },
  };
}

/** The authorization code flow with PKCE, for both browser and client. */
async function signIn({ clientId, clientSecret, resource }) {
  const verifier = randomBytes(32).toString('base64url');
  const state = randomBytes(16).toString('base64url');
  const query = new URLSearchParams({
    client_id: clientId,
    response_type: 'code',
    redirect_uri: REDIRECT_URI,
    scope: resource ? 'openid reports:read' : 'openid profile',
    state,
    nonce: randomBytes(16).toString('base64url'),
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    ...(resource && { resource }),
  });

  const result = await signInAt(`${issuer}/auth?${query}`, REDIRECT_URI, USER.sub);
  if (result.get('state') !== state) throw new Error('the provider returned another state');
  if (!result.has('code')) throw new Error(`no code: ${result}`);

  const fields = new URLSearchParams({
    grant_type: 'authorization_code',
    code: result.get('code'),
    redirect_uri: REDIRECT_URI,
    code_verifier: verifier,
    ...(!clientSecret && { client_id: clientId }),
  });
  const headers = clientSecret && {
    authorization: `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`,
  };
  const response = await fetch(`${issuer}/token`, {
    method: 'POST',
    body: fields,
    headers,
    signal: AbortSignal.timeout(REQUEST_MS),
  });
  if (!response.ok) throw new Error(`token endpoint: ${response.status} ${await response.text()}`);
  return response.json();
}
