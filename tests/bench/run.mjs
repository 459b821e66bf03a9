// make bench [T=name]: each benchmark runs us and the peer side by side in one run and prints ratios. Nothing here asserts an absolute time.
import { readdirSync, mkdirSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { cleanUp } from "./lib.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const wanted = process.argv.slice(2).filter(Boolean);
const files = readdirSync(here).filter((f) => f.endsWith(".bench.mjs")).sort().filter((f) => !wanted.length || wanted.some((w) => f.startsWith(`${w}.`)));
if (!files.length) {
  console.error(`no such benchmark; there are: ${readdirSync(here).filter((f) => f.endsWith(".bench.mjs")).map((f) => f.slice(0, -10)).join(", ")}`);
  process.exit(2);
}
process.on("SIGINT", () => cleanUp().then(() => process.exit(130)));
console.log(`${cpus().length} × ${cpus()[0].model}\n`);
const rows = [];
let failed = 0;
for (const file of files) {
  process.stderr.write(`${file.slice(0, -10)} …\n`);
  try {
    const { default: bench } = await import(pathToFileURL(join(here, file)));
    rows.push(...await bench());
  } catch (error) {
    failed++;
    rows.push({ what: file.slice(0, -10), ours: `failed: ${error.message.split("\n")[0]}`, peer: "", ratio: "", target: "" });
    console.error(error);
  } finally {
    await cleanUp();
  }
}
const columns = ["what", "ours", "peer", "ratio", "target"];
console.log(`| ${columns.join(" | ")} |\n|${columns.map(() => "---|").join("")}`);
for (const row of rows) console.log(`| ${columns.map((c) => row[c] ?? "").join(" | ")} |`);
mkdirSync("build", { recursive: true });
writeFileSync("build/bench.json", JSON.stringify({ date: new Date().toISOString(), rows }, null, 1));
process.exit(failed ? 1 : 0);
