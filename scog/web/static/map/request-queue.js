// Which requests for tiles are sent at once. A browser opens six connections to a server and lets further requests
// wait, so that previews would come after the very images that they are to stand in for.

const CONNECTIONS = 6;
const IMAGES = 2; // at once, until it is known that they come quickly, and as long as there are previews to ask for
const PREVIEWS = CONNECTIONS - IMAGES;

export class Lanes {
  constructor(pace) {
    this.previews = new Lane(
      () => PREVIEWS,
      () => this.images.next(),
    );
    this.images = new Lane(() => {
      if (pace.isQuick) return CONNECTIONS;
      return this.previews.isEmpty && pace.isKnown ? PREVIEWS : IMAGES;
    });
  }
}

class Lane {
  // `width` says how many may be under way at once, `left` hears of each that has ended.
  constructor(width, left = () => {}) {
    Object.assign(this, { width, left, inside: 0, waiting: [] });
  }

  get isEmpty() {
    return !this.inside && !this.waiting.length;
  }

  // Do the work when its turn has come; until then nothing is asked of the server. Rejects once the signal aborts.
  async run(work, signal) {
    await this._turn(signal);
    try {
      return await work();
    } finally {
      this.inside -= 1;
      this.next();
      this.left();
    }
  }

  // Let in as many as there is room for.
  next() {
    while (this.waiting.length && this.inside < this.width()) {
      const { enter, leave, signal } = this.waiting.shift();
      signal.removeEventListener("abort", leave);
      this.inside += 1;
      enter();
    }
  }

  _turn(signal) {
    return new Promise((enter, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const place = { enter, signal };
      place.leave = () => {
        this.waiting = this.waiting.filter((each) => each !== place);
        reject(signal.reason);
      };
      signal.addEventListener("abort", place.leave, { once: true });
      this.waiting.push(place);
      this.next();
    });
  }
}
