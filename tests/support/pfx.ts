/**
 * A small certificate authority in a temporary directory, and PKCS#12 (PFX) files made by it with
 * the `openssl` command (version 3).
 */

/** What `openssl req -newkey` needs to make such a key. */
const KEY_OPTIONS = {
  "RSA 2048": ["-newkey", "rsa:2048"],
  "RSA 1024": ["-newkey", "rsa:1024"],
  "RSA-PSS": ["-newkey", "rsa-pss", "-pkeyopt", "rsa_keygen_bits:2048"],
  "P-256": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
  "P-384": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384"],
  "P-521": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-521"],
  "secp256k1": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:secp256k1"],
  "Ed25519": ["-newkey", "ed25519"],
  "Ed448": ["-newkey", "ed448"],
} as const;

/** The kinds of key that can be made. */
export type KeyKind = keyof typeof KEY_OPTIONS;

/** What goes into a PFX file. */
export interface PfxRequest {
  /** The password; "secret" if not given. */
  readonly password?: string;
  /** Certificates besides the leaf, by their names, in the order they have in the file. */
  readonly others?: readonly string[];
  /** Further options of `openssl pkcs12 -export`. */
  readonly options?: readonly string[];
}

/** The password of the files when a request names none. */
export const PASSWORD = "secret";

/**
 * The authority: a root named "root" which signed "outer", which signed "inner" (both
 * intermediates). Disposing of it removes its directory.
 */
export interface TestAuthority extends AsyncDisposable {
  /** The directory that holds `<name>.key` and `<name>.crt` of every name. */
  readonly dir: string;
  /** Makes a key and a certificate for localhost and 127.0.0.1, signed by `issuer`. */
  leaf(name: string, kind: KeyKind, issuer?: string): Promise<void>;
  /** Makes a PFX file of the key and the certificate of `name`, and reads it. */
  pfx(name: string, request?: PfxRequest): Promise<Uint8Array>;
  /** The PEM certificate of `name`. */
  certificate(name: string): Promise<string>;
  /** Runs openssl in the directory; returns what it printed. Throws if it failed. */
  openssl(args: readonly string[], password?: string): Promise<string>;
}

/** Makes the authority with fresh keys; its certificates are valid for thirty days. */
export async function makeAuthority(): Promise<TestAuthority> {
  const dir = await Deno.makeTempDir({ prefix: "ooproxy_pfx_" });

  const openssl = (args: readonly string[], password = PASSWORD) => runOpenssl(dir, args, password);

  async function certify(
    name: string,
    kind: KeyKind,
    issuer: string | undefined,
    extensions: readonly string[],
  ): Promise<void> {
    const signer = issuer === undefined ? [] : ["-CA", `${issuer}.crt`, "-CAkey", `${issuer}.key`];
    await openssl([
      "req",
      "-x509",
      "-noenc",
      "-days",
      "30",
      ...KEY_OPTIONS[kind],
      "-subj",
      `/CN=${name}`,
      ...extensions.flatMap((extension) => ["-addext", extension]),
      ...signer,
      "-keyout",
      `${name}.key`,
      "-out",
      `${name}.crt`,
    ]);
  }
  const authority = ["keyUsage=critical,keyCertSign,cRLSign"];

  try {
    await certify("root", "P-256", undefined, authority);
    await certify("outer", "P-256", "root", authority);
    await certify("inner", "P-256", "outer", authority);
  } catch (error) {
    await Deno.remove(dir, { recursive: true });
    throw error;
  }

  return {
    dir,
    openssl,
    leaf: (name, kind, issuer = "inner") =>
      certify(name, kind, issuer, [
        "basicConstraints=critical,CA:false",
        "subjectAltName=DNS:localhost,IP:127.0.0.1",
      ]),
    certificate: (name) => Deno.readTextFile(`${dir}/${name}.crt`),
    async pfx(name, { password = PASSWORD, others = [], options = [] } = {}) {
      const bundle = await Promise.all(
        others.map((other) => Deno.readTextFile(`${dir}/${other}.crt`)),
      );
      await Deno.writeTextFile(`${dir}/others.pem`, bundle.join(""));
      await openssl([
        "pkcs12",
        "-export",
        ...(options.includes("-nokeys") ? [] : ["-inkey", `${name}.key`]),
        "-in",
        `${name}.crt`,
        ...(others.length > 0 ? ["-certfile", "others.pem"] : []),
        "-passout",
        "env:PFX_PASSWORD",
        ...options,
        "-out",
        `${name}.pfx`,
      ], password);
      return await Deno.readFile(`${dir}/${name}.pfx`);
    },
    [Symbol.asyncDispose]: () => Deno.remove(dir, { recursive: true }),
  };
}

