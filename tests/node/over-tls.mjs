// Serves an application without TLS over TLS, with a certificate that is made with `openssl`.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request as forward } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Makes a certificate for a host, or for all hosts of a domain, and its key. */
export function certificate(host) {
  const folder = mkdtempSync(join(tmpdir(), 'over-tls-'));
  const [key, cert] = ['key.pem', 'cert.pem'].map((file) => join(folder, file));
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
  const names = ['-subj', '/CN=localhost', '-addext', `subjectAltName=DNS:${host}`];
  execFileSync('openssl', ['req', '-x509', ...curve, ...names, '-keyout', key, '-out', cert], { stdio: 'ignore' });
  const pair = { key: readFileSync(key), cert: readFileSync(cert) };
  rmSync(folder, { recursive: true });
  return pair;
}

/** Passes a request on to the application at an address. `seen` gets each answer before the client does. */
export function pass(target, request, response, seen = () => {}) {
  const { url, method, headers } = request;
  const onward = forward({ host: target.hostname, port: target.port, path: url, method, headers }, (answer) => {
    seen(request, answer);
    response.writeHead(answer.statusCode, answer.headers);
    answer.pipe(response);
  });
  onward.on('error', () => response.destroy());
  request.pipe(onward);
}
