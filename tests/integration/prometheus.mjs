// /metrics as a scraper reads it: Prometheus' own Python client parses it, and a series comes once (Prometheus refuses
// the whole scrape otherwise).
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';

const PARSE = `
import json, sys
from prometheus_client.parser import text_string_to_metric_families
print(json.dumps([{"name": f.name, "type": f.type, "help": f.documentation, "samples": [[s.name, s.labels, s.value] for s in f.samples]}
                  for f in text_string_to_metric_families(sys.stdin.read())]))`;

/** The families of a metrics page. */
export function scrape({ headers, text }) {
  assert.match(headers['content-type'], /^text\/plain; version=0\.0\.4/);
  const families = JSON.parse(execFileSync('/usr/bin/python3', ['-c', PARSE], { input: text }));
  assert.ok(families.length > 5, text);
  const seen = new Set();
  for (const family of families) {
    assert.notEqual(family.type, 'unknown', `${family.name} has no type`);
    assert.ok(family.help, `${family.name} has no help`);
    for (const [name, labels] of family.samples) {
      const series = JSON.stringify([name, Object.entries(labels).sort()]);
      assert.ok(!seen.has(series), `${series} comes twice`);
      seen.add(series);
    }
  }
  return families;
}