/**
 * A PFX file with the certificates of one file and the key of another, which openssl refuses to
 * make. Both must have been made with the option `-nomac`.
 */
export function withForeignKey(certificates: Uint8Array, key: Uint8Array): Uint8Array {
  const [certificateBag] = contentsOf(certificates);
  const [, keyBag] = contentsOf(key);
  if (certificateBag === undefined || keyBag === undefined) throw new Error("not such a PFX file");
  const [version, info] = children(valueOf(certificates));
  if (version === undefined || info === undefined) throw new Error("not a PFX file");
  const [dataType] = children(valueOf(info));
  if (dataType === undefined) throw new Error("no type of content");
  const octets = der(0x04, der(0x30, certificateBag, keyBag));
  return der(0x30, version, der(0x30, dataType, der(0xa0, octets)));
}

/** The same file with its outermost length left open, as BER allows and DER does not. */
export function asBer(pfx: Uint8Array): Uint8Array {
  return join([Uint8Array.of(0x30, 0x80), valueOf(pfx), Uint8Array.of(0, 0)]);
}

/** The parts of the authenticated safe (RFC 7292, section 4.1): certificates first, then keys. */
function contentsOf(pfx: Uint8Array): Uint8Array[] {
  const info = children(valueOf(pfx))[1];
  const content = info && children(valueOf(info))[1];
  if (content === undefined) throw new Error("not a PFX file");
  const octets = valueOf(content);
  return children(valueOf(valueOf(octets)));
}

/** Where the value of the first DER element starts and ends. */
function extent(bytes: Uint8Array): { start: number; end: number } {
  const first = bytes[1] ?? 0;
  if (first < 0x80) return { start: 2, end: 2 + first };
  const start = 2 + (first & 0x7f);
  const length = bytes.subarray(2, start).reduce((sum, byte) => sum * 256 + byte, 0);
  return { start, end: start + length };
}

function valueOf(bytes: Uint8Array): Uint8Array {
  const { start, end } = extent(bytes);
  return bytes.subarray(start, end);
}

function children(bytes: Uint8Array): Uint8Array[] {
  const found: Uint8Array[] = [];
  for (let rest = bytes; rest.length > 0; rest = rest.subarray(extent(rest).end)) {
    found.push(rest.subarray(0, extent(rest).end));
  }
  return found;
}

/** A DER element of less than 64 KiB. */
function der(tag: number, ...parts: Uint8Array[]): Uint8Array {
  const value = join(parts);
  const length = value.length < 0x80
    ? [value.length]
    : value.length < 0x100
    ? [0x81, value.length]
    : [0x82, value.length >> 8, value.length & 0xff];
  return join([Uint8Array.of(tag, ...length), value]);
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

async function runOpenssl(
  dir: string,
  args: readonly string[],
  password: string,
): Promise<string> {
  let output: Deno.CommandOutput;
  try {
    output = await new Deno.Command("openssl", {
      args: [...args],
      cwd: dir,
      env: { PFX_PASSWORD: password },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).output();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new Error(
      "These tests need the openssl command, version 3 (Debian, Ubuntu: apt-get install openssl; " +
        "Alpine: apk add openssl; macOS: brew install openssl@3).",
    );
  }
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  if (!output.success) {
    throw new Error(`openssl ${args.join(" ")} failed: ${text(output.stderr)}`);
  }
  return text(output.stdout);
}
