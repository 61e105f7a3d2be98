/**
 * Clients without a token that hold as many connections as a worker may open files, in every state there
 * is. Prints for each what a good client gets, and how many connections the attacker has at the end.
 */
import { assert } from "../../support/assert.ts";
import { rawRequest } from "../../support/raw.ts";
import { pause } from "../../support/waiting.ts";
import { startService } from "../../e2e/harness.ts";
import { keepOpen, NEVER_ENDED, REFUSED_BODIES, type State } from "../support/states.ts";

/** Files that the worker may open, and connections that the attacker keeps. */
const FILES = 300;
const CONNECTIONS = 400;

/** Requests of the good client, each on a connection of its own. */
const GOOD_REQUESTS = 100;

/** How long one of them may take, in milliseconds. */
const GOOD_MS = 2000;

const IDLE: readonly State[] = [
  { name: "nothing sent", sends: "" },
  { name: "half a head", sends: "GET / HTTP/1.1\r\nHo" },
];

/** What the good client gets while the attack runs. */
async function attack(state: State) {
  await using service = await startService({ settings: { NUM_WORKERS: "1" } });
  const port = Number(new URL(service.url()).port);
  const limited = await new Deno.Command("prlimit", {
    args: ["--pid", String(service.process.pid), `--nofile=${FILES}:${FILES}`],
  }).output();
  assert(limited.success);
  await using attacker = keepOpen(port, state, CONNECTIONS);
  await pause(1000);
  const credentials = `Authorization: Bearer ${await service.token()}`;
  const head = `GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${credentials}\r\n\r\n`;
  let good = 0;
  for (let asked = 0; asked < GOOD_REQUESTS; asked++) {
    const options = { until: "response", timeoutMs: GOOD_MS } as const;
    const response = await rawRequest(port, head, options).catch(() => undefined);
    if (response?.status === 200) good++;
    await pause(20);
  }
  return { good, held: attacker.held(), ended: attacker.ended() };
}

/** What the good client gets at least: half of what it gets on a quiet machine, five times what it got while such connections stayed. */
const LEAST_GOOD = GOOD_REQUESTS / 4;

for (const state of [...IDLE, ...REFUSED_BODIES, ...NEVER_ENDED.slice(0, 2)]) {
  Deno.test(`${CONNECTIONS} connections in the state "${state.name}", ${FILES} files.`, async () => {
    const { good, held, ended } = await attack(state);
    // deno-lint-ignore no-console
    console.log(`good ${good} of ${GOOD_REQUESTS}, held ${held}, ended ${ended}`);
    assert(good >= LEAST_GOOD, `${good} of ${GOOD_REQUESTS}`);
  });
}
