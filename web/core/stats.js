// getStats() reports -> the figures of the quality badge. Pure: two reports in, one set of figures out.

const NTP_TO_UNIX_MS = 2208988800000;

const kbps = (bytes, ms) => (ms > 0 ? (bytes * 8) / ms : null);
const rate = (n, d) => (d > 0 ? n / d : null);

function find(report, test) {
  for (const s of report.values()) if (test(s)) return s;
  return null;
}

/**
 * Latency of the picture from the capture time that the sender stamps on it, to the moment when the newest frame
 * was handed to the track. `sources`: getSynchronizationSources(). The sender's clock may be off ours; its sender
 * reports say by how much.
 */
export function captureLatency(sources, { now, timeOrigin = 0, clockOffsetMs = 0 }) {
  const source = sources?.[0];
  const stamp = source?.captureTimestamp;
  if (!Number.isFinite(stamp) || stamp <= 0) return null;
  const captured = (stamp > NTP_TO_UNIX_MS / 2 ? stamp - NTP_TO_UNIX_MS : stamp) + clockOffsetMs;
  let delivered = now;
  if (Number.isFinite(source.timestamp)) {
    const at = source.timestamp < 1e12 ? timeOrigin + source.timestamp : source.timestamp;
    if (Math.abs(now - at) < 10000) delivered = at;
  }
  const latency = delivered - captured;
  return latency >= -5 && latency < 60000 ? Math.max(0, latency) : null;
}

/** How far the sender's clock is behind ours, from its last sender report; 0 when that is within the noise. */
export function clockOffset(remoteOutbound, rttMs) {
  if (!Number.isFinite(remoteOutbound?.remoteTimestamp) || !Number.isFinite(remoteOutbound?.timestamp)) return 0;
  const offset = remoteOutbound.timestamp - remoteOutbound.remoteTimestamp - (rttMs ?? 0) / 2;
  return Math.abs(offset) > 100 ? offset : 0;
}

const PATHS = { host: 'direct', srflx: 'direct, through NAT', prflx: 'direct', relay: 'relayed (TURN)' };

/** The chosen candidate pair in words. */
export function pathOf(report) {
  const transport = find(report, (s) => s.type === 'transport' && s.selectedCandidatePairId);
  const pair =
    (transport && report.get(transport.selectedCandidatePairId)) ||
    find(report, (s) => s.type === 'candidate-pair' && (s.selected || (s.nominated && s.state === 'succeeded')));
  if (!pair) return { path: null, rttMs: null, pair: null };
  const local = report.get(pair.localCandidateId);
  const remote = report.get(pair.remoteCandidateId);
  const kind = local?.candidateType === 'relay' || remote?.candidateType === 'relay' ? 'relay' : local?.candidateType;
  return {
    path: PATHS[kind] ?? kind ?? null,
    protocol: local?.relayProtocol ?? local?.protocol ?? null,
    rttMs: Number.isFinite(pair.currentRoundTripTime) ? pair.currentRoundTripTime * 1000 : null,
    availableKbps: Number.isFinite(pair.availableIncomingBitrate) ? pair.availableIncomingBitrate / 1000 : null,
    localType: local?.candidateType ?? null,
    remoteType: remote?.candidateType ?? null,
    remoteAddress: remote?.address ? `${remote.address}:${remote.port}` : null,
  };
}

/**
 * @param {Map} report   this getStats()
 * @param {object|null} previous   what this function returned last time
 * @param {{sources?: object[], now: number, timeOrigin?: number}} o   `now`: milliseconds since the epoch
 */
export function figuresOf(report, previous, { sources, now, timeOrigin }) {
  const inbound = find(report, (s) => s.type === 'inbound-rtp' && (s.kind ?? s.mediaType) === 'video');
  const link = pathOf(report);
  if (!inbound) return { at: now, ...link, raw: null };

  const remote = report.get(inbound.remoteId) ?? find(report, (s) => s.type === 'remote-outbound-rtp');
  const codec = report.get(inbound.codecId);
  const was = previous?.raw && previous.raw.ssrc === inbound.ssrc ? previous.raw : null;
  const ms = was ? inbound.timestamp - was.timestamp : 0;
  const delta = (field) => Math.max(0, (inbound[field] ?? 0) - (was?.[field] ?? 0));

  const received = delta('packetsReceived');
  const lost = was ? Math.max(0, (inbound.packetsLost ?? 0) - (was.packetsLost ?? 0)) : 0;
  const jitterMs = rate(delta('jitterBufferDelay') * 1000, delta('jitterBufferEmittedCount'));
  const decodeMs = rate(delta('totalDecodeTime') * 1000, delta('framesDecoded'));
  const processingMs = rate(delta('totalProcessingDelay') * 1000, delta('framesDecoded'));

  const measured = captureLatency(sources, { now, timeOrigin, clockOffsetMs: clockOffset(remote, link.rttMs) });
  const parts = [link.rttMs === null ? null : link.rttMs / 2, jitterMs, decodeMs].filter((x) => x !== null);
  const latencyMs = measured !== null ? measured : parts.length > 1 ? parts.reduce((a, b) => a + b, 0) : null;

  return {
    at: now,
    ...link,
    latencyMs,
    latencySource: measured !== null ? 'measured' : latencyMs === null ? null : 'estimated',
    fps: Number.isFinite(inbound.framesPerSecond)
      ? inbound.framesPerSecond
      : was
        ? rate(delta('framesDecoded') * 1000, ms)
        : null,
    kbps: was ? kbps(delta('bytesReceived'), ms) : null,
    lossPct: was && received + lost > 0 ? (100 * lost) / (received + lost) : was ? 0 : null,
    jitterMs,
    decodeMs,
    processingMs,
    codec: codec?.mimeType ? codec.mimeType.replace(/^video\//i, '') : null,
    codecParams: codec?.sdpFmtpLine ?? null,
    decoder: inbound.decoderImplementation ?? null,
    width: inbound.frameWidth ?? null,
    height: inbound.frameHeight ?? null,
    framesDecoded: inbound.framesDecoded ?? null,
    framesDropped: inbound.framesDropped ?? null,
    freezeCount: inbound.freezeCount ?? null,
    pliCount: inbound.pliCount ?? null,
    nackCount: inbound.nackCount ?? null,
    bytesReceived: inbound.bytesReceived ?? null,
    raw: inbound,
  };
}

/** One word for the badge's colour; the thresholds are what a person notices. */
export function gradeOf(f) {
  if (!f || f.fps == null) return 'unknown';
  const stuck = f.fps < 1 && f.kbps > 100; // bytes but no frames; no bytes is a picture that does not change
  if (stuck || f.lossPct > 10 || f.latencyMs > 500) return 'bad';
  if (f.lossPct > 2 || f.latencyMs > 150) return 'fair';
  return 'good';
}
