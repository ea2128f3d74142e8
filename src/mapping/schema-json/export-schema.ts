/** From the attribute table and the scoping filters to Microsoft's synchronization schema. */
import type { ScopingFilters } from '../../scope/filters/model.ts';
import { type AttributeTable, attributesRead } from '../attribute-table.ts';
import { attributePaths } from '../maptician-user.ts';
import type { SourceAttribute } from '../source-schema.ts';
import { exportAttributes, flowTypesOf } from './export-attributes.ts';
import { exportFilters } from './export-filters.ts';
import { serviceNameOf } from './source-names.ts';

/** A schema as JSON, and what Microsoft's service would refuse or has no equal of. */
export interface ExportedSchema {
  readonly schema: object;
  readonly notes: readonly string[];
}

const entra = 'Azure Active Directory';
const maptician = 'Maptician';
/** The id of the one synchronizationRule. */
export const ruleId = 'entra-to-maptician';

/** Reading the schema back with importSchema gives a table and filters that mean the same. */
export function exportSchema(table: AttributeTable, filters: ScopingFilters): ExportedSchema {
  const notes: string[] = [];
  const attributeMappings = exportAttributes(table, notes);
  const groups = exportFilters(filters, notes);
  const schema = {
    id: 'maptician-sync',
    version: '1.0',
    synchronizationRules: [
      {
        id: ruleId,
        name: 'USER_OUTBOUND',
        priority: 1,
        editable: true,
        sourceDirectoryName: entra,
        targetDirectoryName: maptician,
        objectMappings: [
          {
            name: 'Provision Microsoft Entra users',
            enabled: true,
            flowTypes: flowTypesOf(table.actions),
            sourceObjectName: 'User',
            targetObjectName: 'User',
            scope: { groups, inputFilterGroups: [], categoryFilterGroups: [] },
            attributeMappings,
            metadata: [],
          },
        ],
      },
    ],
    directories: [
      { name: entra, objects: [{ name: 'User', attributes: attributesRead(table).map(sourceDefinition) }] },
      {
        name: maptician,
        objects: [{ name: 'User', attributes: attributePaths.map((path) => targetDefinition(path, table)) }],
      },
    ],
  };
  return { schema, notes };
}

function sourceDefinition({ name, type, multiValued }: SourceAttribute): object {
  return { name: serviceNameOf(name), type: type ?? 'String', multivalued: multiValued === true };
}

function targetDefinition(path: string, { mappings }: AttributeTable): object {
  const row = mappings.find(({ target }) => target === path);
  return {
    name: path,
    type: path === 'active' ? 'Boolean' : 'String',
    multivalued: false,
    required: row?.required === true,
    flowNullValues: row?.nulls === 'clear',
  };
}
