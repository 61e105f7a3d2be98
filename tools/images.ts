/**
 * Images by the digests of their content: `deno task images:pin` asks the registry of each image that
 * Dockerfile and Compose file begin with, and writes the digest behind the tag. Who builds then gets the
 * very bytes that were looked at, whatever the tag has become.
 */
import { ROOT } from "./generate.ts";

/** The files that name images. */
export const IMAGE_FILES = ["Dockerfile", "deploy/compose.yaml"] as const;

/** An image as it is written: `docker.io/library/debian:13-slim@sha256:…`. */
const IMAGE =
  /^((?:FROM|\s+image:) +)([a-z0-9./_-]+):([\w.-]+)(?:@(sha256:[0-9a-f]{64}))?(?=\s|$)/gm;

/** What a registry is asked to show: lists for several platforms, and manifests of one. */
const MANIFESTS = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
].join(", ");

/** An image of a registry. */
export interface ImageName {
  /** Host, possibly with a port. */
  readonly registry: string;
  readonly repository: string;
  readonly tag: string;
  /** `sha256:…`, where it is pinned. */
  readonly digest: string | undefined;
}

/** The images that a file names. */
export function imagesIn(text: string): readonly ImageName[] {
  return [...text.matchAll(IMAGE)].map(([, , name = "", tag = "", digest]) => ({
    ...placeOf(name),
    tag,
    digest,
  }));
}

/** A name without a host is one of Docker's registry, without a folder one of its `library`. */
function placeOf(name: string): Pick<ImageName, "registry" | "repository"> {
  const [first = "", ...rest] = name.split("/");
  if (rest.length > 0 && /[.:]|^localhost$/.test(first)) {
    return { registry: first, repository: rest.join("/") };
  }
  return { registry: "docker.io", repository: rest.length > 0 ? name : `library/${name}` };
}

/** The text of a file without digests. */
export function withoutDigests(text: string): string {
  return text.replaceAll(
    IMAGE,
    (_, head: string, name: string, tag: string) => `${head}${name}:${tag}`,
  );
}

/** The text of a file with the digests that `resolve` gives. */
export async function withDigests(
  text: string,
  resolve: (image: ImageName) => Promise<string>,
): Promise<string> {
  const digests = await Promise.all(imagesIn(text).map(resolve));
  return text.replaceAll(
    IMAGE,
    (_, head: string, name: string, tag: string) => `${head}${name}:${tag}@${digests.shift()}`,
  );
}

/**
 * The digest of what a tag stands for now, computed from what the registry sends (OCI distribution
 * specification, "Pulling manifests"), with the anonymous token that public registries give.
 *
 * Rejects when the registry does not give it, or announces another one. Signatures of images are not
 * looked at.
 *
 * @param originOf where a registry is reached.
 */
export async function digestOf(
  { registry, repository, tag }: ImageName,
  originOf: (registry: string) => string = defaultOrigin,
): Promise<string> {
  const url = `${originOf(registry)}/v2/${repository}/manifests/${tag}`;
  const ask = (fields: Record<string, string>) =>
    fetch(url, { headers: { accept: MANIFESTS, ...fields } });
  let response = await ask({});
  if (response.status === 401) {
    await response.body?.cancel();
    const token = await anonymousToken(response.headers.get("www-authenticate") ?? "");
    response = await ask({ authorization: `Bearer ${token}` });
  }
  const body = await response.arrayBuffer();
  if (!response.ok) throw new Error(`${registry}/${repository}:${tag}: status ${response.status}`);
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", body));
  const digest = `sha256:${hash.toHex()}`;
  const announced = response.headers.get("docker-content-digest") ?? digest;
  if (announced !== digest) throw new Error(`${repository}:${tag}: sent ${digest} as ${announced}`);
  return digest;
}

async function anonymousToken(challenge: string): Promise<string> {
  const parameters = new Map(
    [...challenge.matchAll(/(\w+)="([^"]*)"/g)].map(([, name = "", value = ""]) => [name, value]),
  );
  const url = new URL(parameters.get("realm") ?? "");
  for (const name of ["service", "scope"]) {
    const value = parameters.get(name);
    if (value !== undefined) url.searchParams.set(name, value);
  }
  const response = await fetch(url);
  const { token, access_token } = await response.json() as Readonly<Record<string, unknown>>;
  const given = token ?? access_token;
  if (typeof given !== "string") throw new Error(`${url.host} gave no token`);
  return given;
}

/** Docker's registry is reached under another name than the one in its images. */
function defaultOrigin(registry: string): string {
  return `https://${registry === "docker.io" ? "registry-1.docker.io" : registry}`;
}

if (import.meta.main) {
  for (const file of IMAGE_FILES) {
    const path = new URL(file, ROOT);
    const text = await withDigests(await Deno.readTextFile(path), (image) => digestOf(image));
    await Deno.writeTextFile(path, text);
  }
}
