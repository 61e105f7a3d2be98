/**
 * The few assertions the tests use, over Node's `assert` module (part of the runtime).
 */
import { deepStrictEqual, match, ok, rejects, strictEqual, throws } from "node:assert/strict";

/** Fails unless `actual` deeply and strictly equals `expected`. */
export function assertEquals<T>(actual: T, expected: T, message?: string): void {
  deepStrictEqual(actual, expected, message);
}

/** Fails unless `condition` holds. */
export function assert(condition: unknown, message?: string): asserts condition {
  ok(condition, message);
}

/** Fails unless `text` contains `part`. */
export function assertIncludes(text: string, part: string, message?: string): void {
  ok(
    text.includes(part),
    message ?? `expected ${JSON.stringify(text)} to include ${JSON.stringify(part)}`,
  );
}

/** Fails if `text` contains `part`. */
export function assertExcludes(text: string, part: string, message?: string): void {
  ok(
    !text.includes(part),
    message ?? `expected ${JSON.stringify(text)} not to include ${JSON.stringify(part)}`,
  );
}

export {
  match as assertMatch,
  rejects as assertRejects,
  strictEqual as assertIs,
  throws as assertThrows,
};
