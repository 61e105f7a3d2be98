/** What `deno compile` puts into a binary, read from the ELF note in which it keeps that. */

/** The part of the metadata that is looked at; every permission is `null` where nothing is granted. */
export interface Metadata {
  readonly argv: readonly string[];
  readonly code_cache_key: unknown;
  readonly permissions: Readonly<Record<string, readonly string[] | boolean | null>>;
  readonly v8_flags: readonly string[];
  readonly entrypoint_key: string;
  readonly env_vars_from_env_file: Readonly<Record<string, string>>;
  readonly unsafely_ignore_certificate_errors: unknown;
  readonly unstable_config: { readonly features: readonly string[] };
  readonly workspace_resolver: { readonly import_map: { readonly json: string } };
}

/** What is in a binary. */
export interface Embedded {
  readonly metadata: Metadata;
  /** Paths of all files, sorted; those of packages begin with `.deno_compile_node_modules/`. */
  readonly files: readonly string[];
}

/** A node of the embedded file system. */
interface Node {
  readonly Dir?: { readonly n: string; readonly e: readonly Node[] };
  readonly File?: { readonly n: string };
  readonly Symlink?: { readonly n: string };
}

/** The section that holds the note. */
const SECTION = ".note.sui";

/** Bytes of an ELF header of 64 bits, and where in it things are. */
const HEADER_BYTES = 64;
const SECTIONS_AT = 0x28;
const SECTION_BYTES_AT = 0x3a;
const SECTION_COUNT_AT = 0x3c;
const NAMES_INDEX_AT = 0x3e;

/** Reads what is in a binary for 64-bit Linux; throws where it is none. */
export async function readEmbedded(path: string): Promise<Embedded> {
  const note = new Uint8Array(await readSection(path, SECTION));
  const metadata = jsonFrom(note, '{"argv"') as Metadata;
  const tree = jsonFrom(note, '[{"') as readonly Node[];
  return { metadata, files: tree.flatMap((node) => pathsOf(node, "")).toSorted() };
}

async function readSection(path: string, wanted: string): Promise<ArrayBuffer> {
  using file = await Deno.open(path);
  const read = async (at: number, length: number): Promise<DataView<ArrayBuffer>> => {
    await file.seek(at, Deno.SeekMode.Start);
    const bytes = new Uint8Array(length);
    for (let had = 0; had < length;) {
      const got = await file.read(bytes.subarray(had));
      if (got === null) throw new Error(`${path} ends within a section`);
      had += got;
    }
    return new DataView(bytes.buffer);
  };
  const header = await read(0, HEADER_BYTES);
  if (header.getUint32(0) !== 0x7f454c46) throw new Error(`${path} is no ELF file`);
  const size = header.getUint16(SECTION_BYTES_AT, true);
  const count = header.getUint16(SECTION_COUNT_AT, true);
  const table = await read(Number(header.getBigUint64(SECTIONS_AT, true)), size * count);
  const section = async (index: number) => {
    const at = index * size;
    const [offset, length] = [0x18, 0x20].map((field) => table.getBigUint64(at + field, true));
    return await read(Number(offset), Number(length));
  };
  const names = new Uint8Array((await section(header.getUint16(NAMES_INDEX_AT, true))).buffer);
  for (let index = 0; index < count; index++) {
    const from = table.getUint32(index * size, true);
    const name = new TextDecoder().decode(names.subarray(from, names.indexOf(0, from)));
    if (name === wanted) return (await section(index)).buffer;
  }
  throw new Error(`${path} has no section ${wanted}`);
}

/** The JSON text that begins like this; its length in bytes stands before it. */
function jsonFrom(note: Uint8Array<ArrayBuffer>, beginning: string): unknown {
  const wanted = new TextEncoder().encode(beginning);
  for (
    let at = note.indexOf(wanted[0] ?? 0);
    at !== -1;
    at = note.indexOf(wanted[0] ?? 0, at + 1)
  ) {
    if (at < 8 || !wanted.every((byte, index) => note[at + index] === byte)) continue;
    const length = Number(new DataView(note.buffer, at - 8, 8).getBigUint64(0, true));
    if (at + length > note.length) continue;
    return JSON.parse(new TextDecoder().decode(note.subarray(at, at + length)));
  }
  throw new Error(`nothing in the note begins with ${beginning}`);
}

function pathsOf({ Dir, File, Symlink }: Node, above: string): string[] {
  if (Dir !== undefined) return Dir.e.flatMap((node) => pathsOf(node, `${above}${Dir.n}/`));
  const leaf = File ?? Symlink;
  if (leaf === undefined) throw new Error(`an unknown entry below ${above}`);
  return [above + leaf.n];
}
