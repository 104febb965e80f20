// The timeline: a bar for each acquisition day, taller and bluer the less cloud it has. A click selects a date, a drag
// a date range; arrow keys step through the dates.
import { byId, make, svgElement } from "../shell/dom.js";
import { formatDate, startOf, endOf, formatTime } from "./dates.js";
import { TimeScale } from "./time-scale.js";

const BASELINE = 34; // pixels; labels are below
const LABELS = 18; // pixels at the default text size
const [MIN_BAR, MAX_BAR] = [7, 24]; // pixels of a bar of 100 % and of 0 % cloud cover
const HOVER_REACH = 12; // pixels from a bar
const CLICK_REACH = 40;
const DRAG = 6; // pixels; a shorter drag is a click

export class Timeline {
  /** `onSelect` is called with a time: a date, "start/end", or "" for the newest. */
  constructor(onSelect) {
    this.onSelect = onSelect;
    this.box = byId("timeline");
    this.svg = svgElement("svg", { "aria-hidden": "true" });
    this.tip = make("span", { className: "tip", "aria-hidden": "true", hidden: true });
    this.box.append(this.svg, this.tip);
    this.days = [];
    this.box.addEventListener("keydown", (event) => this._key(event));
    this.box.addEventListener("pointerdown", (event) => this._press(event));
    this.box.addEventListener("pointermove", (event) => this._hover(event));
    this.box.addEventListener("pointerleave", () => (this.tip.hidden = true));
    new ResizeObserver(() => this._draw()).observe(this.box);
  }

  /** `steps` are the days that keys step through, `usedDates` the set of dates of the scenes in view. */
  show({ days, steps, from, to, time, usedDates }) {
    Object.assign(this, { days, steps, from, to, time, usedDates });
    this._draw();
    const date = endOf(time);
    const index = steps.findIndex((day) => day.date === date);
    this.box.setAttribute("aria-valuemax", String(Math.max(0, steps.length - 1)));
    this.box.setAttribute("aria-valuenow", String(index < 0 ? Math.max(0, steps.length - 1) : index));
    this.box.setAttribute("aria-valuetext", formatTime(time) + (steps[index] ? cloudText(steps[index], ", ") : ""));
  }

  /** The TimeScale of the current width. */
  scale() {
    return new TimeScale(this.from, this.to, this.box.clientWidth);
  }

  _draw() {
    if (!this.from) return;
    const scale = this.scale();
    this.height = BASELINE + LABELS * scale.textScale;
    this.svg.setAttribute("viewBox", `0 0 ${scale.width} ${this.height}`);
    this.svg.replaceChildren(
      ...this._marks(scale),
      ...this._chosen(scale),
      ...this.days.filter((day) => this.from <= day.date && day.date <= this.to).map((day) => this._bar(scale, day)),
    );
  }

  _marks(scale) {
    const base = svgElement("line", { x1: 0, x2: scale.width, y1: BASELINE + 0.5, y2: BASELINE + 0.5, class: "base" });
    return [
      base,
      ...scale.marks().flatMap(({ date, text, isYear }) => {
        const x = scale.x(date);
        return [
          svgElement("line", { x1: x, x2: x, y1: BASELINE, y2: BASELINE + 5, class: "mark" }),
          svgElement(
            "text",
            {
              x: Math.min(x + 4, scale.width - 24 * scale.textScale),
              y: this.height - 4 * scale.textScale,
              class: isYear ? "year" : "month",
            },
            text,
          ),
        ];
      }),
    ];
  }

  _bar(scale, day) {
    const clearness = 1 - (day.cloud ?? 0) / 100;
    const height = MIN_BAR + (MAX_BAR - MIN_BAR) * clearness;
    const bar = svgElement("rect", {
      x: scale.x(day.date) - 2.5,
      y: BASELINE - height,
      width: 5,
      height,
      rx: 2.5,
      class: "day",
    });
    bar.style.setProperty("--clear-part", `${Math.round(100 * clearness)}%`);
    if (!this.steps.includes(day)) bar.classList.add("dim");
    if (this.usedDates.has(day.date)) bar.classList.add("used");
    return bar;
  }

