// Events: POST /events/upload/initiate on SQLite and on PostgreSQL beside FastAPI + SQLAlchemy + uvicorn (Debian's)
// that do the same on the same store; a clip of 100 MB beside nginx's dav; how long a clip waits for its summary, and
// how long the webhook for its event.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { folder, freePort, median, output, percentile, run, sleep, spread, until, version } from './lib.mjs';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const rounds = 3,
  seconds = 4,
  connections = 32,
  clips = 30,
  MB = 1048576;
const WORKER = 'a-token-of-the-benchmark';
const fields = { device_id: 'sill', trigger_type: 'motion', duration_seconds: 6, clip_mime: 'video/webm' };

const APP = `
import os, uuid, datetime
from fastapi import FastAPI, HTTPException, Depends
from pydantic import BaseModel
from sqlalchemy import create_engine, event, Column, String, Float, Integer, DateTime
from sqlalchemy.orm import sessionmaker, declarative_base, Session as Db
url = os.environ["DATABASE_URL"]
engine = create_engine(url, **({"connect_args": {"check_same_thread": False, "timeout": 30}} if url.startswith("sqlite") else {"pool_size": 5, "max_overflow": 0}))
if url.startswith("sqlite"):
    @event.listens_for(engine, "connect")
    def pragmas(connection, record):
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
Base = declarative_base()
class Session(Base):
    __tablename__ = "bench_sessions"
    session_id = Column(String, primary_key=True)
    device_id = Column(String)
class Event(Base):
    __tablename__ = "bench_events"
    event_id = Column(String, primary_key=True)
    session_id = Column(String, index=True)
    device_id = Column(String)
    status = Column(String)
    trigger_type = Column(String)
    created_at = Column(DateTime)
    duration_seconds = Column(Float)
    clip_mime = Column(String)
    clip_size_bytes = Column(Integer)
    clip_blob_name = Column(String)
class Initiate(BaseModel):
    session_id: str
    device_id: str
    trigger_type: str
    duration_seconds: float
    clip_mime: str
    clip_size_bytes: int
make = sessionmaker(bind=engine)
def db():
    s = make()
    try:
        yield s
    finally:
        s.close()
if os.environ.get("BENCH_MAKE"):
    Base.metadata.create_all(engine)
    with make() as s:
        s.add(Session(session_id="s", device_id="sill"))
        s.commit()
    raise SystemExit
app = FastAPI()
@app.post("/events/upload/initiate")
def initiate(body: Initiate, s: Db = Depends(db)):
    if s.get(Session, body.session_id) is None:
        raise HTTPException(404, "session not found")
    id = str(uuid.uuid4())
    e = Event(event_id=id, status="queued", created_at=datetime.datetime.utcnow(), clip_blob_name=f"sessions/{body.session_id}/events/{id}.webm", **body.dict())
    s.add(e)
    s.commit()
    s.refresh(e)
    where = f"http://localhost/events/{id}/upload"
    return {"event": {c.name: getattr(e, c.name) for c in Event.__table__.columns}, "upload_url": where, "blob_url": where, "expires_at": e.created_at}
`;

const ask = async (url, method, path, json) => {
  const answer = await fetch(url + path, {
    method,
    headers: { 'Content-Type': 'application/json' },
    body: json && JSON.stringify(json),
  });
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
  return answer.status === 204 ? null : answer.json();
};

async function server(config = {}, env = {}) {
  const dir = folder('events'),
    file = join(dir, 'server.yaml');
  writeFileSync(file, JSON.stringify({ port: 0, ...config }));
  const p = run([join(root, 'build/testbed-server'), '--config', file, '--state-dir', dir], {
    env: { WORKER_API_TOKEN: '', ...env },
  });
  const url = (await until('the server', () => /url="?(http:\/\/[^\s"]+)/.exec(p.text)))[1];
  await until('its events', async () => (await fetch(`${url}/events`)).status !== 503);
  const { session_id: session } = await ask(url, 'POST', '/sessions/start', { device_id: 'sill' });
  return { url, pid: p.pid, session };
}

