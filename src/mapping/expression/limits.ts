/** The bounds of the language and of one evaluation. With them, no expression and no value can hang or exhaust the service. */

/** Microsoft's own limit on an expression, in characters. */
export const maxExpressionLength = 10_000;

/** How deep calls, parentheses and NOT may nest; what is recursive relies on it. */
export const maxDepth = 250;

/** The longest text, and the longest sum of a multi-valued attribute's texts, in UTF-16 code units. */
export const maxTextLength = 65_536;

/** The longest pattern, in characters, and the largest program it may compile to, in instructions. */
export const maxPatternLength = 2_000;
export const maxPatternSize = 5_000;

/**
 * What one evaluation may spend: characters written, and steps of the regular expression engine. The dearest step costs
 * about 30 ns, so the worst expression ends within some 300 ms.
 */
export const maxWork = 10_000_000;
