// The scale of the timeline: dates to pixels and back, and its tick marks.
import { addDays, addMonths } from "./dates.js";

const MARGIN = 14; // pixels on either side

export class TimeScale {
  /** A scale from one date to another over `width` pixels. */
  constructor(from, to, width) {
    Object.assign(this, { from, to, width });
    this.start = Date.parse(from);
    this.textScale = parseFloat(getComputedStyle(document.documentElement).fontSize) / 16; // relative to 16 px
    this.length = Math.max(1, Date.parse(to) - this.start);
  }

  /** Pixels from the left. */
  x(date) {
    return MARGIN + ((Date.parse(date) - this.start) / this.length) * (this.width - 2 * MARGIN);
  }

  /** The date at `x` pixels. */
  date(x) {
    const share = (x - MARGIN) / Math.max(1, this.width - 2 * MARGIN);
    return addDays(new Date(this.start + share * this.length).toISOString().slice(0, 10), 0);
  }

  /** First days of months as `{date, isYear, text}`, as many as have room for their labels. */
  marks() {
    const months = Math.max(1, this.length / 86_400_000 / 30.4);
    const interval = [1, 2, 3, 6, 12, 24].find((each) => (this.width / months) * each > 62 * this.textScale) ?? 24;
    const marks = [];
    let date = `${this.from.slice(0, 4)}-01-01`;
    for (; date <= this.to; date = addMonths(date, interval)) {
      if (date < this.from) continue;
      const isYear = date.slice(5, 7) === "01";
      marks.push({ date, isYear, text: isYear ? date.slice(0, 4) : MONTH.format(new Date(date)) });
    }
    return marks;
  }
}

const MONTH = new Intl.DateTimeFormat("en-GB", { month: "short", timeZone: "UTC" });
