/** What readers do not see when they try a mapping: values under Redact, and who or what is not in the mirror. */
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { addPerson } from '../pipeline/people.ts';
import { openConsoleWorld } from './console-world.ts';
import { bearer, operatorToken, readerToken, tokenSettings } from './sign-in-with-token.ts';

const attributes = `attributes:
  - { target: userName, source: userPrincipalName, matching: 1 }
  - { target: active, source: not IsSoftDeleted }
  - { target: title, source: city }
  - { target: userType, expression: 'Redact([mobilePhone])' }
`;
const secret = '+49 1700 123';

async function openHiding() {
  const opened = await openConsoleWorld(1, { settings: tokenSettings, config: { attributes } });
  const { tenant, ids, world, console } = opened;
  tenant.users.update(ids[0] ?? '', { mobilePhone: secret, city: 'Łódź', faxNumber: '555' });
  const stranger = addPerson(tenant, { faxNumber: '666' }, false);
  await world.sync();
  const as = (token: string) => ({
    page: async (path: string, fields: Record<string, string>) =>
      (await console.post(path, fields, { headers: bearer(token) })).text(),
    api: async (body: object) => {
      const headers = { ...bearer(token), 'Content-Type': 'application/json' };
      const answer = await console.fetch('/api/mapping/test', { method: 'POST', body: JSON.stringify(body), headers });
      return z.record(z.string(), z.unknown()).parse(await answer.json());
    },
  });
  const audited = async () =>
    (await world.pool.query('select actor, action, subject from maptician_sync.audit order by id')).rows;
  return { ...opened, user: ids[0] ?? '', stranger, reader: as(readerToken), operator: as(operatorToken), audited };
}

describe('an expression that a reader tries', () => {
  it('does not show, and does not even evaluate, what the table in use hides', async () => {
    const { user, reader, operator } = await openHiding();
    const expression = 'IIF([mobilePhone] = "x", Word([city], 1, "z"), [mobile])';
    for (const tried of [expression, 'CDate([mobilePhone])']) {
      expect(await reader.api({ expression: tried, user })).toMatchObject({ result: '[Redact]', type: 'hidden' });
      expect(await reader.page('/mapping/test', { expression: tried, user })).not.toContain(secret);
    }
    expect(await reader.api({ expression, user })).toMatchObject({
      read: { mobilePhone: '[Redact]', mobile: '[Redact]', city: 'Łódź' },
    });
    const byHand = { expression: 'Append([mobilePhone], [city])', user, values: { mobilePhone: '1 ' } };
    expect(await reader.api(byHand)).toMatchObject({ result: '1 Łódź', read: { mobilePhone: '1 ' } });
    expect(await operator.api({ expression: '[mobilePhone]', user })).toMatchObject({ result: secret });
  });

  it('does not show what it hides itself', async () => {
    const { user, reader, operator } = await openHiding();
    const expression = 'Redact(ToUpper([city]))';
    const tried = { result: '[Redact]', type: 'text', redacted: true, read: { city: '[Redact]' } };
    expect(await reader.api({ expression, user })).toEqual(tried);
    expect(await reader.page('/mapping/test', { expression, user })).not.toMatch(/łódź/i);
    expect(await operator.api({ expression, user })).toEqual({ ...tried, result: 'ŁÓDŹ', read: { city: 'Łódź' } });
  });

  it('reads nobody and nothing that is not in the mirror, and what an operator reads there is written down', async () => {
    const { tenant, user, stranger, reader, operator, audited } = await openHiding();
    const name = tenant.users.get(stranger)?.properties.userPrincipalName ?? '';
    const expression = 'ToUpper([faxNumber])';
    for (const someone of [stranger, name]) {
      expect(await reader.page('/mapping/test', { expression, user: someone })).toContain('Nobody of whom cycles');
    }
    expect(JSON.stringify(await reader.api({ expression, user: stranger }))).toContain('Nobody of whom cycles');
    expect(JSON.stringify(await reader.api({ expression, user }))).toContain('Cycles do not read faxNumber');
    expect(await operator.api({ expression, user })).toMatchObject({ result: '555' });
    expect(await audited()).toEqual([]);

    expect(await operator.api({ expression, user: stranger })).toMatchObject({ result: '666' });
    expect(await operator.page('/mapping/test', { expression, user: name })).toContain('666');
    const entry = { actor: 'operator token (console)', action: 'mapping test' };
    expect(await audited()).toEqual([
      { ...entry, subject: `user ${stranger}` },
      { ...entry, subject: 'user by name' },
    ]);
  });
});

describe('a preview that a reader asks for', () => {
  it('reads what the table in use hides only where that table does', async () => {
    const { reader, operator } = await openHiding();
    const other = attributes.replace('source: city', 'source: mobilePhone');
    const filters = 'filters: [{ title: a, clauses: [{ attribute: mobilePhone, operator: EQUALS, value: x }] }]';
    const forms = [
      { attributes: other, filters: '' },
      { attributes, filters },
    ];
    for (const form of forms) {
      const refused = await reader.page('/mapping/preview', form);
      expect(refused).toContain('reads mobilePhone, which the attribute table in use hides');
      expect(refused).not.toContain('Would be done');
      expect(await operator.page('/mapping/preview', form)).toContain('Would be done');
    }
    const harmless = { attributes: attributes.replace('source: city', 'source: not accountEnabled'), filters: '' };
    expect(await reader.page('/mapping/preview', { ...harmless, attributes })).toContain('Would be done: nothing');
  });
});
