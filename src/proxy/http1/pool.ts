import { failure } from "../../failure.ts";
import {
  UPSTREAM_CLOSE_MARGIN_MS,
  UPSTREAM_CONNECTION_LIFE_MS,
  UPSTREAM_IDLE_CONNECTION_MS,
  UPSTREAM_SWEEP_MS,
} from "../../limits.ts";
import type { Clock } from "../../ops/clock.ts";
import type { Dial } from "../dial.ts";
import { type ConnectionOwner, Http1Connection } from "./connection.ts";
import { Exchange, type ExchangeOwner } from "./exchange.ts";
import type { ConnectionCount, UpstreamRequest } from "../upstream.ts";

/** How many connections there are, and how long exchanges take. */
export interface PoolOptions {
  /** Text between the origin and every target. */
  readonly prefix: string;
  /** Total time of an exchange in milliseconds, the response's body included. */
  readonly timeoutMs: number;
  /** How long a stream of events may be silent, in milliseconds. */
  readonly idleTimeoutMs: number;
  /**
   * Time from the last byte of the request to the head of the final response, in milliseconds; looked
   * at every quarter of a second. Infinity where the total time alone bounds it.
   */
  readonly headTimeoutMs: number;
  /** The same for a request that asks for another protocol. */
  readonly handshakeTimeoutMs: number;
  /** Whether a connection carries one exchange after another. */
  readonly reuse: boolean;
  /** Most connections at once, those of others in `connections` included. */
  readonly maxConnections: number;
  /** Where this pool counts its connections, besides others. */
  readonly connections: ConnectionCount;
  /** Most exchanges that wait for one of them to become free. */
  readonly maxQueued: number;
  /**
   * How long an exchange runs before its client's leaving is watched for, in milliseconds; looked
   * at every quarter of a second. 0 watches from the start.
   */
  readonly watchClientAfterMs: number;
}

/** How many connections a pool has. */
export interface PoolStats {
  /** All of them, those that speak another protocol now included. */
  readonly open: number;
  /** Those that wait for a request. */
  readonly idle: number;
}

/** Carries exchanges over as few connections as it can, the one used last first. */
export class Http1Pool implements ConnectionOwner, ExchangeOwner {
  readonly prefix: string;
  readonly #options: PoolOptions;
  readonly #dial: Dial;
  readonly #clock: Clock;
  readonly #connections = new Set<Http1Connection>();
  /** The one used last is the last. */
  readonly #idle: Http1Connection[] = [];
  /** Exchanges without a connection, the oldest first. */
  readonly #waiting: Exchange[] = [];
  #dialling = 0;
  #running = 0;
  #closed = false;
  /** The time on the monotonic clock, at most `UPSTREAM_SWEEP_MS` old while exchanges run. */
  #now = 0;
  #stopSweeping: (() => void) | undefined;

  constructor(options: PoolOptions, dial: Dial, clock: Clock) {
    this.prefix = options.prefix;
    this.#options = options;
    this.#dial = dial;
    this.#clock = clock;
  }

