// What the tiles that are on their way have taken of the satellite archive so far, by what their answers say, and
// whether it is the line to the archive that one waits for.

const SLOW = 20; // Mbit/s, below which the line is worth a word
const SETTLED = 2000; // milliseconds before that is judged
const STAGES = ["mask", "read"]; // of Server-Timing

export class Upstream {
  constructor(now = () => performance.now()) {
    Object.assign(this, { now });
    this.begin();
  }

  // Count anew, from the first tile that is asked for.
  begin() {
    Object.assign(this, { since: this.now(), until: this.now(), bytes: 0, reading: 0, working: 0, images: 0 });
  }

  // Count an answer, of an image or not; the bytes that arrived for it.
  note(headers, isImage = false) {
    const bytes = bytesOf(headers);
    if (isImage && bytes) this.images += 1;
    if (bytes) this.until = this.now();
    const stages = timing(headers.get("Server-Timing") ?? "");
    const sum = (names) => names.reduce((total, name) => total + (stages.get(name) ?? 0), 0);
    this.bytes += bytes;
    this.reading += stages.size ? sum(STAGES) : bytes > 0 ? 1 : 0; // a failure says no times
    this.working += stages.size ? sum([...stages.keys()]) : bytes > 0 ? 1 : 0;
    return bytes;
  }

  // Mbit/s up to the last answer, since bytes are known of what is complete; null while all of that are previews.
  get rate() {
    return this.images ? (8 * this.bytes) / 1000 / Math.max(1, this.until - this.since) : null;
  }

  get isSlow() {
    const settled = this.now() - this.since > SETTLED && this.bytes > 0;
    return settled && (this.rate ?? 0) < SLOW && this.reading > this.working / 2;
  }
}

export const bytesOf = (headers) => Number(/bytes=(\d+)/.exec(headers.get("X-Scog-Upstream") ?? "")?.[1] ?? 0);

// Milliseconds by stage of a Server-Timing header.
export function timing(text) {
  const found = text.matchAll(/([\w-]+);dur=([\d.]+)/g);
  return new Map([...found].map(([, stage, spent]) => [stage, Number(spent)]));
}
