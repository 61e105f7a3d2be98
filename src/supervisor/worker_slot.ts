import {
  DRAIN_GRACE_MS,
  MAX_MISSED_REPORTS,
  MAX_RESTART_PAUSE_MS,
  MIN_RESTART_PAUSE_MS,
  SCRAPE_WAIT_MS,
  STEADY_MS,
  WORKER_START_MS,
} from "../limits.ts";
import type { KeySnapshot, KeySource, KeySources, KeyWish } from "../oidc/key_source.ts";
import type { Clock } from "../ops/clock.ts";
import type { Log } from "../ops/log.ts";
import { type MeterData, withoutGauges } from "../ops/meter.ts";
import { fail, ok, type Result } from "../result.ts";
import type { DrainOutcome, DrainTimes, WorkerSettings } from "../ipc/workers.ts";
import { type Channel, type FromWorker, openChannel, type ToWorker } from "../ipc/messages.ts";
import type { ProcessCommand } from "../runtime/commands.ts";
import { spawnWorker } from "./spawn_worker.ts";

/** What a slot needs from outside. */
export interface SlotOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly command: ProcessCommand;
  /** Variables that workers get: never a setting. */
  readonly env: Readonly<Record<string, string>>;
  /** Called when a worker has exited that should not have, with the reason. */
  readonly onEnded: (reason: string) => void;
  /** Called when a worker accepts requests. */
  readonly onReady: () => void;
  /** Called when a worker is restarted. */
  readonly onRestart: () => void;
  /** Gets what a worker that exited has counted. */
  readonly onRetired: (meter: MeterData) => void;
}

type Outcome = Result<readonly string[], string>;

/** One worker process that is kept alive: restarted when it exits, replaced when it hangs. */
export class WorkerSlot {
  readonly #options: SlotOptions;
  #settings: WorkerSettings;
  /** Where the keys that belong to these settings come from. */
  #keys: KeySources;
  #process: Deno.ChildProcess | undefined;
  #channel: Channel<ToWorker> | undefined;
  #urls: readonly string[] = [];
  #ready = false;
  #readySince = 0;
  #backoffMs = MIN_RESTART_PAUSE_MS;
  #cancelTimer: (() => void) | undefined;
  #stopping = false;
  #nextId = 1;
  #missed = 0;
  #meter: MeterData | undefined;
  /** The keys of each provider that the worker was sent last. */
  readonly #sent = new Map<string, KeySnapshot | undefined>();
  readonly #served = new Map<number, (outcome: Outcome) => void>();
  readonly #reported = new Map<number, () => void>();
  readonly #drained = Promise.withResolvers<DrainOutcome>();

  constructor(settings: WorkerSettings, keys: KeySources, options: SlotOptions) {
    this.#settings = settings;
    this.#keys = keys;
    this.#options = options;
    this.#start();
  }

  get ready(): boolean {
    return this.#ready;
  }

  get urls(): readonly string[] {
    return this.#urls;
  }

  /** The process that serves now. */
  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** What the worker counted, as of its last report. */
  get meter(): MeterData | undefined {
    return this.#meter;
  }

