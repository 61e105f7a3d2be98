/**
 * The serving program: start, reloads, stop.
 */
import { listenForSignals } from "../ops/signals.ts";
import type { ProgramFailure } from "./exit_code.ts";
import { reload } from "./reload.ts";
import type { Running } from "./running.ts";
import type { SettingsSource } from "./settings_source.ts";
import { start, type StartOptions } from "./start.ts";
import { stop } from "./stop.ts";
import { FileWatch } from "./watch_files.ts";

/** What the program is started with. */
export interface RunOptions extends StartOptions {
  /** Where a reload reads the settings again. */
  readonly source: SettingsSource;
}

/** Serves until SIGTERM or SIGINT; resolves with the reason if it cannot start. */
export async function run(options: RunOptions): Promise<ProgramFailure | undefined> {
  const started = Promise.withResolvers<Running>();
  let reloads: Promise<unknown> = started.promise;
  const requestReload = () => {
    reloads = reloads.then(async () => reloadUnlessStopping(await started.promise));
  };
  // From now on no signal ends the program by itself.
  const signals = listenForSignals(requestReload);
  const outcome = await start(options);
  if (!outcome.ok) {
    signals.close();
    return outcome.failure;
  }
  const running = outcome.value;
  const watch = new FileWatch(() => running.settings.files, requestReload, running.clock);
  watch.use(running.settings.config.process.watchFiles);
  started.resolve(running);

  async function reloadUnlessStopping(running: Running): Promise<void> {
    if (running.stopping) return;
    await reload(running, options.source);
    watch.use(running.settings.config.process.watchFiles && !running.stopping);
  }

  const signal = await signals.stop;
  watch.use(false);
  await stop(running, signal, signals.stopNow);
  signals.close();
  return undefined;
}
