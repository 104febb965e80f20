// How long tiles take at the moment, and so whether a preview is worth its request.

const LAST = 8; // tiles looked at
const INSTANT = 100; // milliseconds; what comes from the server's memory tells nothing of the line
const LONG = 1000; // milliseconds that somebody may be left with an empty map
const AT_ONCE = 5; // tiles, about

export class Pace {
  constructor(now = () => performance.now()) {
    Object.assign(this, { now, lasted: [], under: new Map(), isKnown: false });
  }

  begin(tile) {
    this.under.set(tile, this.now());
  }

  // A tile has come, or with `counts` false was let go of.
  end(tile, counts = true) {
    const lasted = this.now() - this.under.get(tile);
    this.under.delete(tile);
    this.isKnown ||= counts;
    if (counts && lasted > INSTANT) this.lasted = [...this.lasted, lasted].slice(-LAST);
  }

  // Milliseconds: of the last tiles in the middle, or of the one longest under way if that is more.
  get typical() {
    const sorted = [...this.lasted].sort((a, b) => a - b);
    const oldest = this.under.size ? this.now() - Math.min(...this.under.values()) : 0;
    return Math.max(sorted[sorted.length >> 1] ?? 0, oldest);
  }

  // Whether tiles are known to come quickly.
  get isQuick() {
    return this.isKnown && this.typical < LONG;
  }

  get isSlow() {
    return this.typical >= LONG;
  }

  // Whether so many tiles will take long, for all that is known.
  isLong(waiting) {
    return !this.isKnown || this.typical * Math.max(1, waiting / AT_ONCE) > LONG;
  }
}
