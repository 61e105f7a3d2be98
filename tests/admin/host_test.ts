import { isOwnHost } from "../../src/admin/host.ts";
import { assertEquals } from "../support/assert.ts";

/** The host of a URL, as `Host` makes it. */
const hostOf = (host: string) => new URL(`http://${host}/`).hostname;

for (
  const host of ["10.0.0.1:80", "0x7f.1", "[::ffff:10.0.0.1]", "LOCALHOST:1", "Name.", "other"]
) {
  Deno.test(`The host ${host} is served.`, () => {
    assertEquals(isOwnHost(hostOf(host), ["NAME", "other"]), true);
  });
}

for (const host of ["name.other", "a.localhost", "10.0.0.1.test", "xlocalhost", "..", "name.."]) {
  Deno.test(`The host ${host} is not served.`, () => {
    assertEquals(isOwnHost(hostOf(host), ["name", "other"]), false);
  });
}
