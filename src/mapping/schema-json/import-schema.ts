/** From Microsoft's synchronization schema to the two files of `config/`. */
import { SyncError } from '../../errors.ts';
import type { ObjectActions } from '../attribute-table.ts';
import { type AttributePath, readAttributePath } from '../maptician-user.ts';
import { importAttributes, type TargetDefinition } from './import-attributes.ts';
import { importFilters } from './import-filters.ts';
import {
  type ObjectMappingJson,
  readSynchronizationSchema,
  type SynchronizationRuleJson,
  type SynchronizationSchemaJson,
} from './synchronization-schema.ts';
import { attributesYaml, filtersYaml } from './yaml-text.ts';

/** What was carried over, and what was not. */
export interface ImportedSchema {
  /** The text of config/attributes.yaml. */
  readonly attributes: string;
  /** The text of config/scoping-filters.yaml. */
  readonly filters: string;
  /** What has no equal here, and what was put in its place; for people. */
  readonly notes: readonly string[];
}

interface Candidate {
  readonly rule: SynchronizationRuleJson;
  readonly mapping: ObjectMappingJson;
}

/**
 * Carries over the mapping of Entra users to users of the app.
 * @param json the parsed file
 * @throws SyncError Misconfigured, naming every problem, where it is no such schema or maps no users
 */
export function importSchema(json: unknown): ImportedSchema {
  const schema = readSynchronizationSchema(json);
  const { chosen, notes } = chooseMapping(schema);
  const { rule, mapping } = chosen;
  const attributes = importAttributes(mapping.attributeMappings, definitionsOf(schema, rule, mapping));
  const filters = importFilters(mapping.scope);
  const actions = importActions(mapping.flowTypes);
  if (mapping.enabled === false) notes.push('The mapping of users is switched off in Entra; here it is on.');
  return {
    attributes: attributesYaml(attributes.rows, actions),
    filters: filtersYaml(filters),
    notes: [...notes, ...attributes.notes, ...filters.notes],
  };
}

function chooseMapping({ synchronizationRules }: SynchronizationSchemaJson): { chosen: Candidate; notes: string[] } {
  const all = synchronizationRules.flatMap((rule) => rule.objectMappings.map((mapping) => ({ rule, mapping })));
  const candidates = all
    .filter(
      ({ rule, mapping }) => fromEntra(rule) && isUser(mapping.sourceObjectName) && isUser(mapping.targetObjectName),
    )
    .toSorted(
      (one, other) =>
        Number(other.mapping.enabled !== false) - Number(one.mapping.enabled !== false) ||
        (one.rule.priority ?? 0) - (other.rule.priority ?? 0),
    );
  const [chosen] = candidates;
  if (chosen === undefined) {
    const found = all.map(({ mapping }) => nameOf(mapping)).join(', ') || 'none';
    throw new SyncError(
      'Misconfigured',
      `The synchronization schema maps no users from Entra to an app (object mappings: ${found}). Download it on the Provisioning page of the Maptician enterprise application.`,
    );
  }
  const others = all.filter(({ mapping }) => mapping !== chosen.mapping);
  return { chosen, notes: others.map(({ rule, mapping }) => leftOut(rule, mapping)) };
}

function leftOut(rule: SynchronizationRuleJson, mapping: ObjectMappingJson): string {
  const state = mapping.enabled === false ? ', switched off,' : '';
  const reason = !fromEntra(rule)
    ? 'it does not go from Entra to the app'
    : isUser(mapping.sourceObjectName)
      ? 'another mapping of users goes first'
      : 'only users are provisioned';
  return `The mapping ${nameOf(mapping)}${state} is left out: ${reason}.`;
}

function nameOf({ name, sourceObjectName, targetObjectName }: ObjectMappingJson): string {
  const objects = `${sourceObjectName ?? '?'} → ${targetObjectName ?? '?'}`;
  return name ? `"${name}" (${objects})` : objects;
}

/** Only a schema that reads from an app has Entra as its target. */
function fromEntra({ sourceDirectoryName, targetDirectoryName }: SynchronizationRuleJson): boolean {
  const isEntra = (name: string | null | undefined) => /azure active directory|entra|^aad/i.test(name ?? '');
  return isEntra(sourceDirectoryName) || !isEntra(targetDirectoryName);
}

/** `User`, and `urn:ietf:params:scim:schemas:extension:enterprise:2.0:User`. */
function isUser(objectName: string | null | undefined): boolean {
  return /(?:^|:)users?$/i.test(objectName ?? '');
}

function importActions(flowTypes: string | null | undefined): ObjectActions {
  const on = flowTypes?.split(',').map((type) => type.trim().toLowerCase());
  const has = (type: string) => on === undefined || on.includes(type);
  return { create: has('add'), update: has('update'), delete: has('delete') };
}

function definitionsOf(
  { directories }: SynchronizationSchemaJson,
  rule: SynchronizationRuleJson,
  mapping: ObjectMappingJson,
): ReadonlyMap<AttributePath, TargetDefinition> {
  const directory = directories.find(({ name }) => name === rule.targetDirectoryName);
  const object = directory?.objects.find(({ name }) => name === mapping.targetObjectName);
  return new Map(
    (object?.attributes ?? []).flatMap(({ name, required, flowNullValues }) => {
      const read = readAttributePath(name);
      if ('problem' in read) return [];
      return [[read.path, { required: required === true, flowNullValues: flowNullValues === true }]] as const;
    }),
  );
}
