// When a tile that failed or is incomplete is requested again.

const MAX_PAUSE = 30; // seconds; a longer Retry-After ends the retries
const MAX_UNPRODUCTIVE = 5; // attempts in a row that bring no bytes
const MAX_ATTEMPTS = 20;
const TRANSIENT = [0, 502, 503, 504]; // 0: no response

/** Whether a request that failed with this HTTP status may succeed later. */
export const isTransient = (status) => TRANSIENT.includes(status);

export class RetryPolicy {
  constructor() {
    Object.assign(this, { attempts: 0, unproductive: 0 });
  }

  /**
   * Seconds until the next attempt, or null to give up. `after` is the Retry-After in seconds, `bytes` what the last
   * attempt read from the archive: the next one continues from there, so it waits 1 second, else 2, 4, 8, 16, 30.
   */
  next({ after = 0, bytes = 0 } = {}) {
    this.attempts += 1;
    this.unproductive = bytes > 0 ? 0 : this.unproductive + 1;
    if (this.attempts >= MAX_ATTEMPTS || this.unproductive > MAX_UNPRODUCTIVE || after > MAX_PAUSE) return null;
    return Math.max(after, Math.min(MAX_PAUSE, 2 ** this.unproductive));
  }
}
