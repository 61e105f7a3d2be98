import {
  digestOf,
  IMAGE_FILES,
  imagesIn,
  withDigests,
  withoutDigests,
} from "../../tools/images.ts";
import { assert, assertEquals, assertRejects } from "../support/assert.ts";
import { projectFile } from "../support/process.ts";

const MANIFEST = '{"schemaVersion":2,"manifests":[]}';
/** What `sha256sum` says of it. */
const DIGEST = "sha256:bc5857ac9458293d5111ab85c952172cd7f56bceb4e3014ddc4cafac8927b313";

const read = (file: string) => Deno.readTextFileSync(projectFile(file));

/** A registry that gives one manifest to those with its anonymous token. */
function registry(announced?: string) {
  const asked: string[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    const { pathname, searchParams, origin } = new URL(request.url);
    asked.push(pathname);
    if (pathname === "/token") {
      const token = `${searchParams.get("service")} ${searchParams.get("scope")}`;
      return Response.json({ token });
    }
    const scope = "repository:library/debian:pull";
    if (request.headers.get("authorization") !== `Bearer here ${scope}`) {
      const challenge = `Bearer realm="${origin}/token",service="here",scope="${scope}"`;
      return new Response("no", { status: 401, headers: { "www-authenticate": challenge } });
    }
    const headers = announced === undefined ? {} : { "docker-content-digest": announced };
    return pathname === "/v2/library/debian/manifests/13-slim"
      ? new Response(MANIFEST, { headers })
      : new Response("no", { status: 404 });
  });
  return {
    asked,
    origin: `http://127.0.0.1:${server.addr.port}`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

const DEBIAN = {
  registry: "docker.io",
  repository: "library/debian",
  tag: "13-slim",
  digest: undefined,
};

Deno.test("Dockerfile and Compose file name images by tags, and by digests that are whole.", () => {
  const images = IMAGE_FILES.flatMap((file) => imagesIn(read(file)));
  assertEquals(images.map(({ registry, repository }) => `${registry}/${repository}`), [
    "docker.io/denoland/deno",
    "docker.io/library/debian",
    "quay.io/keycloak/keycloak",
    "docker.io/traefik/whoami",
  ]);
  for (const file of IMAGE_FILES) {
    const text = read(file);
    const named = text.split("\n").filter((line) => /^FROM \S+\/|^\s+image: \S+:/.test(line));
    assertEquals(imagesIn(text).length, named.length, file);
    // All of them or none: a build that is half pinned is not pinned.
    const pinned = imagesIn(text).filter(({ digest }) => digest !== undefined);
    assert([0, named.length].includes(pinned.length), file);
  }
});

Deno.test("A digest is computed from the manifest that the registry gives for an anonymous token.", async () => {
  await using local = registry();
  const digest = await digestOf(DEBIAN, () => local.origin);
  assertEquals(digest, DIGEST);
  assertEquals(local.asked, [
    "/v2/library/debian/manifests/13-slim",
    "/token",
    "/v2/library/debian/manifests/13-slim",
  ]);
});

Deno.test("A manifest that is not there, or not what it is announced as, is refused.", async () => {
  await using local = registry();
  await assertRejects(() => digestOf({ ...DEBIAN, tag: "14" }, () => local.origin));
  await using lying = registry(`sha256:${"0".repeat(64)}`);
  await assertRejects(() => digestOf(DEBIAN, () => lying.origin));
});

Deno.test("Digests are written behind the tags, and taken away again, with nothing else changed.", async () => {
  for (const file of IMAGE_FILES) {
    const text = withoutDigests(read(file));
    const digest = `sha256:${"a1".repeat(32)}`;
    const pinned = await withDigests(text, () => Promise.resolve(digest));
    assert(imagesIn(pinned).length > 0);
    assertEquals(imagesIn(pinned).map((image) => image.digest), imagesIn(pinned).map(() => digest));
    assertEquals(withoutDigests(pinned), text);
    assertEquals(await withDigests(pinned, () => Promise.resolve(digest)), pinned);
  }
});
