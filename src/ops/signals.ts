import { SAME_SIGNAL_MS } from "../limits.ts";

/** What the operator asks a running process for. */
export interface Signals {
  /** Resolves at the first SIGTERM or SIGINT. */
  readonly stop: Promise<Deno.Signal>;
  /** Resolves at the second one, unless that is a copy of the first. */
  readonly stopNow: Promise<Deno.Signal>;
  /** Stops listening for signals. */
  close(): void;
}

const STOP: readonly Deno.Signal[] = ["SIGTERM", "SIGINT"];

/** Listens for the signals of this process; `onReload` is called at each SIGHUP. */
export function listenForSignals(onReload: () => void): Signals {
  const stop = Promise.withResolvers<Deno.Signal>();
  const stopNow = Promise.withResolvers<Deno.Signal>();
  let first: { name: Deno.Signal; at: number } | undefined;
  const stopped = (name: Deno.Signal) => {
    if (first === undefined) {
      first = { name, at: performance.now() };
      stop.resolve(name);
    } else if (first.name !== name || performance.now() - first.at > SAME_SIGNAL_MS) {
      stopNow.resolve(name);
    }
  };
  const listeners = [
    ...STOP.map((name) => ({ name, action: () => stopped(name) })),
    { name: "SIGHUP" as const, action: onReload },
  ];
  for (const { name, action } of listeners) Deno.addSignalListener(name, action);
  return {
    stop: stop.promise,
    stopNow: stopNow.promise,
    close() {
      for (const { name, action } of listeners) Deno.removeSignalListener(name, action);
    },
  };
}

/** Takes no notice of the signals that are meant for the process above. */
export function ignoreSignals(): void {
  for (const name of [...STOP, "SIGHUP"] as const) Deno.addSignalListener(name, () => {});
}
