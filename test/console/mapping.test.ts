/** The mapping page: the table in use, an expression tried, and a change previewed. */
import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { openConsoleWorld } from './console-world.ts';

describe('the mapping page', () => {
  it('shows the table in use, and gives it as the schema of Microsoft', async () => {
    const { console } = await openConsoleWorld(1);
    const page = await console.read('/mapping');
    expect(page).toContain('emails[type eq "work"].value mail');
    expect(page).toContain('matched by, number 1');
    expect(page).toContain('None: whoever is assigned is in scope.');
    const schema = (await (await console.fetch('/mapping/schema.json')).json()) as { synchronizationRules: unknown[] };
    expect(schema.synchronizationRules).toHaveLength(1);
  });

  it('tries an expression with values given by hand, or those of a user', async () => {
    const { world, console, tenant } = await openConsoleWorld(2);
    await world.sync();
    const [someone] = [...tenant.users.all.values()];
    const tried = async (fields: Record<string, string>) => (await console.post('/mapping/test', fields)).text();
    const byHand = await tried({ expression: 'ToUpper([city])', values: 'city=Łódź\r\n' });
    expect(byHand).toContain('&quot;ŁÓDŹ&quot;');
    const ofUser = await tried({ expression: 'Append([userPrincipalName], "!")', user: someone?.id ?? '' });
    expect(ofUser).toContain(`&quot;${someone?.properties.userPrincipalName}!&quot;`);
    expect(await tried({ expression: 'ToUpper([city]' })).toContain('role="alert"');
    expect(await tried({ expression: 'ToUpper([city])', user: 'nobody@example.com' })).toContain('Entra has no user');
    expect(await tried({ expression: '<script>' })).not.toContain('<script>');
  });

  it('previews other files, and changes nothing', async () => {
    const { world, console } = await openConsoleWorld(3);
    await world.sync();
    const { files } = await world.service();
    const attributes = await readFile(files.attributes, 'utf8');
    const filters = await readFile(files.filters, 'utf8');
    const preview = async (fields: Record<string, string>) =>
      (await console.post('/mapping/preview', { filters, ...fields })).text();

    expect(await preview({ attributes })).toContain('Would be done: nothing.');
    const changed = attributes.replace('source: jobTitle', 'constant: Cartographer');
    expect(changed).not.toBe(attributes);
    const found = await preview({ attributes: changed });
    expect(found).toContain('Would be done: 3 update');
    expect(found).toContain('Cartographer');
    expect(await preview({ attributes: attributes.replace('source: jobTitle', 'source: jobTitel') })).toContain(
      'jobTitel',
    );
    expect((await world.rows()).map(({ title }) => title)).not.toContain('Cartographer');
  });
});
