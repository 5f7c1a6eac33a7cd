// Verifies tokens with jose and with express-oauth2-jwt-bearer in its strict
// mode, which is that of RFC 9068.
//
// Reads a JSON array of issuers from standard input and prints, for each
// library, issuer and token, the subject or the error:
//
//   {"jose": {"ES256": {"good": "joe", "expired": "ERR_JWT_EXPIRED"}}}

import { text } from 'node:stream/consumers';

import oauth2 from 'express-oauth2-jwt-bearer';
import { createRemoteJWKSet, jwtVerify } from 'jose';

function jose({ issuer, audience, algorithms, jwks_uri, secret }) {
  const keys = secret ? Buffer.from(secret, 'base64url') : createRemoteJWKSet(new URL(jwks_uri));
  const options = { issuer, audience, algorithms, requiredClaims: ['exp', 'iat', 'sub', 'jti'] };
  return async (token) => (await jwtVerify(token, keys, options)).payload.sub;
}

function express({ issuer, audience, algorithms, secret }) {
  const source = secret
    ? { issuer, secret: Buffer.from(secret, 'base64url'), tokenSigningAlg: algorithms[0] }
    : { issuerBaseURL: issuer };
  const middleware = oauth2.auth({ ...source, audience, strict: true });
  return async (token) => {
    const headers = { authorization: `Bearer ${token}`, host: 'api.example' };
    const request = { method: 'GET', protocol: 'https', originalUrl: '/', headers, query: {} };
    request.get = (name) => headers[name.toLowerCase()];
    request.is = () => false;
    await new Promise((resolve, reject) => {
      middleware(request, {}, (error) => (error ? reject(error) : resolve()));
    });
    return request.auth.payload.sub;
  };
}

const issuers = JSON.parse(await text(process.stdin));
const answer = {};
for (const [library, verifier] of Object.entries({ jose, 'express-oauth2-jwt-bearer': express })) {
  answer[library] = {};
  for (const issuer of issuers) {
    const verify = verifier(issuer);
    const outcomes = {};
    for (const [name, token] of Object.entries(issuer.tokens)) {
      try {
        outcomes[name] = await verify(token);
      } catch (error) {
        outcomes[name] = library === 'jose' ? error.code : error.message;
      }
    }
    answer[library][issuer.name] = outcomes;
  }
}
process.stdout.write(`${JSON.stringify(answer)}\n`);
