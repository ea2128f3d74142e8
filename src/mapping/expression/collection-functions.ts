/** Functions of multi-valued attributes. */
import { ArgumentProblem } from './expression-error.ts';
import { countAt, eager, type FunctionDefinition, itemsAt, prepared, textAt } from './function-definition.ts';
import { createTextBuilder, findText } from './text-builder.ts';

const attribute = { name: 'attribute', type: 'list' } as const;

export const collectionFunctions: readonly FunctionDefinition[] = [
  {
    name: 'Count',
    parameters: [attribute],
    gives: 'number',
    deterministic: true,
    about: 'How many values a multi-valued attribute has.',
    example: {
      expression: 'Count([otherMails])',
      inputs: { otherMails: ['john@fabrikam.com', 'jd@fabrikam.com'] },
      output: '2',
    },
    build: eager((values) => itemsAt(values, 0).length),
  },
  {
    name: 'Item',
    parameters: [attribute, { name: 'index', type: 'number' }],
    gives: 'text',
    deterministic: true,
    about: 'One value of a multi-valued attribute, counted from 1; null where there is none.',
    example: {
      expression: 'Item([proxyAddresses], 1)',
      inputs: { proxyAddresses: ['SMTP:john@contoso.com', 'smtp:jd@contoso.com'] },
      output: 'SMTP:john@contoso.com',
    },
    build: prepared((call) => {
      const constant = call.constants[1];
      if (typeof constant === 'bigint') checkIndex(Number(constant));
      return (values) => {
        const index = countAt(values, 1);
        if (index === null) return null;
        checkIndex(index);
        return itemsAt(values, 0)[index - 1] ?? null;
      };
    }),
  },
  {
    name: 'Join',
    parameters: [
      { name: 'separator', type: 'text' },
      { name: 'source', type: 'list', repeated: true },
    ],
    gives: 'text',
    deterministic: true,
    about:
      'The sources with the separator between them, of a multi-valued one all values. Null and empty ones are skipped.',
    example: {
      expression: 'Join(", ", "", [surname], [givenName])',
      inputs: { givenName: 'John', surname: 'Doe' },
      output: 'Doe, John',
    },
    build: eager((values, scope) => {
      const separator = textAt(values, 0) ?? '';
      const result = createTextBuilder(scope.spend);
      let first = true;
      for (let index = 1; index < values.length; index += 1) {
        for (const item of itemsAt(values, index)) {
          if (item === '') continue;
          if (!first) result.append(separator);
          result.append(item);
          first = false;
        }
      }
      return result.text();
    }),
  },
  {
    name: 'RemoveDuplicates',
    parameters: [attribute],
    gives: 'list',
    deterministic: true,
    about: 'The values of a multi-valued attribute, each once.',
    example: {
      expression: 'Join(" ", RemoveDuplicates([otherMails]))',
      inputs: { otherMails: ['a@contoso.com', 'b@contoso.com', 'a@contoso.com'] },
      output: 'a@contoso.com b@contoso.com',
    },
    build: eager((values) => [...new Set(itemsAt(values, 0))]),
  },
  {
    name: 'Split',
    parameters: [
      { name: 'source', type: 'text' },
      { name: 'delimiter', type: 'text' },
    ],
    gives: 'list',
    deterministic: true,
    about: 'The parts of a text between the delimiters, without the blanks around them, as a multi-valued attribute.',
    example: {
      expression: 'Item(Split([extensionAttribute5], ","), 2)',
      inputs: { extensionAttribute5: 'PermissionSetOne, PermissionSetTwo' },
      output: 'PermissionSetTwo',
    },
    build: eager((values, scope) => {
      const [text, delimiter] = [textAt(values, 0), textAt(values, 1) ?? ''];
      if (text === null) return null;
      if (text === '') return [];
      if (delimiter === '') return [text.trim()];
      const parts: string[] = [];
      let from = 0;
      for (;;) {
        const at = findText(text, delimiter, from, scope.spend);
        parts.push(text.slice(from, at === -1 ? undefined : at).trim());
        if (at === -1) return parts;
        from = at + delimiter.length;
      }
    }),
  },
];

function checkIndex(index: number): void {
  if (index < 1) throw new ArgumentProblem('InvalidArgument', 'The first value has the index 1.', 1);
}
