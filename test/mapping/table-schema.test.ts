import { expect, test } from 'vitest';
import { renderTableSchema } from '../../src/mapping/table-schema.ts';

test('config/schemas/attributes.schema.json says what the table takes', async () => {
  await expect(renderTableSchema()).toMatchFileSnapshot('../../config/schemas/attributes.schema.json');
});
