// Reads TAP as GLib's g_test and Node's test runner write it. Pure.
//
// Node nests: the children of a test stand before it, four spaces deeper. Only leaves are counted; a parent counts
// when it failed although no child of it did (its own hook, say).

const POINT = /^( *)(not ok|ok)\b *\d* *-? ?(.*)$/;
const PLAN = /^( *)1\.\.(\d+)/;

/**
 * -> {passed, failures: [{name, detail}], skips: [{name, reason}], planned (top level, -1: no plan), seen (top level
 * points),
 *     running: name of the test that had begun and not ended, as far as it can be told}
 */
export function readTap(text) {
  const result = { passed: 0, failures: [], skips: [], planned: -1, seen: 0, running: '' };
  const open = []; // per depth: did a deeper point come since the last point of this depth? did one fail?
  let diagnostic = null; // the last failure, which takes the YAML block behind it
  let yaml = false;
  let before = []; // comment and plain lines since the last point: GLib prints its assertion before "not ok"
  for (const line of text.split('\n')) {
    const plan = PLAN.exec(line);
    if (plan) {
      if (!plan[1]) result.planned = Number(plan[2]);
      continue;
    }
    const point = POINT.exec(line);
    if (!point) {
      const subtest = /^ *# Subtest: (.*)$/.exec(line);
      if (subtest) result.running = subtest[1];
      if (/^ *---\s*$/.test(line)) yaml = true;
      else if (/^ *\.\.\.\s*$/.test(line)) yaml = false;
      else if (yaml && diagnostic) diagnostic.lines.push(line);
      if (yaml || /^ *\.\.\.\s*$/.test(line)) continue;
      before.push(line);
      if (before.length > 60) before.shift();
      continue;
    }
    diagnostic = null;
    yaml = false;
    const depth = point[1].length / 4;
    const parent = (open[depth + 1] ?? { n: 0 }).n > 0;
    const childFailed = (open[depth + 1] ?? { failed: false }).failed;
    open.length = depth + 1;
    const level = (open[depth] ??= { n: 0, failed: false });
    level.n++;
    if (depth === 0) result.seen++;
    const skip = /\s# SKIP\b ?(.*)$/i.exec(point[3]);
    const todo = /\s# TODO\b ?(.*)$/i.exec(point[3]);
    const name = point[3].replace(/\s# (SKIP|TODO)\b.*$/i, '').replaceAll('\\#', '#');
    if (point[2] === 'not ok' && !todo) {
      level.failed = true;
      if (!(parent && childFailed)) {
        const failure = {
          name,
          lines: before.filter((l) => l && !/^ *# (Subtest|Start of|End of|random seed)/.test(l)),
        };
        result.failures.push(failure);
        diagnostic = failure;
      }
    } else if (skip || todo) {
      result.skips.push({ name, reason: (skip ?? todo)[1].trim() });
    } else if (!parent) {
      result.passed++;
    }
    if (parent && childFailed) level.failed = true;
    before = [];
    result.running = '';
  }
  result.failures = result.failures.map((f) => ({ name: f.name, detail: f.lines.join('\n') }));
  return result;
}
