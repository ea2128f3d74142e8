/** A certificate for the sandbox's https, made anew at every start and trusted by nobody else. */
import { randomUUID } from 'node:crypto';
import { generate } from 'selfsigned';

export interface Certificate {
  /** PEM; it is its own authority. */
  readonly cert: string;
  /** PEM. */
  readonly key: string;
}

/** Self-signed, for localhost, 127.0.0.1 and ::1, good for a month. */
export async function createCertificate(): Promise<Certificate> {
  const day = 24 * 60 * 60 * 1000;
  // Authorities are looked up by name: with one name for all, a process could trust a single sandbox only.
  const name = [
    { name: 'commonName', value: 'localhost' },
    { name: 'organizationName', value: `sandbox ${randomUUID()}` },
  ];
  const pems = await generate(name, {
    keyType: 'ec',
    algorithm: 'sha256',
    // A clock that is a little behind would not trust a certificate from the future.
    notBeforeDate: new Date(Date.now() - day),
    notAfterDate: new Date(Date.now() + 365 * day),
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      {
        name: 'subjectAltName',
        altNames: [
          { type: 2, value: 'localhost' },
          { type: 7, ip: '127.0.0.1' },
          { type: 7, ip: '::1' },
        ],
      },
    ],
  });
  return { cert: pems.cert, key: pems.private };
}
