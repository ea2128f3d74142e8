/** JSON schemas by which editors complete and check the files of `config/`. */
import { z } from 'zod';

/** The text of the JSON schema of a file, formatted as the rest of the repository. */
export function renderJsonSchema(schema: z.ZodType): string {
  const json = JSON.stringify(z.toJSONSchema(schema, { target: 'draft-7', io: 'input' }), null, 2);
  const shortArrays = json.replace(/^( *"\w+": )\[\n([^[\]{}]*)\n *\](,?)$/gm, (whole, key, items, comma) => {
    const line = `${key}[${items.trim().replaceAll(/,\n */g, ', ')}]${comma}`;
    return line.length <= 120 ? line : whole;
  });
  return `${shortArrays}\n`;
}
