/** Numbers that look random and are the same for the same seed. */

/** A stream of numbers. */
export interface Random {
  /** A number from 0 up to, not including, 1. */
  next(): number;
  /** A whole number from `min` to `max`, both included. */
  between(min: number, max: number): number;
  /** One of these. */
  pick<T>(from: readonly [T, ...T[]]): T;
  /** One of these, each as often as its weight says. */
  weighed<T>(from: readonly (readonly [T, number])[]): T;
}

/** Starts a stream (mulberry32: 32 bits of state, good enough to vary a test). */
export function makeRandom(seed: number): Random {
  let state = seed >>> 0;
  function next(): number {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  }
  return {
    next,
    between: (min, max) => min + Math.floor(next() * (max - min + 1)),
    pick: (from) => from[Math.floor(next() * from.length)] ?? from[0],
    weighed(from) {
      let left = next() * from.reduce((sum, [, weight]) => sum + weight, 0);
      for (const [value, weight] of from) {
        left -= weight;
        if (left < 0) return value;
      }
      const [first] = from;
      if (first === undefined) throw new Error("nothing to choose from");
      return first[0];
    },
  };
}
