/**
 * Parsers for addresses: where to listen, and which servers to talk to.
 */
import { fail, ok, type Result } from "../result.ts";
import type { Kind, Refusal } from "./kinds.ts";

/** An address to listen on. */
export interface ListenAddress {
  /** Name or IP address, IPv6 without brackets; `0.0.0.0` stands for every IPv4 address. */
  readonly hostname: string;
  /** TCP port; 0 = any free one. */
  readonly port: number;
}

/** The root of an OpenID provider. */
export interface ProviderUrl {
  /** The URL exactly as it was given: an issuer is compared letter by letter. */
  readonly text: string;
  /** The URL without a trailing slash, ready for `/.well-known/…` to be appended. */
  readonly base: string;
}

/** The server that is protected. */
export interface UpstreamUrl {
  /** The URL as it was given. */
  readonly text: string;
  /** Scheme, host and, unless it is the scheme's own, port: `http://h:9000`. */
  readonly origin: string;
  /** Path in front of every request path: empty, or such as `/api`; never ends with a slash. */
  readonly prefix: string;
  /** The Unix socket it listens on, instead of a host and a port. */
  readonly socketPath?: string;
}

/** Every IPv4 address of the machine: what `:8080` listens on. */
const ALL_ADDRESSES = "0.0.0.0";

const HIGHEST_PORT = 65535;

/** Path of the discovery document, which is often pasted along with the provider's URL. */
const WELL_KNOWN = "/.well-known/";

/** Hides user, password, query and fragment of anything that was meant as a URL. */
export function maskUrl(text: string): string {
  return text.replace(/^([a-z]+:\/\/)?.*@/is, "$1***@").replace(/([?#]).*$/s, "$1***");
}

/**
 * A listen address: `host:port`, `:port`, `[::1]:8080`, or the same behind `scheme://`, then also
 * with a trailing slash. The port is always needed. It does not check that the address is free
 * or belongs to this machine.
 */
export function listenAddress(scheme: "http" | "https"): Kind<ListenAddress> {
  return {
    accepts: `host:port, :port or [IPv6]:port, also behind ${scheme}://`,
    showExample: true,
    mask: maskUrl,
    parse(text) {
      const parts = /^(?:([a-z]+):\/\/)?([^/]*)(\/?)$/i.exec(text);
      const given = parts?.[1]?.toLowerCase();
      if (given === "http" && scheme === "https") {
        return fail({ hint: "plain HTTP is LISTEN_URL" });
      }
      if (given === "https" && scheme === "http") return fail({ hint: "TLS is LISTEN_SSL_URL" });
      if (parts === null || (given !== undefined && given !== scheme)) return fail({});
      if (given === undefined && parts[3] === "/") return fail({});
      return hostAndPort(parts[2] ?? "");
    },
  };
}

function hostAndPort(text: string): Result<ListenAddress, Refusal> {
  if (/^\d+$/.test(text)) return fail({ hint: `a port alone is written with a colon: :${text}` });
  if (/^[0-9a-f:]*:[0-9a-f:]*:\d+$/i.test(text)) {
    return fail({ hint: "an IPv6 address stands in brackets: [::1]:8080" });
  }
  const parts = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]*):(\d{1,5})$/i.exec(text);
  if (parts === null) return fail({});
  const host = parts[1] ?? "";
  const port = Number(parts[2]);
  if (port > HIGHEST_PORT) return fail({ hint: `the highest port is ${HIGHEST_PORT}` });
  if (host === "") return ok({ hostname: ALL_ADDRESSES, port });
  if (!URL.canParse(`http://${host}:${port}`)) return fail({});
  return ok({ hostname: host.replace(/^\[|\]$/g, ""), port });
}

/**
 * An absolute http(s) URL without user, query and fragment, without a doubled slash in its path.
 *
 * The text is checked before `URL` sees it, because `URL` repairs much: `http:/h`, `http:\\h`,
 * white space, an empty `?`.
 */
function rootUrl(text: string): Result<URL, Refusal> {
  if (/^[^/?#]*\/\/[^/?#]*@/.test(text)) return fail({ hint: "no user or password in a URL" });
  // deno-lint-ignore no-control-regex
  if (/[\s\u0000-\u001f\\]/.test(text)) return fail({});
  if (/[?#]/.test(text)) return fail({ hint: "leave out everything from ? or # on" });
  if (/^[a-z0-9.-]+:\d+(\/|$)/i.test(text)) return fail({ hint: "put http:// in front" });
  if (!/^https?:\/\/[^/]/i.test(text) || !URL.canParse(text)) return fail({});
  const url = new URL(text);
  return url.port === "0" || /\/\//.test(url.pathname) ? fail({}) : ok(url);
}

const URL_KIND = {
  accepts: "an absolute http(s) URL",
  showExample: true,
  mask: maskUrl,
} as const;

/** The root URL of an OpenID provider. It does not check that one is there. */
export function providerUrl(): Kind<ProviderUrl> {
  return {
    ...URL_KIND,
    parse(text) {
      const url = rootUrl(text);
      if (!url.ok) return url;
      const wellKnown = text.indexOf(WELL_KNOWN);
      if (wellKnown !== -1) {
        return fail({ hint: `leave out ${WELL_KNOWN}… : it is added when it is fetched` });
      }
      return ok({ text, base: text.replace(/\/$/, "") });
    },
  };
}

/**
 * The URL of one document of the provider: absolute, http(s), possibly with a query. It does not
 * check that the document is there.
 */
export function documentUrl(): Kind<string> {
  return {
    ...URL_KIND,
    parse(text) {
      if (text.includes("#")) return fail({ hint: "leave out everything from # on" });
      const [root = ""] = text.split("?", 1);
      const url = rootUrl(root);
      if (!url.ok) return url;
      // Only what stands in front of the query has been looked at so far.
      // deno-lint-ignore no-control-regex
      return /[\s\u0000-\u001f]/.test(text) ? fail({}) : ok(text);
    },
  };
}

/** How the address of a Unix socket begins. */
const UNIX = "unix:";

/** The URL of the protected server, with or without a path; or a Unix socket, `unix:/path`. */
export function upstreamUrl(): Kind<UpstreamUrl> {
  return {
    ...URL_KIND,
    parse(text) {
      if (text.startsWith(UNIX)) {
        const socketPath = text.slice(UNIX.length);
        if (!socketPath.startsWith("/")) return fail({ hint: "the path has to be absolute" });
        return ok({ text, origin: "http://localhost", prefix: "", socketPath });
      }
      const url = rootUrl(text);
      if (!url.ok) return url;
      const { origin, pathname } = url.value;
      return ok({ text, origin, prefix: pathname.replace(/\/$/, "") });
    },
  };
}

/**
 * Names of hosts, with commas between them, in lower case and without the dot of a full name. It does
 * not check that they have an address.
 */
export function hostNames(): Kind<readonly string[]> {
  return {
    accepts: "names of hosts without a port, separated by commas",
    showExample: true,
    mask: maskUrl,
    parse(text) {
      const names = text.split(",").map((name) => name.trim().toLowerCase().replace(/\.$/, ""));
      if (names.some((name) => /[*/:@]/.test(name))) {
        return fail({
          hint: "names alone: no scheme, port or pattern; IP addresses need no entry",
        });
      }
      return names.every((name) => /^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/.test(name))
        ? ok(names)
        : fail({});
    },
  };
}

/** Whether a host of a URL (IPv6 in brackets) is this very machine by its name or number. */
export function isLoopback(hostname: string): boolean {
  return /^(localhost|.+\.localhost|127(\.\d+){3}|\[::1\])\.?$/i.test(hostname);
}
