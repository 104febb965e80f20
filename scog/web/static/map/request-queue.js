// Concurrency limits of tile requests. Browsers open six connections to a server and queue further requests, so that
// without a limit previews would be sent after the images that they stand in for.

const CONNECTIONS = 6;
const IMAGES = 2; // at once, until tiles are known to be fast, and while previews are pending
const PREVIEWS = CONNECTIONS - IMAGES;

/** The queues of images and of previews, which share the connections. */
export class RequestQueues {
  constructor(latency) {
    this.previews = new Queue(
      () => PREVIEWS,
      () => this.images.startPending(),
    );
    this.images = new Queue(() => {
      if (latency.isFast) return CONNECTIONS;
      return this.previews.isEmpty && latency.isKnown ? PREVIEWS : IMAGES;
    });
  }
}

class Queue {
  // `limit` gives the number of jobs that may run at once; `onRelease` is called after each job.
  constructor(limit, onRelease = () => {}) {
    Object.assign(this, { limit, onRelease, active: 0, pending: [] });
  }

  get isEmpty() {
    return !this.active && !this.pending.length;
  }

  // Runs `job` once there is room and resolves to its result. Rejects when the signal aborts.
  async run(job, signal) {
    await this._acquire(signal);
    try {
      return await job();
    } finally {
      this.active -= 1;
      this.startPending();
      this.onRelease();
    }
  }

  startPending() {
    while (this.pending.length && this.active < this.limit()) {
      const { start, cancel, signal } = this.pending.shift();
      signal.removeEventListener("abort", cancel);
      this.active += 1;
      start();
    }
  }

  _acquire(signal) {
    return new Promise((start, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const entry = { start, signal };
      entry.cancel = () => {
        this.pending = this.pending.filter((each) => each !== entry);
        reject(signal.reason);
      };
      signal.addEventListener("abort", entry.cancel, { once: true });
      this.pending.push(entry);
      this.startPending();
    });
  }
}
