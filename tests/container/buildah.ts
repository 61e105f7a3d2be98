/** Images built by buildah, which needs no engine that runs in the background. */
import { must, run } from "./command.ts";

/** One place for images, used by one test. */
export interface Builder {
  /** Runs buildah; returns its output, trimmed. */
  buildah(...args: string[]): Promise<string>;
  /** Makes an image of files that `fill` puts into a directory. */
  make(name: string, env: readonly string[], fill: (root: string) => Promise<void>): Promise<void>;
  /** The directory with an image's files. */
  mount(image: string): Promise<string>;
}

/** What the configuration of an image holds, in the form that Docker gives it. */
export interface ImageConfig {
  readonly architecture: string;
  readonly config: {
    readonly User: string;
    readonly Env: readonly string[];
    readonly WorkingDir: string;
    readonly Entrypoint: readonly string[];
    readonly Cmd?: readonly string[] | null;
    readonly StopSignal: string;
    readonly ExposedPorts: Readonly<Record<string, unknown>>;
    readonly Labels: Readonly<Record<string, string>>;
    readonly Healthcheck: { readonly Test: readonly string[] };
  };
  readonly rootfs: { readonly diff_ids: readonly string[] };
  readonly history: readonly { readonly created_by: string; readonly empty_layer?: boolean }[];
}

/** Uses a directory for all that is built. */
export function builderIn(dir: string): Builder {
  const place = ["--root", `${dir}/root`, "--runroot", `${dir}/run`, "--storage-driver", "vfs"];
  const buildah = (...args: string[]) =>
    must("buildah", [...place, ...args], { BUILDAH_ISOLATION: "chroot" });
  return {
    buildah,
    async make(name, env, fill) {
      const container = await buildah("from", "scratch");
      await fill(await buildah("mount", container));
      for (const variable of env) await buildah("config", "--env", variable, container);
      await buildah("commit", "--quiet", "--rm", container, name);
    },
    async mount(image) {
      return await buildah("mount", await buildah("from", "--pull-never", image));
    },
  };
}

/** Builds a Dockerfile as Docker would, in its image format, with these build arguments. */
export async function build(
  { buildah }: Builder,
  context: string,
  tag: string,
  buildArgs: readonly string[],
): Promise<ImageConfig> {
  const given = buildArgs.flatMap((argument) => ["--build-arg", argument]);
  const fixed = ["--quiet", "--pull-never", "--layers", "--format", "docker"];
  await buildah("bud", ...fixed, ...given, "--tag", tag, context);
  const { Config } = JSON.parse(await buildah("inspect", "--type", "image", tag)) as {
    readonly Config: string;
  };
  return JSON.parse(Config) as ImageConfig;
}

/** One layer: bytes as files in a tar archive, and compressed as a registry keeps it. */
export interface Layer {
  readonly madeBy: string;
  readonly rawBytes: number;
  readonly gzipBytes: number;
}

/** Exports an image as a registry would get it, and measures its layers in their order. */
export async function layersOf(
  { buildah }: Builder,
  tag: string,
  { history }: ImageConfig,
  dir: string,
): Promise<Layer[]> {
  await buildah("push", "--quiet", tag, `oci:${dir}:image`);
  const blob = (digest: string) => `${dir}/blobs/${digest.replace(":", "/")}`;
  const read = async (path: string) => JSON.parse(await Deno.readTextFile(path));
  const index = await read(`${dir}/index.json`) as Manifests;
  const manifest = await read(blob(index.manifests[0]?.digest ?? "")) as Layers;
  const steps = history.filter(({ empty_layer }) => empty_layer !== true);
  return await Promise.all(manifest.layers.map(async ({ digest, size }, at) => {
    const counted = await run("sh", ["-c", 'gzip -dc "$0" | wc -c', blob(digest)]);
    const madeBy = steps[at]?.created_by ?? "";
    return { madeBy, rawBytes: Number(counted.stdout), gzipBytes: size };
  }));
}

interface Manifests {
  readonly manifests: readonly { readonly digest: string }[];
}

interface Layers {
  readonly layers: readonly { readonly digest: string; readonly size: number }[];
}
