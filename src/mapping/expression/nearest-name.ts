/** The known name that was probably meant. */

/**
 * The name with the smallest edit distance, letters compared without case; none where even the best differs in more
 * than a third of its letters.
 */
export function nearestName(name: string, known: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = Number.POSITIVE_INFINITY;
  for (const candidate of known) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best !== undefined && bestDistance <= Math.max(1, Math.floor(best.length / 3)) ? best : undefined;
}

function editDistance(one: string, other: string): number {
  let previous = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (let row = 1; row <= one.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= other.length; column += 1) {
      const same = one[row - 1] === other[column - 1] ? 0 : 1;
      const [above, left, corner] = [previous[column] ?? 0, current[column - 1] ?? 0, previous[column - 1] ?? 0];
      current.push(Math.min(above + 1, left + 1, corner + same));
    }
    previous = current;
  }
  return previous.at(-1) ?? 0;
}
