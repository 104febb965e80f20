// Recent latency of tile requests, which decides whether previews are worth requesting.

const WINDOW = 8; // tiles
const CACHED = 100; // milliseconds; faster responses come from a cache and say nothing about the line
const PATIENCE = 1000; // milliseconds that the map may stay empty
const PARALLEL = 5; // tiles fetched at once, about

export class TileLatency {
  /** `now` gives milliseconds. */
  constructor(now = () => performance.now()) {
    Object.assign(this, { now, recent: [], started: new Map(), isKnown: false });
  }

  begin(tile) {
    this.started.set(tile, this.now());
  }

  /** Records a finished tile; an aborted one (`counts` false) only stops being timed. */
  end(tile, counts = true) {
    const elapsed = this.now() - this.started.get(tile);
    this.started.delete(tile);
    this.isKnown ||= counts;
    if (counts && elapsed > CACHED) this.recent = [...this.recent, elapsed].slice(-WINDOW);
  }

  /** Median of the recent tiles, or the age of the oldest pending one if larger; milliseconds. */
  get typical() {
    const sorted = [...this.recent].sort((a, b) => a - b);
    const oldest = this.started.size ? this.now() - Math.min(...this.started.values()) : 0;
    return Math.max(sorted[sorted.length >> 1] ?? 0, oldest);
  }

  /** Whether tiles are known to be fast: false until one has finished. */
  get isFast() {
    return this.isKnown && this.typical < PATIENCE;
  }

  get isSlow() {
    return this.typical >= PATIENCE;
  }

  /** Whether `count` pending tiles are expected to take longer than PATIENCE. */
  exceedsPatience(count) {
    return !this.isKnown || this.typical * Math.max(1, count / PARALLEL) > PATIENCE;
  }
}
