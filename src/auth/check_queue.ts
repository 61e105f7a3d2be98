import { setImmediate } from "node:timers";
import { addressGroup, FairPlaces, type Occupant, type WaitingClient } from "../fair_places.ts";
import { CHECKS_AT_A_TIME_MS, MAX_CHECK_WAITERS } from "../limits.ts";
import type { Clock } from "../ops/clock.ts";

/** Checks a signature. */
export type Check = () => Promise<boolean> | boolean;

/** One signature to be checked. */
export interface CheckRequest {
  readonly token: string;
  /** What it is checked with; the same token with other keys is another check. */
  readonly keys: unknown;
  readonly client: WaitingClient;
  readonly check: Check;
}

/** `undefined` for a check that did not get, or lost, its place. */
type Outcome = boolean | undefined;

/** One check that waits or runs, and the requests that wait for it. */
interface Entry extends Occupant {
  /** The token, or something unique where it is queued with other keys already. */
  readonly name: string | symbol;
  readonly keys: unknown;
  readonly check: Check;
  readonly requests: Set<Waiter>;
  yields: () => void;
}

interface Waiter extends Occupant {
  resolve(outcome: Outcome): void;
  reject(error: unknown): void;
}

/**
 * Runs costly checks one at a time and yields to the event loop in between: after every failed check,
 * and every few milliseconds of successful ones. Requests with a cached token are served then, so that
 * a flood of bad tokens slows them down but does not starve them, while a burst of good tokens does not
 * pay for a yield each.
 *
 * Requests with the same token share one check. What waits is bounded, checks and requests alike, and
 * shared fairly between addresses: one address alone never shuts another out.
 */
export class CheckQueue {
  readonly #clock: Clock;
  readonly #checkPlaces: FairPlaces;
  readonly #requestPlaces = new FairPlaces(MAX_CHECK_WAITERS);
  /** By their names, in the order in which they run. */
  readonly #entries = new Map<string | symbol, Entry>();
  #running = false;

  /** @param max how many checks may wait at once. */
  constructor(max: number, clock: Clock) {
    this.#checkPlaces = new FairPlaces(max);
    this.#clock = clock;
  }

  /** Queues a check, or joins the one that is queued for the same token and keys. */
  run({ token, keys, client, check }: CheckRequest): Promise<Outcome> {
    const group = addressGroup(client.peer.address);
    const queued = this.#entries.get(token);
    const joined = queued?.keys === keys ? queued : undefined;
    const entry = joined ?? this.#enter({
      name: queued === undefined ? token : Symbol(),
      group,
      keys,
      check,
      requests: new Set(),
      yields: () => {},
    });
    if (entry === undefined) return Promise.resolve(undefined);
    const waiting = this.#join(entry, group);
    if (!this.#running) void this.#work();
    return waiting;
  }

  #enter(entry: Entry): Entry | undefined {
    entry.yields = () => {
      this.#entries.delete(entry.name);
      this.#settle(entry, (waiter) => waiter.resolve(undefined));
    };
    if (!this.#checkPlaces.enter(entry)) return undefined;
    this.#entries.set(entry.name, entry);
    return entry;
  }

  #join(entry: Entry, group: string): Promise<Outcome> {
    const { promise, resolve, reject } = Promise.withResolvers<Outcome>();
    const yields = () => {
      entry.requests.delete(waiter);
      resolve(undefined);
    };
    const waiter: Waiter = { group, resolve, reject, yields };
    if (!this.#requestPlaces.enter(waiter)) return Promise.resolve(undefined);
    entry.requests.add(waiter);
    return promise;
  }

  #settle(entry: Entry, tell: (waiter: Waiter) => void): void {
    for (const waiter of entry.requests) {
      this.#requestPlaces.leave(waiter);
      tell(waiter);
    }
    entry.requests.clear();
  }

  async #work(): Promise<void> {
    this.#running = true;
    let began = this.#clock.monotonic();
    for (let next = this.#first(); next !== undefined; next = this.#first()) {
      const right = await this.#check(next);
      if (right && this.#clock.monotonic() - began < CHECKS_AT_A_TIME_MS) continue;
      // Also with an empty queue: a check that is queued meanwhile has to wait for the yield.
      await new Promise<void>((done) => setImmediate(done));
      began = this.#clock.monotonic();
    }
    this.#running = false;
  }

  #first(): Entry | undefined {
    for (const first of this.#entries.values()) return first;
    return undefined;
  }

  async #check(entry: Entry): Promise<boolean> {
    this.#checkPlaces.leave(entry);
    try {
      // All requests that waited for it may have yielded.
      const right = entry.requests.size === 0 || await entry.check();
      this.#settle(entry, (waiter) => waiter.resolve(right));
      return right;
    } catch (error) {
      this.#settle(entry, (waiter) => waiter.reject(error));
      return false;
    } finally {
      this.#entries.delete(entry.name);
    }
  }
}
