// Makes tokens with a key of jose's own: {claims} comes in, {key, good, bad: {name: token}} goes out.
import { webcrypto } from 'node:crypto';
import { text } from 'node:stream/consumers';
import {
  CompactSign, EncryptJWT, FlattenedSign, GeneralSign, SignJWT, UnsecuredJWT,
  exportJWK, exportSPKI, generateKeyPair, importJWK,
} from 'jose';

globalThis.crypto ??= webcrypto; // Node 18

const { claims } = JSON.parse(await text(process.stdin));
const header = { alg: 'ES256', kid: 'horatio', typ: 'at+jwt' };
const bytes = new TextEncoder().encode(JSON.stringify(claims));
const now = Math.floor(Date.now() / 1000);

const ours = await generateKeyPair('ES256', { extractable: true });
const others = {
  ES256: await generateKeyPair('ES256'),
  ES384: await generateKeyPair('ES384'),
  PS256: await generateKeyPair('PS256'),
  EdDSA: await generateKeyPair('EdDSA'),
};
const publicJwk = await exportJWK(ours.publicKey);
const publicPem = new TextEncoder().encode(await exportSPKI(ours.publicKey));

const signed = (change = {}, protectedHeader = header, key = ours.privateKey) =>
  new SignJWT({ ...claims, ...change }).setProtectedHeader(protectedHeader).sign(key);
const without = (name) => Object.fromEntries(Object.entries(header).filter(([key]) => key !== name));
const part = (content) => Buffer.from(JSON.stringify(content)).toString('base64url');

const toEncryptWith = await importJWK(publicJwk, 'ECDH-ES');
const unencoded = await new FlattenedSign(bytes)
  .setProtectedHeader({ ...header, b64: false, crit: ['b64'] }).sign(ours.privateKey);

const bad = {
  'of another key': await signed({}, header, others.ES256.privateKey),
  'ES384': await signed({}, { ...header, alg: 'ES384' }, others.ES384.privateKey),
  'PS256': await signed({}, { ...header, alg: 'PS256' }, others.PS256.privateKey),
  'EdDSA': await signed({}, { ...header, alg: 'EdDSA' }, others.EdDSA.privateKey),
  'HS256 with the public key': await signed({}, { ...header, alg: 'HS256' }, publicPem),
  'unsecured': new UnsecuredJWT(claims).encode(),
  'unsecured under our header': `${part({ ...header, alg: 'none' })}.${part(claims)}.`,
  'typ JWT': await signed({}, { ...header, typ: 'JWT' }),
  'typ missing': await signed({}, without('typ')),
  'kid missing': await signed({}, without('kid')),
  'kid unknown': await signed({}, { ...header, kid: 'yorick' }),
  'jwk in the header': await signed({}, { ...header, jwk: publicJwk }),
  'another issuer': await signed({ iss: 'https://evil.example' }),
  'another audience': await signed({ aud: 'somebody-else' }),
  'an audience of two': await signed({ aud: [claims.aud, 'somebody-else'] }),
  'expired': await signed({ iat: now - 700, exp: now - 60 }),
  'not valid yet': await signed({ nbf: now + 120 }),
  'for a year': await signed({ iat: now, exp: now + 31536000 }),
  'without subject': await signed({ sub: undefined }),
  'unencoded payload': `${unencoded.protected}..${unencoded.signature}`,
  'JSON, flattened': JSON.stringify(
    await new FlattenedSign(bytes).setProtectedHeader(header).sign(ours.privateKey)),
  'JSON, general': JSON.stringify(
    await new GeneralSign(bytes).addSignature(ours.privateKey).setProtectedHeader(header).sign()),
  'encrypted to our key': await new EncryptJWT(claims)
    .setProtectedHeader({ alg: 'ECDH-ES', enc: 'A128GCM', kid: 'horatio', typ: 'at+jwt' }).encrypt(toEncryptWith),
  'a text in place of claims': await new CompactSign(new TextEncoder().encode('"hamlet"'))
    .setProtectedHeader(header).sign(ours.privateKey),
};

console.log(JSON.stringify({
  key: { ...publicJwk, kid: header.kid, alg: header.alg, use: 'sig' },
  good: await signed(),
  bad,
}));
