/**
 * `deno task test:vectors FOLDER`: every signature of Project Wycheproof in a folder by an accepted
 * algorithm, over the checks of signatures alone. The folder holds the files of its `testvectors_v1`, which are not part of this
 * project. Ends with 1 where a vector has the wrong outcome or nothing was checked.
 */
import { type FileReport, isUsed, runFile } from "./wycheproof.ts";

const [folder] = Deno.args;
if (folder === undefined) {
  print("usage: deno task test:vectors FOLDER");
  Deno.exit(64);
}

const files = Array.from(Deno.readDirSync(folder), ({ name }) => name)
  .filter((name) => name.endsWith("_test.json")).sort();
const reports = files.filter(isUsed).map((file) =>
  runFile(file, Deno.readTextFileSync(`${folder}/${file}`))
);

for (const report of reports) print(`${report.file}: ${countsOf([report])}`);
for (const file of files.filter((name) => !isUsed(name))) {
  print(`${file}: not used, its algorithm is not accepted`);
}
const wrong = reports.flatMap((report) => report.wrong);
const { length } = reports;
print(`all ${length} files: ${countsOf(reports)}, ${wrong.length} with the wrong outcome`);
for (const line of wrong) print(line);
Deno.exit(wrong.length > 0 || reports.length === 0 ? 1 : 0);

function countsOf(of: readonly FileReport[]): string {
  const sum = (key: "accepted" | "refused" | "acceptable" | "otherParameters" | "weakKeys") =>
    of.reduce((total, report) => total + report[key], 0);
  const vectors = sum("accepted") + sum("refused");
  const others = sum("otherParameters") === 0
    ? ""
    : `, ${sum("otherParameters")} with other parameters`;
  const weak = sum("weakKeys") === 0 ? "" : `; ${sum("weakKeys")} keys no key set may bring`;
  return `${vectors} vectors, ${sum("accepted")} accepted, ${sum("refused")} refused ` +
    `(${sum("acceptable")} "acceptable"${others})${weak}`;
}

function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}
