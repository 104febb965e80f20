// The time line: a bar for each acquisition, taller and bluer the clearer it was; clicked, dragged over, or stepped
// through by the arrow keys.
import { byId, make, shape } from "../shell/dom.js";
import { dayText, firstOf, lastOf, timeText } from "./dates.js";
import { TimeScale } from "./time-scale.js";

const FOOT = 34; // pixels; below are the names of months
const NAMES = 18; // pixels, with text of the usual size
const TALLEST = 24;
const NEAR = 12; // pixels from a bar that still mean it
const DRAG = 6; // pixels that make a click a range

export class Line {
  // `pick` gets a time: a date, a range of dates, or "" for the newest.
  constructor(pick) {
    this.pick = pick;
    this.box = byId("line");
    this.svg = shape("svg", { "aria-hidden": "true" });
    this.tip = make("span", { className: "tip", "aria-hidden": "true", hidden: true });
    this.box.append(this.svg, this.tip);
    this.days = [];
    this.box.addEventListener("keydown", (event) => this._key(event));
    this.box.addEventListener("pointerdown", (event) => this._press(event));
    this.box.addEventListener("pointermove", (event) => this._hover(event));
    this.box.addEventListener("pointerleave", () => (this.tip.hidden = true));
    new ResizeObserver(() => this._draw()).observe(this.box);
  }

  // `steps` are the days that the keys go through, `known` the dates of the pixels on the map.
  show({ days, steps, from, to, time, known }) {
    Object.assign(this, { days, steps, from, to, time, known });
    this._draw();
    const date = lastOf(time);
    const place = steps.findIndex((day) => day.date === date);
    this.box.setAttribute("aria-valuemax", String(Math.max(0, steps.length - 1)));
    this.box.setAttribute("aria-valuenow", String(place < 0 ? Math.max(0, steps.length - 1) : place));
    const cloud = steps[place] ? `, ${Math.round(steps[place].cloud)} % clouds` : "";
    this.box.setAttribute("aria-valuetext", timeText(time) + cloud);
  }

  scale() {
    return new TimeScale(this.from, this.to, this.box.clientWidth);
  }

  _draw() {
    if (!this.from) return;
    const scale = this.scale();
    this.height = FOOT + NAMES * scale.text;
    this.svg.setAttribute("viewBox", `0 0 ${scale.width} ${this.height}`);
    this.svg.replaceChildren(
      ...this._marks(scale),
      ...this._chosen(scale),
      ...this.days.filter((day) => this.from <= day.date && day.date <= this.to).map((day) => this._bar(scale, day)),
    );
  }

  _marks(scale) {
    const base = shape("line", { x1: 0, x2: scale.width, y1: FOOT + 0.5, y2: FOOT + 0.5, class: "base" });
    return [
      base,
      ...scale.marks().flatMap(({ date, text, isYear }) => {
        const x = scale.x(date);
        return [
          shape("line", { x1: x, x2: x, y1: FOOT, y2: FOOT + 5, class: "mark" }),
          shape(
            "text",
            {
              x: Math.min(x + 4, scale.width - 24 * scale.text),
              y: this.height - 4 * scale.text,
              class: isYear ? "year" : "month",
            },
            text,
          ),
        ];
      }),
    ];
  }

  _bar(scale, day) {
    const height = 7 + (TALLEST - 7) * (1 - day.cloud / 100);
    const bar = shape("rect", {
      x: scale.x(day.date) - 2.5,
      y: FOOT - height,
      width: 5,
      height,
      rx: 2.5,
      class: "day",
    });
    bar.style.setProperty("--clear-part", `${Math.round(100 - day.cloud)}%`);
    if (!this.steps.includes(day)) bar.classList.add("dim");
    if (this.known.has(day.date)) bar.classList.add("known");
    return bar;
  }

  _chosen(scale) {
    if (!this.time) return [];
    const [from, to] = [firstOf(this.time), lastOf(this.time)].map((date) => scale.x(date));
    return [
      shape("rect", {
        x: from - 6,
        y: 2,
        width: Math.max(12, to - from + 12),
        height: FOOT - 2,
        rx: 6,
        class: "chosen",
      }),
    ];
  }

  _nearest(x, reach = NEAR) {
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
    this.tip.textContent = `${dayText(day.date)} · ${Math.round(day.cloud)} % clouds`;
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
        if (Math.abs(end - start) >= DRAG) return this.pick(this._range(start, end));
        const day = this._nearest(start, 40);
        if (day) this.pick(day.date);
      },
      { once: true },
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
    if (event.key === "Escape" && this.time) this.pick("");
    else if (by && event.shiftKey) this._widen(by);
    else if (by) this.step(by);
    else if (ends) this.pick(ends.date);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  // The date before (-1) or after (1) the one shown; false where there is none.
  step(by) {
    const date = lastOf(this.time) || "9999";
    const day = by < 0 ? this.steps.findLast((each) => each.date < date) : this.steps.find((each) => each.date > date);
    if (day) this.pick(day.date);
    return Boolean(day);
  }

  // Move the end of a range that was moved last, as selecting text does.
  _widen(by) {
    const [from, to] = this.time
      ? [firstOf(this.time), lastOf(this.time)]
      : [this.steps.at(-1)?.date, this.steps.at(-1)?.date];
    if (!from) return;
    if (from === to) this.late = by > 0;
    const date = this.late ? to : from;
    const day = by < 0 ? this.steps.findLast((each) => each.date < date) : this.steps.find((each) => each.date > date);
    if (!day) return;
    const range = this.late ? [from, day.date] : [day.date, to];
    this.pick(range[0] === range[1] ? range[0] : range.join("/"));
  }
}
