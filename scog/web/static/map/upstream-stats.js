// Bytes and time that the current tiles took upstream, by their response headers; tells whether the line to the
// satellite archive is the bottleneck.

const SLOW = 20; // Mbit/s, below which the status line mentions the archive
const SETTLING = 2000; // milliseconds before a rate is judged
const READ_STAGES = ["mask", "read"]; // of Server-Timing

export class UpstreamStats {
  /** `now` gives milliseconds. */
  constructor(now = () => performance.now()) {
    Object.assign(this, { now });
    this.reset();
  }

  reset() {
    Object.assign(this, { since: this.now(), until: this.now(), bytes: 0, readTime: 0, totalTime: 0, images: 0 });
  }

  /** Adds a response, of a full image or not; returns the bytes that the server read for it. */
  record(headers, isImage = false) {
    const bytes = bytesOf(headers);
    if (isImage && bytes) this.images += 1;
    if (bytes) this.until = this.now();
    const stages = parseServerTiming(headers.get("Server-Timing") ?? "");
    const sum = (names) => names.reduce((total, name) => total + (stages.get(name) ?? 0), 0);
    this.bytes += bytes;
    // A failure has no Server-Timing: it counts as reading.
    this.readTime += stages.size ? sum(READ_STAGES) : bytes > 0 ? 1 : 0;
    this.totalTime += stages.size ? sum([...stages.keys()]) : bytes > 0 ? 1 : 0;
    return bytes;
  }

  /** Mbit/s up to the last response; null until a full image has come, as previews read too little to measure. */
  get rate() {
    return this.images ? (8 * this.bytes) / 1000 / Math.max(1, this.until - this.since) : null;
  }

  get isSlow() {
    const settled = this.now() - this.since > SETTLING && this.bytes > 0;
    return settled && (this.rate ?? 0) < SLOW && this.readTime > this.totalTime / 2;
  }
}

/** Bytes that the server read from the archive for a response (`X-Scog-Upstream`). */
export const bytesOf = (headers) => Number(/bytes=(\d+)/.exec(headers.get("X-Scog-Upstream") ?? "")?.[1] ?? 0);

/** Milliseconds by stage of a Server-Timing header. */
export function parseServerTiming(text) {
  const found = text.matchAll(/([\w-]+);dur=([\d.]+)/g);
  return new Map([...found].map(([, stage, duration]) => [stage, Number(duration)]));
}
