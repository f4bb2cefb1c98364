// oidc-provider, certified by the OpenID Foundation, as the authorization server of tests/judges/oauth2.py.
// Its one argument is a file of JSON: certificate, key, authority (PEM), clients, and the APIs that it knows.
import { createServer } from 'node:https';
import { readFileSync } from 'node:fs';
import Provider, { errors } from 'oidc-provider';

const setup = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const server = createServer({
  cert: readFileSync(setup.certificate),
  key: readFileSync(setup.key),
  ca: readFileSync(setup.authority),
  // Who shows none, or one that signs itself, is for the provider to judge.
  requestCert: true,
  rejectUnauthorized: false,
});
await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
const issuer = `https://127.0.0.1:${server.address().port}`;

const provider = new Provider(issuer, {
  clients: setup.clients,
  scopes: ['orders:read', 'orders:write'],
  clientAuthMethods: [
    'client_secret_basic', 'client_secret_post', 'private_key_jwt', 'tls_client_auth',
    'self_signed_tls_client_auth',
  ],
  enabledJWA: {
    clientAuthSigningAlgValues: ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'],
  },
  ttl: { ClientCredentials: 600 },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: (_, resource) => {
        if (!setup.resources.includes(resource)) throw new errors.InvalidTarget();
        return { scope: 'orders:read orders:write', audience: resource, accessTokenFormat: 'jwt', accessTokenTTL: 600, jwt: { sign: { alg: 'RS256' } } };
      },
    },
    mTLS: {
      enabled: true,
      certificateBoundAccessTokens: true,
      tlsClientAuth: true,
      selfSignedTlsClientAuth: true,
      getCertificate: (context) => context.socket.getPeerX509Certificate(),
      certificateAuthorized: (context) => context.socket.authorized,
      certificateSubjectMatches: (context, property, expected) =>
        property === 'tls_client_auth_san_dns' &&
        context.socket.getPeerX509Certificate().subjectAltName === `DNS:${expected}`,
    },
  },
});
provider.on('grant.error', (_, error) => console.error(error.message, error.error_description, error.error_detail));
provider.on('server_error', (_, error) => console.error(error));

server.on('request', provider.callback());
console.log(JSON.stringify({ issuer }));