  /**
   * Has the worker serve with other settings and their keys. One that exits meanwhile is restarted
   * with them; only a worker that refuses them makes this fail.
   */
  async reload(settings: WorkerSettings, keys: KeySources): Promise<Result<void, string>> {
    this.#settings = settings;
    this.#keys = keys;
    const process = this.#process;
    if (process === undefined) return ok(undefined);
    const outcome = await this.#serve();
    if (this.#process !== process) return ok(undefined);
    if (!outcome.ok) return outcome;
    this.#urls = outcome.value;
    return ok(undefined);
  }

  /** Passes on what a source has now, if the worker's keys come from it. */
  publishKeys(provider: string, from: KeySource): void {
    if (from !== this.#keys.get(provider)) return;
    const keys = from.current();
    this.#sent.set(provider, keys);
    this.#channel?.send({ type: "keys", provider, keys });
  }

  /** Asks for a report, which also shows that the worker is alive; one that stays silent is replaced. */
  checkAlive(): void {
    if (!this.#ready) return;
    if (this.#missed >= MAX_MISSED_REPORTS) {
      this.#options.log.error("worker not responding, replacing it", { pid: this.pid });
      this.#missed = 0;
      this.#signal("SIGKILL");
      return;
    }
    this.#missed++;
    this.#channel?.send({ type: "report", id: this.#nextId++ });
  }

  /** Resolves when the worker's metrics are fresh, or when waiting for that has taken too long. */
  freshen(): Promise<void> {
    if (!this.#ready) return Promise.resolve();
    return new Promise((resolve) => {
      const id = this.#nextId++;
      const cancel = this.#options.clock.after(SCRAPE_WAIT_MS, () => done());
      const done = () => {
        cancel();
        this.#reported.delete(id);
        resolve();
      };
      this.#reported.set(id, done);
      this.#channel?.send({ type: "report", id });
    });
  }

  /** Has the worker drain and exit, and does not restart it. */
  drain(times: DrainTimes): Promise<DrainOutcome> {
    this.#stopping = true;
    this.#cancelTimer?.();
    if (this.#process === undefined) return Promise.resolve("finished");
    if (this.#ready) {
      this.#channel?.send({ type: "drain", times });
      const limitMs = times.delayMs + times.timeoutMs + DRAIN_GRACE_MS;
      this.#cancelTimer = this.#options.clock.after(limitMs, () => {
        this.#options.log.error("worker did not exit in time, killing it", { pid: this.pid });
        this.#signal("SIGKILL");
      });
    } else {
      this.#signal("SIGKILL");
    }
    return this.#drained.promise;
  }

  /** Ends the worker at once. */
  kill(): void {
    this.#stopping = true;
    this.#cancelTimer?.();
    this.#signal("SIGKILL");
  }

  #start(): void {
    const { clock } = this.#options;
    const spawned = spawnWorker(this.#options.command, this.#options.env);
    if (!spawned.ok) {
      // Later, since `onEnded` must not be called from the constructor.
      this.#cancelTimer = clock.after(0, () => this.#again(spawned.failure, false));
      return;
    }
    const process = spawned.value;
    this.#process = process;
    this.#missed = 0;
    this.#channel = openChannel<ToWorker, FromWorker>(
      process.stdout,
      process.stdin,
      (message) => this.#receive(message),
    );
    let exitReason = "";
    this.#cancelTimer = clock.after(WORKER_START_MS, () => {
      exitReason = `did not listen within ${WORKER_START_MS / 1000} s`;
      this.#signal("SIGKILL");
    });
    void this.#serve().then((outcome) => {
      if (outcome.ok) return this.#becomeReady(outcome.value);
      exitReason ||= outcome.failure;
      this.#signal("SIGKILL");
    });
    const ended = this.#channel.ended.catch(() => {
      exitReason = "sent an invalid message";
      this.#signal("SIGKILL");
    });
    void Promise.all([process.status, ended]).then(([status]) => this.#ended(status, exitReason));
  }

  /** Sends the settings and waits until the worker has accepted or refused them. */
  #serve(): Promise<Outcome> {
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    const id = this.#nextId++;
    this.#served.set(id, resolve);
    this.#sent.clear();
    for (const [provider, source] of this.#keys) this.#sent.set(provider, source.current());
    const held = [...this.#sent].flatMap(([name, keys]) =>
      keys === undefined ? [] : [[name, keys] as const]
    );
    const keys = Object.fromEntries(held);
    this.#channel?.send({ type: "serve", id, settings: this.#settings, keys });
    return promise;
  }

  #becomeReady(urls: readonly string[]): void {
    this.#cancelTimer?.();
    this.#urls = urls;
    this.#ready = true;
    this.#readySince = this.#options.clock.monotonic();
    this.#options.onReady();
  }

  #receive(message: FromWorker): void {
    switch (message.type) {
      case "served":
        return this.#settle(message.id, ok(message.urls));
      case "refused":
        return this.#settle(message.id, fail(message.text));
      case "ask":
        return void this.#reply(message.provider, message.id, message.wish);
      case "reported":
        this.#missed = 0;
        this.#meter = message.meter;
        return this.#reported.get(message.id)?.();
      case "drained":
        this.#meter = message.meter;
        return this.#drained.resolve(message.outcome);
    }
  }

  #settle(id: number, outcome: Outcome): void {
    this.#served.get(id)?.(outcome);
    this.#served.delete(id);
  }

  async #reply(provider: string, id: number, wish: KeyWish): Promise<void> {
    const channel = this.#channel;
    const keys = this.#keys.get(provider);
    const result = await keys?.fetch(wish);
    if (channel === undefined || channel !== this.#channel) return;
    if (keys === undefined || result === undefined || keys !== this.#keys.get(provider)) {
      const failure = { text: "a reload changed the provider", retryAfterSecs: 1 };
      channel.send({ type: "reply", provider, id, result: fail(failure) });
      return;
    }
    if (result.ok && result.value !== this.#sent.get(provider)) this.publishKeys(provider, keys);
    channel.send({ type: "reply", provider, id, result: result.ok ? ok(null) : result });
  }

  #ended(status: Deno.CommandStatus, exitReason: string): void {
    const { clock } = this.#options;
    const { pid } = this;
    this.#cancelTimer?.();
    this.#process = undefined;
    this.#channel?.close();
    this.#channel = undefined;
    for (const id of [...this.#served.keys()]) this.#settle(id, fail("worker exited"));
    for (const done of [...this.#reported.values()]) done();
    if (this.#meter !== undefined) this.#options.onRetired(withoutGauges(this.#meter));
    this.#meter = undefined;
    const served = this.#ready;
    this.#ready = false;
    if (this.#stopping) return this.#drained.resolve(served ? "aborted" : "finished");
    const steady = served && clock.monotonic() - this.#readySince >= STEADY_MS;
    this.#again(exitReason || (status.signal ?? `exit code ${status.code}`), steady, pid);
  }

  /** Starts a worker after a pause that grows as long as none serves for a while. */
  #again(why: string, steady: boolean, pid?: number): void {
    const { clock, log } = this.#options;
    if (steady) this.#backoffMs = MIN_RESTART_PAUSE_MS;
    log.warn("worker exited, restarting", { pid, why, restartDelayMs: this.#backoffMs });
    this.#cancelTimer = clock.after(this.#backoffMs, () => {
      this.#options.onRestart();
      this.#start();
    });
    this.#backoffMs = Math.min(this.#backoffMs * 2, MAX_RESTART_PAUSE_MS);
    this.#options.onEnded(why);
  }

  #signal(name: Deno.Signal): void {
    try {
      this.#process?.kill(name);
    } catch {
      // It has just exited by itself.
    }
  }
}