  /** Carries a request as soon as there is a connection for it. */
  carry(request: UpstreamRequest): Exchange {
    const now = this.#now = this.#clock.monotonic();
    const { timeoutMs, maxQueued, watchClientAfterMs } = this.#options;
    const exchange = new Exchange(request, now, timeoutMs, this);
    if (this.#running++ === 0) this.#sweepLater();
    if (watchClientAfterMs === 0 || request.upgrade === true) {
      exchange.watchClient();
      if (exchange.over) return exchange;
    }
    const connection = this.#takeIdle(now);
    if (connection !== undefined) connection.start(exchange);
    else if (this.#mayConnect()) {
      this.#waiting.push(exchange);
      void this.#connect();
    } else if (this.#waiting.length - this.#dialling < maxQueued) this.#waiting.push(exchange);
    else exchange.giveUp(failure("upstream_busy", "no connection is free"));
    return exchange;
  }

  /** Closes idle connections; the others close when they are free. */
  close(): void {
    this.#closed = true;
    for (const connection of this.#idle.splice(0)) connection.destroy();
  }

  stats(): PoolStats {
    return { open: this.#connections.size, idle: this.#idle.length };
  }

  ready(connection: Http1Connection): void {
    const now = this.#now;
    const worn = now - connection.openedAt >= UPSTREAM_CONNECTION_LIFE_MS;
    if (worn || (connection.used && !this.#options.reuse)) return connection.destroy();
    const next = this.#waiting.shift();
    if (next !== undefined) return connection.start(next);
    if (this.#closed) return connection.destroy();
    connection.idleSince = now;
    this.#idle.push(connection);
  }

  gone(connection: Http1Connection): void {
    this.#connections.delete(connection);
    this.#options.connections.open--;
    const at = this.#idle.indexOf(connection);
    if (at !== -1) this.#idle.splice(at, 1);
    this.#connectMore();
  }

  retry(exchange: Exchange): void {
    exchange.retried = true;
    exchange.carrier = undefined;
    exchange.headDeadline = undefined;
    this.#waiting.unshift(exchange);
    // Not one of the idle ones: they may be as stale.
    this.#connectMore();
  }

  lasts(exchange: Exchange): void {
    exchange.deadline = this.#clock.monotonic() + this.#options.idleTimeoutMs;
  }

  over(exchange: Exchange): void {
    if (exchange.carrier === undefined) {
      const at = this.#waiting.indexOf(exchange);
      if (at !== -1) this.#waiting.splice(at, 1);
    }
    if (--this.#running > 0) return;
    this.#stopSweeping?.();
    this.#stopSweeping = undefined;
  }

  #mayConnect(): boolean {
    const { connections, maxConnections } = this.#options;
    return connections.open + connections.opening < maxConnections;
  }

  #takeIdle(now: number): Http1Connection | undefined {
    for (;;) {
      const connection = this.#idle.pop();
      if (connection === undefined || !isExpired(connection, now)) return connection;
      connection.destroy();
    }
  }

  /** Opens connections for those that wait, as far as that is allowed. */
  #connectMore(): void {
    while (this.#waiting.length > this.#dialling && this.#mayConnect()) void this.#connect();
  }

  async #connect(): Promise<void> {
    const { connections } = this.#options;
    this.#dialling++;
    connections.opening++;
    const dialled = await this.#dial();
    this.#dialling--;
    connections.opening--;
    if (dialled.ok) {
      connections.open++;
      const connection = new Http1Connection(dialled.value, this.#clock.monotonic(), this);
      this.#connections.add(connection);
      this.ready(connection);
    } else this.#waiting.shift()?.giveUp(dialled.failure);
    this.#connectMore();
  }

  #sweepLater(): void {
    this.#stopSweeping = this.#clock.after(UPSTREAM_SWEEP_MS, () => this.#sweep());
  }

  /** Gives up what takes too long and closes what has waited too long. */
  #sweep(): void {
    const now = this.#now = this.#clock.monotonic();
    this.#sweepLater();
    for (const { exchange, sent } of [...this.#connections]) {
      if (exchange === undefined) continue;
      if (sent) exchange.headDeadline ??= now + this.#headTimeoutMs(exchange);
      this.#check(exchange, now);
    }
    for (const exchange of [...this.#waiting]) this.#check(exchange, now);
    for (const connection of this.#idle.filter((one) => isExpired(one, now))) connection.destroy();
    // Another pool's connection may have made room.
    this.#connectMore();
  }

  #headTimeoutMs({ request }: Exchange): number {
    const { headTimeoutMs, handshakeTimeoutMs } = this.#options;
    return request.upgrade === true ? handshakeTimeoutMs : headTimeoutMs;
  }

  #check(exchange: Exchange, now: number): void {
    const { deadline, headDeadline = Infinity, responded } = exchange;
    const late = now >= deadline || (now >= headDeadline && !responded);
    if (late) exchange.giveUp(failure("upstream_timeout"));
    else if (now - exchange.began >= this.#options.watchClientAfterMs) exchange.watchClient();
  }
}

/** Whether an idle connection is not to be used again. */
function isExpired({ openedAt, idleSince, idleSecs }: Http1Connection, now: number): boolean {
  const announced = idleSecs === undefined ? Infinity : idleSecs * 1000 - UPSTREAM_CLOSE_MARGIN_MS;
  return now - openedAt >= UPSTREAM_CONNECTION_LIFE_MS ||
    now - idleSince > Math.min(UPSTREAM_IDLE_CONNECTION_MS, Math.max(announced, 0));
}
