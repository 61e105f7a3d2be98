/**
 * `KEY_CACHE_FILE` on disk. Write access to it is enough to forge tokens, so a file that another user
 * could have written is ignored; an ignored file never prevents the start.
 */
import { dirname, resolve } from "node:path";
import { MAX_PROVIDER_BODY_BYTES } from "../limits.ts";
import { readKeyCache, writeKeyCache } from "../oidc/key_cache_file.ts";
import type { KeySnapshot } from "../oidc/key_source.ts";
import type { ProviderOptions, RestoredKeys } from "../oidc/provider_keys.ts";
import type { Clock } from "../ops/clock.ts";
import type { Log } from "../ops/log.ts";
import { fail, ok, type Result } from "../result.ts";

/** The provider whose keys are kept, and the file. */
export interface CacheTarget {
  readonly provider: ProviderOptions;
  /** `KEY_CACHE_FILE`, where it is set. */
  readonly cacheFile: string | undefined;
}

/** The last good keys on disk. Without a file nothing is read or written. */
export interface KeyCache {
  /** The keys of the file, if it can be used; the reason why not is logged. */
  restore(target: CacheTarget): RestoredKeys | undefined;
  /** Writes keys, one write after the other; a failure is logged once until a write succeeds. */
  store(keys: KeySnapshot, target: CacheTarget): void;
  /** Resolves when all writes so far have succeeded or failed. */
  written(): Promise<void>;
}

/** Makes the cache. Nothing is read or written yet. */
export function makeKeyCache(
  { clock, log }: { readonly clock: Clock; readonly log: Log },
): KeyCache {
  let last: Promise<void> = Promise.resolve();
  /** The files whose latest write failed. */
  const unwritable = new Set<string>();

  function reportNotWritten(file: string, { why, hint }: WriteFailure): void {
    if (!unwritable.has(file)) log.warn("cannot write KEY_CACHE_FILE", { file, why, hint });
    unwritable.add(file);
  }

  return {
    restore({ cacheFile, provider: { staleMs, ...owner } }) {
      if (cacheFile === undefined) return undefined;
      const file = resolve(cacheFile);
      const self = ownId(dirname(file));
      if (!self.ok) {
        reportNotWritten(file, self.failure);
        return undefined;
      }
      const text = readOwnFile(file, self.value);
      if (text.ok && text.value === undefined) return undefined;
      const keys = text.ok ? readKeyCache(text.value ?? "", owner, clock.now(), staleMs) : text;
      if (keys.ok) return keys.value;
      log.warn("ignoring KEY_CACHE_FILE; it will be rewritten after the next fetch", {
        file,
        why: keys.failure,
      });
      return undefined;
    },
    store({ issuer, keys, introspectionEndpoint, startedAt }, { cacheFile, provider }) {
      if (cacheFile === undefined) return;
      const file = resolve(cacheFile);
      const text = writeKeyCache(provider, {
        issuer,
        keys,
        introspectionEndpoint,
        fetchedAt: startedAt,
      });
      last = last.then(async () => {
        const written = await replaceFile(file, text);
        if (!written.ok) return reportNotWritten(file, written.failure);
        if (unwritable.delete(file)) log.info("KEY_CACHE_FILE written again", { file });
      });
    },
    written: () => last,
  };
}

/** What went wrong with the file, and what to do about it. */
type WriteFailure = Readonly<Record<"why" | "hint", string>>;

/** Prefix of temporary files. */
const TEMPORARY = ".ooproxy-keys-";

/** Permission bits with which the group or others can write. */
const WRITABLE_BY_OTHERS = 0o022;

/**
 * The user id of this process, found by creating a file, which also shows at the start whether the
 * folder is writable. `null` on systems without user ids.
 */
function ownId(folder: string): Result<number | null, WriteFailure> {
  try {
    const probe = Deno.makeTempFileSync({ dir: folder, prefix: TEMPORARY });
    const { uid } = Deno.lstatSync(probe);
    Deno.removeSync(probe);
    return ok(uid);
  } catch (error) {
    return fail(writeFailureOf(error, folder));
  }
}

/** A regular file that only this program's user can have written; `undefined` where there is none. */
function readOwnFile(file: string, self: number | null): Result<string | undefined, string> {
  try {
    // Checked before it is opened: opening a named pipe would block until it has a writer.
    if (!Deno.statSync(file).isFile) return fail("it is no regular file");
    using open = Deno.openSync(file);
    const { isFile, mode, uid } = open.statSync();
    if (!isFile) return fail("it is no regular file");
    if (uid !== self) return fail("it belongs to another user");
    if (mode !== null && (mode & WRITABLE_BY_OTHERS) !== 0) {
      return fail("other users can write to it");
    }
    const text = readLimited(open);
    return text === undefined ? fail("it is too large for a key cache") : ok(text);
  } catch (error) {
    return error instanceof Deno.errors.NotFound ? ok(undefined) : fail(nameOf(error));
  }
}

/** The whole text, or `undefined` where it is longer than the largest key set. */
function readLimited(file: Deno.FsFile): string | undefined {
  const bytes = new Uint8Array(MAX_PROVIDER_BODY_BYTES + 1);
  let size = 0;
  for (let read = file.readSync(bytes); read !== null && read > 0;) {
    size += read;
    read = file.readSync(bytes.subarray(size));
  }
  return size > MAX_PROVIDER_BODY_BYTES
    ? undefined
    : new TextDecoder().decode(bytes.subarray(0, size));
}

/** Replaces a file atomically: a reader sees the old text or the new one. */
async function replaceFile(file: string, text: string): Promise<Result<void, WriteFailure>> {
  const folder = dirname(file);
  let temporary: string | undefined;
  try {
    // A new file with an unpredictable name, readable by its owner only (0600).
    temporary = await Deno.makeTempFile({ dir: folder, prefix: TEMPORARY });
    await Deno.writeTextFile(temporary, text);
    await Deno.rename(temporary, file);
    return ok(undefined);
  } catch (error) {
    if (temporary !== undefined) await Deno.remove(temporary).catch(() => {});
    return fail(writeFailureOf(error, folder));
  }
}

function writeFailureOf(error: unknown, folder: string): WriteFailure {
  if (error instanceof Deno.errors.NotCapable) {
    return {
      why: "this program has no permission to write there",
      hint: `start it with --allow-write=${folder}`,
    };
  }
  return {
    why: nameOf(error),
    hint: `see that the folder ${folder} is there and can be written to by this program's user`,
  };
}

/** The name of an error only: its message would repeat the path. */
function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : String(error);
}
