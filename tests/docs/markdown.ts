/** Reads Markdown as far as the tests of the documents need it. */

/** A link of a document, as it is written. */
export interface Link {
  readonly path: string;
  /** The part after `#`, without it; empty if there is none. */
  readonly anchor: string;
}

/** The text without code blocks and code spans, in which nothing is a link or a heading. */
export function prose(markdown: string): string {
  return markdown.replaceAll(/^```.*?^```$/gms, "").replaceAll(/`[^`]*`/g, "");
}

/** All links to other places of the project: inline and by reference, without those to the web. */
export function linksOf(markdown: string): readonly Link[] {
  const text = prose(markdown);
  const targets = [
    ...text.matchAll(/\]\(([^)\s]+)\)/g),
    ...text.matchAll(/^\[[^\]]+\]: (\S+)$/gm),
  ].map(([, target = ""]) => target);
  return targets.filter((target) => !/^[a-z]+:/.test(target)).map((target) => {
    const [path = "", anchor = ""] = target.split("#");
    return { path, anchor };
  });
}

/**
 * The anchors of the headings, as GitHub makes them: lower case, without punctuation, hyphens for
 * spaces. Headings that would get the same anchor are not distinguished.
 */
export function anchorsOf(markdown: string): readonly string[] {
  const text = markdown.replaceAll(/^```.*?^```$/gms, "");
  return [...text.matchAll(/^#{1,6} (.+)$/gm)].map(([, heading = ""]) =>
    heading.trim().toLowerCase().replaceAll(/[^\p{L}\p{N}\s_-]/gu, "").replaceAll(/\s/g, "-")
  );
}

/** The code spans outside of code blocks. */
export function codeSpansOf(markdown: string): readonly string[] {
  const text = markdown.replaceAll(/^```.*?^```$/gms, "");
  return [...text.matchAll(/`([^`]+)`/g)].map(([, code = ""]) => code);
}

/** The section under a heading of the second level, up to the next one. */
export function sectionOf(markdown: string, heading: string): string {
  const [, section] = markdown.split(new RegExp(`^## ${heading}$`, "m"));
  return section?.split(/^## /m)[0] ?? "";
}

/** The items of all lists with hyphens at the left margin, each as one line. */
export function itemsOf(markdown: string): readonly string[] {
  return [...markdown.matchAll(/^- (.+(?:\n {2}\S.*)*)/gm)].map(([, item = ""]) =>
    item.replaceAll(/\s+/g, " ")
  );
}
