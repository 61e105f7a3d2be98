/**
 * Bounded waiting that one client cannot fill: the one who has most yields first.
 */

/** A client whose request may have to wait. */
export interface WaitingClient {
  readonly peer: { readonly address: string };
  /** Aborts when the client leaves. Only read for a request that waits: making it costs time. */
  readonly signal: AbortSignal;
}

/** Who has a place. */
export interface Occupant {
  /** Those of one group compete with each other first, see `addressGroup`. */
  readonly group: string;
  /** Called when its place has gone to another. */
  yields(): void;
}

/** A fixed number of places. */
export class FairPlaces {
  readonly #max: number;
  readonly #groups = new Map<string, Occupant[]>();
  #taken = 0;

  constructor(max: number) {
    this.#max = max;
  }

  /**
   * Takes a place. When all are taken, the newest occupant of the largest group yields its own: that may
   * be the one who enters, who then gets none.
   *
   * @returns whether it got a place; one that did gives it back with `leave`, or loses it by `yields`.
   */
  enter(occupant: Occupant): boolean {
    if (this.#taken >= this.#max) {
      const newest = this.#newestOfLargest(occupant.group);
      if (newest === undefined) return false;
      this.leave(newest);
      newest.yields();
    }
    const group = this.#groups.get(occupant.group);
    if (group === undefined) this.#groups.set(occupant.group, [occupant]);
    else group.push(occupant);
    this.#taken++;
    return true;
  }

  /** Gives a place back; nothing happens for one that has none. */
  leave(occupant: Occupant): void {
    const group = this.#groups.get(occupant.group);
    const at = group?.indexOf(occupant) ?? -1;
    if (group === undefined || at === -1) return;
    if (group.length === 1) this.#groups.delete(occupant.group);
    else group.splice(at, 1);
    this.#taken--;
  }

  /** Who yields to a newcomer; `undefined` where the newcomer's own group would be the largest. */
  #newestOfLargest(newcomersGroup: string): Occupant | undefined {
    let largest: Occupant[] = [];
    for (const group of this.#groups.values()) if (group.length > largest.length) largest = group;
    const ownWithNewcomer = (this.#groups.get(newcomersGroup)?.length ?? 0) + 1;
    return largest.length > ownWithNewcomer ? largest.at(-1) : undefined;
  }
}

/** An IPv4 address written as IPv6 (RFC 4291, section 2.5.5.2). */
const MAPPED = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;

/**
 * What counts as one client: an IPv4 address, or the /64 network of an IPv6 address, since a client that
 * has one of its addresses has all of them (RFC 6177). Other texts stand for themselves.
 */
export function addressGroup(address: string): string {
  if (!address.includes(":")) return address;
  const mapped = MAPPED.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  const [head = "", tail] = address.toLowerCase().split("::");
  const before = head === "" ? [] : head.split(":");
  const after = tail === undefined || tail === "" ? [] : tail.split(":");
  const gap = tail === undefined ? 0 : Math.max(0, 8 - before.length - after.length);
  const groups = [...before, ...Array<string>(gap).fill("0"), ...after];
  return groups.slice(0, 4).map((hex) => hex.replace(/^0+(?=.)/, "")).join(":");
}
