// Where a date lies on the time line, in pixels, and which round dates are marked there.
import { addDays, addMonths } from "./dates.js";

export const EDGE = 14; // pixels left free on either side

export class TimeScale {
  constructor(from, to, width) {
    Object.assign(this, { from, to, width });
    this.start = Date.parse(from);
    this.text = parseFloat(getComputedStyle(document.documentElement).fontSize) / 16; // times the usual size
    this.length = Math.max(1, Date.parse(to) - this.start);
  }

  x(date) {
    return EDGE + ((Date.parse(date) - this.start) / this.length) * (this.width - 2 * EDGE);
  }

  date(x) {
    const share = (x - EDGE) / Math.max(1, this.width - 2 * EDGE);
    return addDays(new Date(this.start + share * this.length).toISOString().slice(0, 10), 0);
  }

  // Firsts of months, as many as have room: {date, text}.
  marks() {
    const months = Math.max(1, this.length / 86_400_000 / 30.4);
    const apart = [1, 2, 3, 6, 12, 24].find((each) => (this.width / months) * each > 62 * this.text) ?? 24;
    const marks = [];
    let date = `${this.from.slice(0, 4)}-01-01`;
    for (; date <= this.to; date = addMonths(date, apart)) {
      if (date < this.from) continue;
      const isYear = date.slice(5, 7) === "01";
      marks.push({ date, isYear, text: isYear ? date.slice(0, 4) : MONTH.format(new Date(date)) });
    }
    return marks;
  }
}

const MONTH = new Intl.DateTimeFormat("en-GB", { month: "short", timeZone: "UTC" });
