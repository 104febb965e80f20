// When to ask again for a tile that failed or is incomplete.

const LONGEST = 30; // seconds between two tries; what the server wants to be left alone longer for is given up
const FRUITLESS = 5; // tries in a row that bring nothing
const MOST = 20; // tries in all
const PASSING = [0, 502, 503, 504]; // 0: no answer at all

export const mayPass = (status) => PASSING.includes(status);

export class Retries {
  constructor() {
    Object.assign(this, { tries: 0, fruitless: 0 });
  }

  // Seconds until the next try, or null to give up. `after` is what the server asks for, `bytes` what the last try
  // brought: 1 second then, as the next one goes on from there, else 2, 4, 8, 16, 30.
  next({ after = 0, bytes = 0 } = {}) {
    this.tries += 1;
    this.fruitless = bytes > 0 ? 0 : this.fruitless + 1;
    if (this.tries >= MOST || this.fruitless > FRUITLESS || after > LONGEST) return null;
    return Math.max(after, Math.min(LONGEST, 2 ** this.fruitless));
  }
}
