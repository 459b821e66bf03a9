// Buckets of others on the loopback: Azurite and s3rver (tests/counterparts), each with its data in a folder that
// outlives it. s3rver looks at no signature of version 4: a front of it does.
import { createHash, createHmac } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';

import { Program, ROOT, freePort, scratch, until } from './harness.mjs';

const bin = (name) => path.join(ROOT, 'tests/counterparts/node_modules/.bin', name);
const AZURE_KEY = 'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==';

/** What docs/EVENTS.md says that a bucket needs for pages. */
function forPages() {
  const file = path.join(scratch(), 'cors.xml');
  writeFileSync(
    file,
    `<CORSConfiguration><CORSRule><AllowedOrigin>*</AllowedOrigin><AllowedMethod>PUT</AllowedMethod>
<AllowedHeader>content-type</AllowedHeader><ExposeHeader>ETag</ExposeHeader></CORSRule></CORSConfiguration>`,
  );
  return file;
}

const kinds = {
  S3: {
    argv: (folder, port) => [
      ...[bin('s3rver'), '-d', folder, '-a', '127.0.0.1', '-p', port],
      ...['--configure-bucket', 'clips', forPages()],
    ],
    env: (url) => ({
      S3_BUCKET: 'clips',
      AWS_ENDPOINT_URL_S3: url,
      AWS_ACCESS_KEY_ID: 'S3RVER',
      AWS_SECRET_ACCESS_KEY: SECRET,
    }),
  },
  Azure: {
    argv: (folder, port) => [
      bin('azurite-blob'),
      ...['--location', folder, '--blobHost', '127.0.0.1', '--blobPort', port],
      ...['--silent', '--disableTelemetry', '--skipApiVersionCheck'],
    ],
    env: (url) => ({
      AZURITE_BLOB_ENDPOINT: `${url}/devstoreaccount1`,
      AZURITE_ACCOUNT_NAME: 'devstoreaccount1',
      AZURITE_ACCOUNT_KEY: AZURE_KEY,
    }),
  },
};

const SECRET = 'S3RVER';
const hmac = (key, text) => createHmac('sha256', key).update(text).digest();
/** Whether a request bears the signature of version 4 that its method, path, query, headers and secret make. */
function signed({ method, url, headers }) {
  const [target, query = ''] = url.split(/\?(.*)/s);
  const parts = query ? query.split('&').map((p) => (p.includes('=') ? p : `${p}=`)) : [];
  const asked = Object.fromEntries(parts.map((p) => p.split(/=(.*)/s).map(decodeURIComponent)));
  const field = /Credential=([^,]+),\s*SignedHeaders=([^,]+),\s*Signature=(\w+)/.exec(headers.authorization ?? '');
  const [, who, names, signature] = field ?? [
    0,
    asked['X-Amz-Credential'],
    asked['X-Amz-SignedHeaders'],
    asked['X-Amz-Signature'],
  ];
  if (!who) return false;
  const [, day, region, service] = who.split('/');
  const time = field ? headers['x-amz-date'] : asked['X-Amz-Date'];
  const request = [
    method,
    target,
    parts
      .filter((p) => !p.startsWith('X-Amz-Signature='))
      .sort((a, b) => (a.split('=')[0] < b.split('=')[0] ? -1 : 1))
      .join('&'),
    ...names.split(';').map((n) => `${n}:${(headers[n] ?? '').trim()}`),
    '',
    names,
    field ? headers['x-amz-content-sha256'] : 'UNSIGNED-PAYLOAD',
  ].join('\n');
  const scope = `${day}/${region}/${service}/aws4_request`;
  const key = [day, region, service, 'aws4_request'].reduce(hmac, `AWS4${SECRET}`);
  const sum = createHash('sha256').update(request).digest('hex');
  return hmac(key, `AWS4-HMAC-SHA256\n${time}\n${scope}\n${sum}`).toString('hex') === signature;
}

/** Lets through to `port` what is signed, and a page's question whether it may. `removals`: as Bucket has them. */
function front(port, removals) {
  const server = http.createServer((req, res) => {
    if (req.method === 'DELETE') {
      removals.most = Math.max(removals.most, ++removals.now);
      res.on('close', () => removals.now--);
    }
    if ((req.method !== 'OPTIONS' && !signed(req)) || (req.method === 'DELETE' && removals.refused?.test(req.url))) {
      req.resume();
      res.writeHead(403, { Connection: 'close' }).end('<Error><Code>SignatureDoesNotMatch</Code></Error>');
      return;
    }
    const { method, url, headers } = req;
    const on = http.request({ port, host: '127.0.0.1', method, path: url, headers, agent: false }, (answer) => {
      res.writeHead(answer.statusCode, answer.headers);
      answer.pipe(res);
    });
    on.on('error', () => res.destroy());
    req.on('close', () => req.complete || on.destroy());
    req.pipe(on);
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server.unref())));
}

export class Bucket {
  /** `kind`: "S3" or "Azure". `env` is what a server needs to have its clips there. */
  static async start(kind) {
    const bucket = new Bucket();
    bucket.kind = kind;
    bucket.folder = scratch('tb-bucket-');
    bucket.port = await freePort();
    bucket.removals = { now: 0, most: 0, refused: undefined }; // of S3: under way, at once; and which get a 403
    bucket.front = kind === 'S3' && (await front(bucket.port, bucket.removals));
    bucket.url = `http://127.0.0.1:${bucket.front ? bucket.front.address().port : bucket.port}`;
    bucket.env = kinds[kind].env(bucket.url);
    await bucket.again();
    return bucket;
  }
  async again() {
    const argv = kinds[this.kind].argv(this.folder, String(this.port));
    if (!existsSync(argv[0])) throw new Error(`${argv[0]} is not there: make deps`);
    this.program = new Program([process.execPath, ...argv]);
    await until(`${this.kind} to listen`, () => this.answers(), 20000);
  }
  answers() {
    return new Promise((resolve) => {
      const socket = net.connect(this.port, '127.0.0.1', () => {
        socket.destroy();
        resolve(true);
      });
      socket.on('error', () => resolve(false));
    });
  }
  /** What it has taken is on its disk then. */
  stop() {
    return this.program.stop(20000);
  }
}
