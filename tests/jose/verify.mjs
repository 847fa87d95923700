// Asks jose about tokens: {keySet, issuer, audience, tokens} comes in, {name: {header, claims} or {refused}} goes out.
import { webcrypto } from 'node:crypto';
import { text } from 'node:stream/consumers';
import { createRemoteJWKSet, jwtVerify } from 'jose';

globalThis.crypto ??= webcrypto; // Node 18

const { keySet, issuer, audience, tokens } = JSON.parse(await text(process.stdin));
const keys = createRemoteJWKSet(new URL(keySet));
const demands = { issuer, audience, typ: 'at+jwt', algorithms: ['ES256'], requiredClaims: ['sub', 'sid', 'jti', 'iat', 'exp'] };

async function opinion(token) {
  try {
    const { payload, protectedHeader } = await jwtVerify(token, keys, demands);
    return { header: protectedHeader, claims: payload };
  } catch (error) {
    return { refused: error.code };
  }
}

const opinions = {};
for (const [name, token] of Object.entries(tokens)) opinions[name] = await opinion(token);
console.log(JSON.stringify(opinions));
