/** What is in an image. */
import { must } from "./command.ts";
import type { Layer } from "./buildah.ts";

/** One file of an image. */
export interface ImageFile {
  readonly path: string;
  readonly bytes: number;
  readonly mode: number;
  readonly modified: string;
}

/** What belongs into the image, by the path; nothing else does. */
const BELONGS: Readonly<Record<string, RegExp>> = {
  "C library": /^\/lib(64)?\/([\w-]+\/)?(ld-linux[\w.-]*|lib(c|m|dl|rt|pthread|gcc_s))\.so\.\d$/,
  "user, names": /^\/etc\/(passwd|group|nsswitch\.conf)$/,
  "runtime": /^\/usr\/bin\/deno$/,
  "dependencies": /^\/deno-dir\/npm\/registry\.npmjs\.org\/(jose|smol-toml)\//,
  "sources": /^\/opt\/ooproxy\/(LICENSE|main\.ts|deno\.(json|lock)|src\/[\w/]+\.ts)$/,
  "sources as JavaScript": /^\/deno-dir\/gen\/file\/opt\/ooproxy\/(main|src\/[\w/]+)\.ts\.js$/,
};

/** Every file below a directory, in order. */
export async function filesOf(root: string): Promise<ImageFile[]> {
  const print = "%P\\t%s\\t%m\\t%T@\\n";
  const list = await must("find", [root, "-xdev", "-not", "-type", "d", "-printf", print]);
  return list.split("\n").map((line) => {
    const [path = "", bytes = "", mode = "", modified = ""] = line.split("\t");
    return { path: `/${path}`, bytes: Number(bytes), mode: parseInt(mode, 8), modified };
  }).toSorted((a, b) => a.path < b.path ? -1 : 1);
}

/** The contents of every file below a directory as checksums, one line each. */
export async function sumsOf(root: string): Promise<string> {
  const files = (await filesOf(root)).map(({ path }) => root + path);
  return (await must("sha256sum", files)).replaceAll(root, "");
}

/** What a file is there for; `undefined` if it does not belong into the image. */
export function purposeOf(path: string): string | undefined {
  return Object.entries(BELONGS).find(([, pattern]) => pattern.test(path))?.[0];
}

/** The image as a table: each layer, then each purpose with its files counted. */
export function listing(layers: readonly Layer[], files: readonly ImageFile[]): string[] {
  const raw = layers.reduce((sum, { rawBytes }) => sum + rawBytes, 0);
  const gzip = layers.reduce((sum, { gzipBytes }) => sum + gzipBytes, 0);
  const row = (name: string, ...cells: readonly string[]) =>
    [name.padEnd(52), ...cells.map((cell) => cell.padStart(12))].join("");
  return [
    row("layer", "raw MB", "gzip MB"),
    ...layers.map(({ madeBy, rawBytes, gzipBytes }) =>
      row(shown(madeBy), megabytes(rawBytes), megabytes(gzipBytes))
    ),
    row("all", megabytes(raw), megabytes(gzip)),
    "",
    row("what is in it", "raw MB", "files"),
    ...Object.keys(BELONGS).map((purpose) => {
      const of = files.filter(({ path }) => purposeOf(path) === purpose);
      const bytes = of.reduce((sum, file) => sum + file.bytes, 0);
      return row(purpose, megabytes(bytes), String(of.length));
    }),
    "",
    row("the largest files", "raw MB"),
    ...files.toSorted((a, b) => b.bytes - a.bytes).slice(0, 5)
      .map(({ path, bytes }) => row(path, megabytes(bytes))),
  ];
}

/** Where a layer's files went. */
function shown(madeBy: string): string {
  return madeBy.replace(/^.* in (\S+)\s*$/, "COPY … $1");
}

/** 10⁶ bytes, as registries count. */
function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(3);
}
