/** `mapping`: the attribute table and the scoping filters, looked at, checked, tried out, carried over and previewed. */
import type { Command } from 'commander';
import { Option } from 'commander';
import { checkMapping } from './mapping-check.ts';
import { exportMapping } from './mapping-export.ts';
import { importMapping } from './mapping-import.ts';
import { type PreviewOptions, previewMapping } from './mapping-preview.ts';
import { showMapping } from './mapping-show.ts';
import { type TestOptions, testExpression } from './mapping-test.ts';

type Exits = (run: Promise<number>) => Promise<void>;

const json = () => new Option('--json', 'print one JSON object as the last line of standard output');

/** Adds the command with its subcommands; `exits` makes a result the exit status. */
export function addMappingCommand(program: Command, exits: Exits): void {
  const mapping = program
    .command('mapping')
    .description('the attribute table and the scoping filters: show, check, test, preview, import and export them');

  mapping
    .command('show')
    .description('print the attribute table and the scoping filters that are in use')
    .addOption(json())
    .action((options: { json?: boolean }) => exits(showMapping(options)));

  mapping
    .command('check')
    .description("check them: all problems, and what Microsoft's service would refuse or treat otherwise")
    .argument('[file]', 'an attribute table or scoping filters; by default those in use')
    .action((file: string | undefined) => exits(checkMapping(file)));

  mapping
    .command('test')
    .description('evaluate an expression and show what it gives')
    .argument('<expression>', 'such as \'Join(" ", [givenName], [surname])\'')
    .option('--user <user>', 'for this user, by object id or userPrincipalName')
    .option(
      '--set <name=value>',
      'an attribute; may be repeated, and for one name gives it several values',
      collected,
      [],
    )
    .addOption(json())
    .action((expression: string, options: TestOptions) => exits(testExpression(expression, options)));

  mapping
    .command('preview')
    .description('what a changed table or changed filters would do, by what was read last; changes nothing')
    .option('--attributes <file>', 'the attribute table to try; by default the one in use')
    .option('--filters <file>', 'the scoping filters to try; by default those in use')
    .addOption(json())
    .action((options: PreviewOptions) => exits(previewMapping(options)));

  mapping
    .command('import')
    .description("carry over Microsoft's synchronization schema; prints the two files and what has no equal")
    .argument('<file>', 'the JSON that the Entra admin center downloads, or Graph gives')
    .option('--write', 'save them in config/, and keep the old ones beside as .bak')
    .action((file: string, options: { write?: boolean }) => exits(importMapping(file, options)));

  mapping
    .command('export')
    .description("print the mapping as Microsoft's synchronization schema")
    .option('--output <file>', 'write it to a new file instead')
    .action((options: { output?: string }) => exits(exportMapping(options)));
}

function collected(value: string, previous: readonly string[]): readonly string[] {
  return [...previous, value];
}
