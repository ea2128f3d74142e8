/** Sends PATCH requests in the dialect that the server takes, which is learned where it was neither forced nor tried out. */
import { isSuccess, pathOf } from './answers.ts';
import { type Dialect, dialects, hasBooleansAsText, hasCapitals, type PatchOperation, patchBody } from './patch.ts';
import type { ScimAnswer, ScimClient } from './scim-client.ts';

interface Sent {
  readonly answer: ScimAnswer;
  /** As they were sent. */
  readonly operations: readonly PatchOperation[];
}

export interface PatchSender {
  readonly dialect: Dialect;
  /** Resolves with the first refusal where no dialect is taken. */
  send(id: string, operationsIn: (dialect: Dialect) => readonly PatchOperation[]): Promise<Sent>;
}

/** @param certain whether the dialect was forced or tried out, and no other may be tried */
export function createPatchSender(client: ScimClient, first: Dialect, certain: boolean): PatchSender {
  let dialect = first;
  // Apart, since a success shows how Booleans are taken only if there was one.
  let casingKnown = certain;
  let booleansKnown = certain;

  const possible = (candidate: Dialect) =>
    !(casingKnown && hasCapitals(candidate) !== hasCapitals(dialect)) &&
    !(booleansKnown && hasBooleansAsText(candidate) !== hasBooleansAsText(dialect));

  const learn = (taken: Dialect, operations: readonly PatchOperation[]) => {
    if (!possible(taken)) return;
    dialect = taken;
    casingKnown = true;
    booleansKnown ||= operations.some(({ path }) => path === 'active');
  };

  return {
    get dialect() {
      return dialect;
    },
    send: async (id, operationsIn) => {
      const tried = new Set<string>();
      let refused: Sent | undefined;
      // Looked at anew each time: others learn at the same time.
      const untried = () =>
        [dialect, ...dialects].find(
          (candidate) => possible(candidate) && !tried.has(JSON.stringify(operationsIn(candidate))),
        );
      for (let candidate: Dialect | undefined = dialect; candidate !== undefined; candidate = untried()) {
        const operations = operationsIn(candidate);
        tried.add(JSON.stringify(operations));
        const answer = await client.request('PATCH', pathOf(id), { body: patchBody(operations) });
        if (isSuccess(answer)) learn(candidate, operations);
        if (answer.status !== 400) return { answer, operations };
        refused ??= { answer, operations };
      }
      if (refused === undefined) throw new Error('A PATCH without a dialect cannot be.');
      return refused;
    },
  };
}
