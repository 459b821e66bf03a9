// The recipe of docs/DEVELOP.md stays true: what `make new-driver` makes builds without a warning and passes the contract test and its own.
import { test } from "node:test";
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const top = new URL("../..", import.meta.url).pathname;

test("make new-driver gives a driver that builds and keeps the contract", { timeout: 600_000 }, () => {
  const tree = mkdtempSync(join(tmpdir(), "tb-new-driver-"));
  try {
    // with what is built already, times kept, so that only the new folder is compiled
    for (const part of ["Makefile", "mk", "lib", "drivers", "host", "server", "tests/contract", "tests/fuzz/main.c", "build"]) {
      if (!existsSync(join(top, part))) continue;
      cpSync(join(top, part), join(tree, part), {
        recursive: true, preserveTimestamps: true,
        filter: (from) => !/\/build\/(asan|tsan|fuzz|fuzz-found)(\/|$)/.test(from),
      });
    }
    const make = (...args) => execFileSync("make", args, { cwd: tree, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
    make("new-driver", "NAME=acme9");
    assert.match(readFileSync(join(tree, "drivers/acme9/acme9.c"), "utf8"), /const TbDriver tb_driver_acme9 = /);
    const contract = "build/tests/tests/contract/test_driver_contract", own = "build/tests/drivers/acme9/test_acme9";
    make("WERROR=1", contract, own);
    const out = execFileSync(join(tree, contract), ["-p", "/contract/acme9"], { cwd: tree, encoding: "utf8" });
    assert.equal(out.match(/^ok /gm)?.length, 5, out);
    assert.match(execFileSync(join(tree, own), { encoding: "utf8" }), /^ok 2 /m);

    for (const name of ["acme9", "", "Acme", "9x", "a/b", "transport"]) {
      const again = spawnSync("sh", ["mk/new-driver.sh", name], { cwd: tree, encoding: "utf8" });
      assert.equal(again.status, 2, `"${name}" must be refused`);
      assert.notEqual(again.stderr, "");
    }
  } finally {
    rmSync(tree, { recursive: true, force: true });
  }
});
