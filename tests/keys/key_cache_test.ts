import { MAX_PROVIDER_BODY_BYTES } from "../../src/limits.ts";
import type { KeySnapshot } from "../../src/oidc/key_source.ts";
import { systemClock } from "../../src/ops/clock.ts";
import { type KeyCache, makeKeyCache } from "../../src/keys/key_cache.ts";
import type { KeySettings } from "../../src/keys/key_broker.ts";
import { lookalikeKey } from "../support/tokens.ts";
import { assert, assertEquals, assertIncludes } from "../support/assert.ts";
import { MemoryLog } from "../support/log.ts";
import { keysOf } from "../support/settings.ts";

interface Scene {
  readonly cache: KeyCache;
  readonly config: KeySettings;
  readonly log: MemoryLog;
  readonly folder: string;
  readonly file: string;
}

async function withCache(use: (scene: Scene) => Promise<void> | void): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "ooproxy_cache_" });
  try {
    const file = `${folder}/keys.json`;
    const log = new MemoryLog();
    const cache = makeKeyCache({ clock: systemClock, log });
    await use({
      cache,
      config: keysOf({ KEY_CACHE_FILE: file }),
      log,
      folder,
      file,
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function snapshot(number = 1): KeySnapshot {
  const { n, e } = lookalikeKey("one", number);
  return {
    generation: 1,
    startedAt: Date.now() - 1,
    issuer: "http://127.0.0.1:9",
    keys: [{ kty: "RSA", kid: "one", members: { n: String(n), e: String(e) } }],
  };
}

const names = (folder: string) => [...Deno.readDirSync(folder)].map(({ name }) => name);

Deno.test("Keys that were stored are restored, by their owner alone to be read.", async () => {
  await withCache(async ({ cache, config, log, folder, file }) => {
    assertEquals(cache.restore(config), undefined);
    const keys = snapshot();
    cache.store(keys, config);
    await cache.written();
    assertEquals(((await Deno.stat(file)).mode ?? 0) & 0o777, 0o600);
    assertEquals(cache.restore(config), {
      issuer: keys.issuer,
      keys: keys.keys,
      fetchedAt: keys.startedAt,
    });
    assertEquals([log.lines, names(folder)], [[], ["keys.json"]]);
  });
});

Deno.test("Of keys stored one after the other the last ones stay.", async () => {
  await withCache(async ({ cache, config, folder }) => {
    for (let number = 1; number <= 20; number++) cache.store(snapshot(number), config);
    await cache.written();
    assertEquals(cache.restore(config)?.keys, snapshot(20).keys);
    assertEquals(names(folder), ["keys.json"]);
  });
});

Deno.test("Without KEY_CACHE_FILE nothing is written and nothing said.", async () => {
  await withCache(async ({ cache, log, folder }) => {
    cache.store(snapshot(), keysOf());
    await cache.written();
    assertEquals([cache.restore(keysOf()), names(folder), log.lines], [
      undefined,
      [],
      [],
    ]);
  });
});

const UNUSED: readonly (readonly [
  sentence: string,
  spoil: (file: string, folder: string) => void,
  why: string,
])[] = [
  ["that is damaged", (file) => Deno.writeTextFileSync(file, "{"), "damaged"],
  ["that the group can write to", (file) => Deno.chmodSync(file, 0o620), "other users can write"],
  ["that everybody can write to", (file) => Deno.chmodSync(file, 0o602), "other users can write"],
  [
    "that is too large",
    (file) => Deno.writeTextFileSync(file, " ".repeat(MAX_PROVIDER_BODY_BYTES + 1)),
    "too large",
  ],
  ["that is a folder", (file) => {
    Deno.removeSync(file);
    Deno.mkdirSync(file);
  }, "no regular file"],
  ["that is a pipe", (file) => {
    Deno.removeSync(file);
    assert(new Deno.Command("mkfifo", { args: [file] }).outputSync().success);
  }, "no regular file"],
  ["that leads to one that everybody can write to", (file, folder) => {
    Deno.renameSync(file, `${folder}/other`);
    Deno.chmodSync(`${folder}/other`, 0o666);
    Deno.symlinkSync(`${folder}/other`, file);
  }, "other users can write"],
];

for (const [sentence, spoil, why] of UNUSED) {
  Deno.test(`A file ${sentence} is not used, which is logged in one line.`, async () => {
    await withCache(async ({ cache, config, log, file, folder }) => {
      cache.store(snapshot(), config);
      await cache.written();
      spoil(file, folder);
      assertEquals(cache.restore(config), undefined);
      assertEquals(log.lines.map(({ level }) => level), ["warn"]);
      assertEquals(log.lines[0]?.fields.file, file);
      assertIncludes(String(log.lines[0]?.fields.why), why);
    });
  });
}

Deno.test({
  name: "A file of another user is not used.",
  ignore: Deno.uid() !== 0, // only root can give a file away
  fn: async () => {
    await withCache(async ({ cache, config, log, file }) => {
      cache.store(snapshot(), config);
      await cache.written();
      await Deno.chown(file, 12345, null);
      assertEquals(cache.restore(config), undefined);
      assertIncludes(log.text(), "it belongs to another user");
    });
  },
});

Deno.test("A folder that is not writable is logged once, with what to do, until it is again.", async () => {
  await withCache(async ({ cache, log, folder }) => {
    const file = `${folder}/sub/keys.json`;
    const config = keysOf({ KEY_CACHE_FILE: file });
    assertEquals(cache.restore(config), undefined);
    cache.store(snapshot(), config);
    cache.store(snapshot(), config);
    await cache.written();
    assertEquals(log.lines.map(({ level }) => level), ["warn"]);
    assertIncludes(String(log.lines[0]?.fields.hint), `the folder ${folder}/sub is there`);
    await Deno.mkdir(`${folder}/sub`);
    cache.store(snapshot(), config);
    cache.store(snapshot(), config);
    await cache.written();
    assertEquals(log.lines.map(({ level }) => level), ["warn", "info"]);
    assert(cache.restore(config) !== undefined);
  });
});
