/** What the rules want to know of a file's text, from its syntax tree: what it talks about does not count. */

/** What a module does, as far as the rules care. */
export interface Source {
  /** Every name in it, those of members and types among them. */
  readonly names: ReadonlySet<string>;
  readonly readsVariables: boolean;
  readonly hasDefaultExport: boolean;
  /** A variable of the module itself that can be assigned. */
  readonly hasState: boolean;
  /** Lines with more than blanks and comments on them. */
  readonly lines: number;
}

/**
 * Reads the text of a module. Within `deno test` alone: the runtime has its linter's parser there and
 * nowhere else.
 *
 * @param file its name, which says whether it is TypeScript.
 */
export function readSource(file: string, text: string): Source {
  const names = new Set<string>();
  let [readsVariables, hasDefaultExport, hasState] = [false, false, false];
  let lines = 0;

  const assignable = ({ kind }: Deno.lint.VariableDeclaration) => {
    if (kind === "let" || kind === "var") hasState = true;
  };
  const visitor = (context: Deno.lint.RuleContext): Deno.lint.LintVisitor => ({
    Program() {
      lines = linesOfCode(text, context.sourceCode.getAllComments());
    },
    Identifier({ name }) {
      names.add(name);
    },
    MemberExpression({ object, property }) {
      if (object.type !== "Identifier" || !/^(Deno|process)$/.test(object.name)) return;
      if (property.type === "Identifier" && property.name === "env") readsVariables = true;
    },
    ExportDefaultDeclaration() {
      hasDefaultExport = true;
    },
    ExportSpecifier({ exported }) {
      if (exported.type === "Identifier" && exported.name === "default") hasDefaultExport = true;
    },
    "Program > VariableDeclaration": assignable,
    "Program > ExportNamedDeclaration > VariableDeclaration": assignable,
  });
  Deno.lint.runPlugin({ name: "house", rules: { read: { create: visitor } } }, file, text);
  return { names, readsVariables, hasDefaultExport, hasState, lines };
}

function linesOfCode(text: string, comments: readonly { readonly range: Deno.lint.Range }[]) {
  const code = comments.reduceRight((rest, { range: [from, to] }) => {
    return rest.slice(0, from) + text.slice(from, to).replaceAll(/[^\n]/g, "") + rest.slice(to);
  }, text);
  return code.split("\n").filter((line) => line.trim() !== "").length;
}
