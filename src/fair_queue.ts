import { addressGroup, FairPlaces, type Occupant, type WaitingClient } from "./fair_places.ts";

/** Something to be done once for all requests that ask for the same. */
export interface Job<T> {
  /** What is asked for, such as a token. */
  readonly name: string;
  /** What it is done with; the same name with something else is another job. */
  readonly using: unknown;
  readonly client: WaitingClient;
  readonly work: () => Promise<T> | T;
}

/** A job that waits or is being done, and the requests that wait for it. */
interface Entry<T> extends Occupant {
  /** The job's name, or something unique where that is queued with something else already. */
  readonly name: string | symbol;
  readonly using: unknown;
  readonly work: Job<T>["work"];
  readonly requests: Set<Waiter<T>>;
  begun: boolean;
  yields: () => void;
}

interface Waiter<T> extends Occupant {
  resolve(outcome: T | undefined): void;
  reject(error: unknown): void;
}

/**
 * Jobs in the order in which they came. Requests for the same job share it. What waits is bounded, jobs
 * and requests alike, and shared fairly between addresses: one address alone never shuts another out.
 *
 * It does nothing by itself: `doNext` takes the first one and does it.
 */
export class FairQueue<T> {
  readonly #places: FairPlaces;
  readonly #requestPlaces: FairPlaces;
  /** By their names, in order; those that have begun are in front. */
  readonly #entries = new Map<string | symbol, Entry<T>>();

  /**
   * @param max how many jobs may wait at once.
   * @param maxRequests how many requests may wait for them.
   */
  constructor(max: number, maxRequests: number) {
    this.#places = new FairPlaces(max);
    this.#requestPlaces = new FairPlaces(maxRequests);
  }

  /** Queues a job, or joins the one that is there. `undefined` for one that did not get, or lost, its place. */
  add({ name, using, client, work }: Job<T>): Promise<T | undefined> {
    const group = addressGroup(client.peer.address);
    const queued = this.#entries.get(name);
    const joined = queued?.using === using ? queued : undefined;
    const entry = joined ?? this.#enter({
      name: queued === undefined ? name : Symbol(),
      group,
      using,
      work,
      requests: new Set(),
      begun: false,
      yields: () => {},
    });
    return entry === undefined ? Promise.resolve(undefined) : this.#join(entry, group);
  }

  /**
   * Does the first job that waits; `undefined` where none does.
   *
   * @returns a promise of its outcome, which is `undefined` for one that failed or that no request waits for
   * any more. It never rejects: those who wait are the ones who learn of an error.
   */
  doNext(): Promise<T | undefined> | undefined {
    for (const entry of this.#entries.values()) {
      if (!entry.begun) return this.#do(entry);
    }
    return undefined;
  }

  async #do(entry: Entry<T>): Promise<T | undefined> {
    entry.begun = true;
    this.#places.leave(entry);
    try {
      // All requests that waited for it may have yielded.
      if (entry.requests.size === 0) return undefined;
      const outcome = await entry.work();
      this.#settle(entry, (waiter) => waiter.resolve(outcome));
      return outcome;
    } catch (error) {
      this.#settle(entry, (waiter) => waiter.reject(error));
      return undefined;
    } finally {
      this.#entries.delete(entry.name);
    }
  }

  #enter(entry: Entry<T>): Entry<T> | undefined {
    entry.yields = () => {
      this.#entries.delete(entry.name);
      this.#settle(entry, (waiter) => waiter.resolve(undefined));
    };
    if (!this.#places.enter(entry)) return undefined;
    this.#entries.set(entry.name, entry);
    return entry;
  }

  #join(entry: Entry<T>, group: string): Promise<T | undefined> {
    const { promise, resolve, reject } = Promise.withResolvers<T | undefined>();
    const yields = () => {
      entry.requests.delete(waiter);
      resolve(undefined);
    };
    const waiter: Waiter<T> = { group, resolve, reject, yields };
    if (!this.#requestPlaces.enter(waiter)) return Promise.resolve(undefined);
    entry.requests.add(waiter);
    return promise;
  }

  #settle(entry: Entry<T>, tell: (waiter: Waiter<T>) => void): void {
    for (const waiter of entry.requests) {
      this.#requestPlaces.leave(waiter);
      tell(waiter);
    }
    entry.requests.clear();
  }
}
