/**
 * Names that change hands within one batch of updates. A unique index is checked row by row, so a row that gives up a
 * name someone else in the batch takes must first be out of the way.
 */

/** One row of the batch that is given a userName. Names are folded: compared as they stand. */
export interface NameChange {
  readonly id: string;
  readonly currentName: string;
  readonly wantedName: string;
  /** Who has the wanted name now, if it is somebody else; perhaps a row outside the batch. */
  readonly holder: string | undefined;
}

export interface NamePlan {
  /** The ids whose wanted name stays taken. */
  readonly conflicts: ReadonlySet<string>;
  /** The ids that must leave their name before the others are written. */
  readonly parked: ReadonlySet<string>;
}

/** Who can have the name they want. Of two that want the same, the first has it. */
export function planNameChanges(changes: readonly NameChange[]): NamePlan {
  const byId = new Map(changes.map((change) => [change.id, change]));
  const conflicts = new Set<string>();

  function leaves(id: string): boolean {
    const change = byId.get(id);
    return change !== undefined && !conflicts.has(id) && change.wantedName !== change.currentName;
  }

  // Someone who cannot leave keeps the name they have, which may stop the next: repeated until nobody is added.
  for (let before = -1; before !== conflicts.size; ) {
    before = conflicts.size;
    const claimed = new Set<string>();
    for (const { id, wantedName, holder } of changes) {
      if (conflicts.has(id)) continue;
      const taken = claimed.has(wantedName) || (holder !== undefined && !leaves(holder));
      if (taken) conflicts.add(id);
      else claimed.add(wantedName);
    }
  }
  const winners = changes.filter((change) => !conflicts.has(change.id));
  return { conflicts, parked: new Set(winners.flatMap(({ holder }) => (holder === undefined ? [] : [holder]))) };
}