async function peer(database) {
  const dir = folder('fastapi'),
    port = await freePort(),
    env = { PATH: '/usr/bin:/bin', DATABASE_URL: database ?? `sqlite:///${join(dir, 'test.db')}` };
  writeFileSync(join(dir, 'app.py'), APP);
  execFileSync('/usr/bin/python3', ['app.py'], { cwd: dir, env: { ...env, BENCH_MAKE: '1' } });
  run(
    [
      '/usr/bin/uvicorn',
      '--workers',
      '2',
      '--port',
      String(port),
      '--log-level',
      'warning',
      '--no-access-log',
      'app:app',
    ],
    { cwd: dir, env },
  );
  const url = `http://127.0.0.1:${port}`;
  const up = () => ask(url, 'POST', '/events/upload/initiate', { session_id: 's', clip_size_bytes: 1, ...fields });
  await until('uvicorn', () => up().catch(() => false));
  return { url, session: 's' };
}

async function load({ url, session }) {
  const script = join(folder('wrk'), 'post.lua');
  const body = JSON.stringify({ session_id: session, clip_size_bytes: 1000, ...fields });
  writeFileSync(
    script,
    `wrk.method = "POST"\nwrk.headers["Content-Type"] = "application/json"\nwrk.body = [[${body}]]\n`,
  );
  const argv = ['wrk', '-t1', `-c${connections}`, `-d${seconds}s`, '-s', script, `${url}/events/upload/initiate`];
  const { text } = await output(argv);
  const requests = Number(/(\d+) requests in/.exec(text)?.[1]);
  const errors = /Non-2xx or 3xx responses: (\d+)/.exec(text)?.[1];
  if (!requests || errors) throw new Error(`wrk on ${url}: ${errors ?? text}`);
  return { rate: requests / seconds };
}

async function initiates(name, ours, theirs) {
  const us = [],
    them = [];
  for (let i = 0; i < rounds; i++) {
    us.push(await load(ours));
    them.push(await load(theirs));
  }
  const [a, b] = [median(us, 'rate'), median(them, 'rate')];
  return {
    what: `POST /events/upload/initiate, ${name}, ${connections} connections: requests/s`,
    ours: `${a.toFixed(0)} (${spread(us, 'rate', 0)})`,
    peer: `FastAPI ${version('python3-fastapi')} + SQLAlchemy ${version('python3-sqlalchemy')} + uvicorn: ${b.toFixed(0)} (${spread(them, 'rate', 0)})`,
    rounds,
    ratio: `${(a / b).toFixed(1)} ×`,
    target: '≥ 10 ×',
    met: a / b >= 10,
  };
}

const rss = (pid) => Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024;
async function rateOf(url, file) {
  const { code, text } = await output(['curl', '-fsS', '-o', '/dev/null', '-w', '%{speed_upload}\n', '-T', file, url]);
  if (code) throw new Error(`curl: ${text}`);
  return { rate: Number(text.trim().split('\n').at(-1)) / MB };
}
async function large(ours) {
  const dir = folder('nginx'),
    port = await freePort(),
    file = join(dir, 'clip');
  writeFileSync(file, Buffer.alloc(100 * MB, 'a clip'));
  writeFileSync(
    join(dir, 'nginx.conf'),
    `daemon off; pid ${dir}/pid; error_log stderr; events {} http { access_log off; client_body_temp_path ${dir}/t; client_max_body_size 0; server { listen 127.0.0.1:${port}; root ${dir}/www; location / { dav_methods PUT; create_full_put_path on; } } }`,
  );
  execFileSync('mkdir', ['-p', join(dir, 'www')]);
  execFileSync('chmod', ['-R', '777', dir]);
  run(['nginx', '-e', 'stderr', '-c', join(dir, 'nginx.conf')]);
  const theirs = `http://127.0.0.1:${port}`;
  await until('nginx', () => fetch(theirs).catch(() => false));
  const us = [],
    them = [],
    before = rss(ours.pid);
  for (let i = 0; i < rounds; i++) {
    const body = { session_id: ours.session, clip_size_bytes: 100 * MB, ...fields };
    const made = await ask(ours.url, 'POST', '/events/upload/initiate', body);
    us.push(await rateOf(made.upload_url, file));
    them.push(await rateOf(`${theirs}/clip-${i}`, file));
  }
  const [a, b] = [median(us, 'rate'), median(them, 'rate')];
  return {
    what: `A clip of 100 MB through the server: MB/s (its memory grew by ${(rss(ours.pid) - before).toFixed(1)} MB)`,
    ours: `${a.toFixed(0)} (${spread(us, 'rate', 0)})`,
    peer: `nginx ${version('nginx-light')} dav: ${b.toFixed(0)} (${spread(them, 'rate', 0)})`,
    rounds,
    ratio: (a / b).toFixed(2),
    target: '≥ 0.7',
    met: a / b >= 0.7,
  };
}

