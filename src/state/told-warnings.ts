/** Whether somebody was told of what a cycle warned of, so that it is said once and not lost. */

/**
 * True in SQL where somebody was told of the warnings of the cycle with this id: a cycle may go into quarantine, or be
 * killed between its end and its notifications.
 * @param cycleId an expression of SQL
 * @param notifies whether there are channels; without any, whoever reads what a cycle said when it ended was told
 */
export function toldOfWarnings(cycleId: string, notifies: boolean): string {
  return notifies
    ? `exists (select from notifications n where n.kind = 'warning' and n.cycle_id = ${cycleId})`
    : `exists (select from cycles e where e.id = ${cycleId} and e.state in ('succeeded', 'partial'))`;
}
