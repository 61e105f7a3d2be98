/** Numbers and tables as text. Pure. */

/** A number with this many decimals and a comma every three digits; `–` for none. */
export function number(value: number | undefined, decimals = 0): string {
  if (value === undefined) return "–";
  return value.toLocaleString("en-US", {
    minimumFractionDigits: decimals,
    maximumFractionDigits: decimals,
  });
}

/** Microseconds of CPU: one decimal below a hundred. */
export function micros(value: number | undefined): string {
  return number(value, value !== undefined && value < 100 ? 1 : 0);
}

/** Microseconds as milliseconds, two decimals. */
export function millis(value: number): string {
  return number(value / 1000, 2);
}

/** `yes` or `no`; `–` for neither. */
export function yesNo(value: boolean | undefined): string {
  if (value === undefined) return "–";
  return value ? "yes" : "no";
}

/**
 * A Markdown table, padded so that it reads well in a terminal too. The first `texts` columns are
 * aligned left, the others right.
 */
export function table(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  texts: number,
): string {
  const all = [header, ...rows];
  const widths = header.map((_, column) =>
    Math.max(3, ...all.map((row) => [...row[column] ?? ""].length))
  );
  const line = (row: readonly string[]) => {
    const cells = widths.map((width, column) => {
      const cell = row[column] ?? "";
      return column < texts ? cell.padEnd(width) : cell.padStart(width);
    });
    return `| ${cells.join(" | ")} |`;
  };
  const rule = widths.map((width, column) =>
    column < texts ? "-".repeat(width) : `${"-".repeat(width - 1)}:`
  );
  return [line(header), `| ${rule.join(" | ")} |`, ...rows.map(line), ""].join("\n");
}