async function waits() {
  const told = new Map();
  const hook = http.createServer(async (req, res) => {
    const parts = [];
    for await (const part of req) parts.push(part);
    told.set(JSON.parse(Buffer.concat(parts)).event_id, performance.now());
    res.end();
  });
  await new Promise((done) => hook.listen(0, '127.0.0.1', done));
  const config = { events: { webhook: { url: `http://127.0.0.1:${hook.address().port}/` } } };
  const { url, session } = await server(config, { WORKER_API_TOKEN: WORKER });
  const file = join(folder('film'), 'ball.webm');
  const pipe = `videotestsrc pattern=ball num-buffers=90 ! video/x-raw,width=320,height=180,framerate=15/1 ! vp8enc deadline=1 ! webmmux ! filesink location=${file}`;
  execFileSync('gst-launch-1.0', ['-q', ...pipe.split(' ')]);
  const body = readFileSync(file);
  run([join(root, 'build/testbed-worker'), '--server', url], { env: { WORKER_API_TOKEN: WORKER } });
  const seen = [],
    heard = [];
  for (let i = 0; i < clips; i++) {
    const asked = { session_id: session, clip_size_bytes: body.length, ...fields };
    const { event, upload_url: to } = await ask(url, 'POST', '/events/upload/initiate', asked);
    await fetch(to, { method: 'PUT', body });
    const from = performance.now();
    await ask(url, 'POST', `/events/${event.event_id}/upload/finalize`, {});
    for (;;) {
      const { status, label } = await ask(url, 'GET', `/events/${event.event_id}`);
      if (status === 'done' && label !== 'motion') throw new Error(`the clip is ${label}`);
      if (status === 'done') break;
      await sleep(2); // lint: tests - the pause between two looks
    }
    const at = performance.now();
    seen.push(at - from);
    await until('the webhook', () => told.has(event.event_id));
    heard.push(Math.max(told.get(event.event_id) - at, 0));
  }
  hook.close();
  const row = (what, values, most) => ({
    what,
    ours: `${percentile(values, 0.5).toFixed(0)} ms, p95 ${percentile(values, 0.95).toFixed(0)} ms (${clips} clips)`,
    peer: '',
    ratio: '',
    target: `p95 ≤ ${most} ms`,
    met: percentile(values, 0.95) <= most,
  });
  return [row('finalize → summary (pixels, a clip of 6 s)', seen, 1500), row('summary → webhook received', heard, 100)];
}

export default async function bench() {
  const sqlite = await server();
  const rows = [await initiates('SQLite', sqlite, await peer())];
  const dir = folder('pg');
  run(['sh', join(root, 'tests/postgres.sh'), dir]);
  await until('PostgreSQL', async () => (await output(['pg_isready', '-q', '-h', dir])).code === 0);
  const at = `postgresql:///postgres?host=${dir}&user=testbed`;
  rows.push(await initiates('PostgreSQL', await server({}, { DATABASE_URL: at }), await peer(at)));
  rows.push(await large(sqlite));
  return [...rows, ...(await waits())];
}