  _chosen(scale) {
    if (!this.time) return [];
    const [from, to] = [startOf(this.time), endOf(this.time)].map((date) => scale.x(date));
    return [
      svgElement("rect", {
        x: from - 6,
        y: 2,
        width: Math.max(12, to - from + 12),
        height: BASELINE - 2,
        rx: 6,
        class: "chosen",
      }),
    ];
  }

  _nearest(x, reach = HOVER_REACH) {
    const scale = this.scale();
    let best = null;
    for (const day of this.days) {
      const distance = Math.abs(scale.x(day.date) - x);
      if (distance <= (best?.distance ?? reach)) best = { day, distance };
    }
    return best?.day ?? null;
  }

  _hover({ clientX }) {
    const x = clientX - this.box.getBoundingClientRect().left;
    const day = this._nearest(x);
    this.tip.hidden = !day;
    this.box.classList.toggle("over", Boolean(day));
    if (!day) return;
    this.tip.textContent = formatDate(day.date) + cloudText(day, " · ");
    const half = this.tip.offsetWidth / 2;
    this.tip.style.left = `${Math.min(this.box.clientWidth - half - 4, Math.max(half + 4, this.scale().x(day.date)))}px`;
  }

  _press(event) {
    const { left } = this.box.getBoundingClientRect();
    const start = event.clientX - left;
    let end = start;
    this.box.setPointerCapture(event.pointerId);
    const move = ({ clientX }) => {
      end = clientX - left;
      if (Math.abs(end - start) < DRAG) return;
      this.time = this._range(start, end);
      this._draw();
    };
    this.box.addEventListener("pointermove", move);
    this.box.addEventListener(
      "lostpointercapture",
      () => {
        this.box.removeEventListener("pointermove", move);
        if (Math.abs(end - start) >= DRAG) return this.onSelect(this._range(start, end));
        const day = this._nearest(start, CLICK_REACH);
        if (day) this.onSelect(day.date);
      },
      { requestOnce: true },
    );
  }

  _range(...ends) {
    const scale = this.scale();
    const clamp = (date) => (date < this.from ? this.from : date > this.to ? this.to : date);
    return ends
      .sort((a, b) => a - b)
      .map((x) => clamp(scale.date(x)))
      .join("/");
  }

  _key(event) {
    const by = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 }[event.key];
    const ends = { Home: this.steps[0], End: this.steps.at(-1) }[event.key];
    if (event.key === "Escape" && this.time) this.onSelect("");
    else if (by && event.shiftKey) this._extend(by);
    else if (by) this.step(by);
    else if (ends) this.onSelect(ends.date);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** Selects the date before (-1) or after (1) the current one; returns false if there is none. */
  step(by) {
    const date = endOf(this.time) || "9999";
    const day = by < 0 ? this.steps.findLast((each) => each.date < date) : this.steps.find((each) => each.date > date);
    if (day) this.onSelect(day.date);
    return Boolean(day);
  }

  // Extends a date range at the end that was moved last, as Shift with an arrow key does in text.
  _extend(by) {
    const [from, to] = this.time
      ? [startOf(this.time), endOf(this.time)]
      : [this.steps.at(-1)?.date, this.steps.at(-1)?.date];
    if (!from) return;
    if (from === to) this.movesEnd = by > 0;
    const date = this.movesEnd ? to : from;
    const day = by < 0 ? this.steps.findLast((each) => each.date < date) : this.steps.find((each) => each.date > date);
    if (!day) return;
    const range = this.movesEnd ? [from, day.date] : [day.date, to];
    this.onSelect(range[0] === range[1] ? range[0] : range.join("/"));
  }
}

const cloudText = ({ cloud }, before) => (cloud === null ? "" : `${before}${Math.round(cloud)} % cloud cover`);
