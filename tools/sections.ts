/** Parts of a document that are generated, between marks that a reader does not see. */

/** The document with one section replaced. Throws where its marks are missing. */
export function withSection(text: string, name: string, section: string): string {
  const { from, to } = find(text, name);
  return `${text.slice(0, from)}\n\n${section.trim()}\n\n${text.slice(to)}`;
}

function find(text: string, name: string): { from: number; to: number } {
  const begin = `<!-- ${name}:begin -->`;
  const end = `<!-- ${name}:end -->`;
  const from = text.indexOf(begin);
  const to = text.indexOf(end);
  if (from === -1 || to < from) throw new Error(`no ${begin} followed by ${end}`);
  return { from: from + begin.length, to };
}
