// The dates with scenes in view, to choose from.
import { element } from "./dom.js";
import { addDays, dayText, queryString, today } from "./layers.js";
import { askJson } from "./server.js";

const STEP = 180; // days that "Earlier dates" goes back
const AROUND = 90; // days listed on either side of a date that was chosen elsewhere

export class Dates {
  // `searching` is told whether a search is under way; `pick` gets a date, or "" for the newest.
  constructor(box, earlier, { pick, searching, failed }) {
    Object.assign(this, { box, earlier, searching, failed });
    this.from = this.to = ""; // the newest days, as the server counts them
    this.days = [];
    this.dateOf = new Map(); // scene id to date
    this.chosen = "";
    this.limit = 100;
    box.addEventListener("change", ({ target }) => pick(target.value));
    earlier.addEventListener("click", () => this._goBack());
  }

  // Show which date is chosen; those with scenes above the cloud limit are dimmed.
  choose(date, limit) {
    const within = this.from && this.from <= date && date <= (this.to || today());
    const listed = !date || within || this.days.some((day) => day.date === date);
    this.chosen = date;
    this.limit = limit;
    if (!listed) {
      this.from = addDays(date, -AROUND);
      this.to = addDays(date, AROUND);
      if (this.bbox) this.look(this.bbox);
    }
    this._show();
  }

  // List the scenes of a box.
  async look(bbox) {
    this.bbox = bbox;
    this.control?.abort();
    const { signal } = (this.control = new AbortController());
    const pairs = [["bbox", bbox], ["cloud_cover", "100"]];
    if (this.from) pairs.push(["datetime", `${this.from}/${this.to || ".."}`]);
    this.searching(true);
    try {
      this._take((await askJson(`scenes${queryString(pairs)}`, signal)).features);
      this.searching(false);
    } catch (problem) {
      if (signal.aborted) return;
      this.searching(false);
      this.failed(problem);
    }
  }

  _goBack() {
    const oldest = this.days.at(-1)?.date ?? today();
    this.to ||= this.days.length ? "" : oldest;
    this.from = addDays(this.from && this.from < oldest ? this.from : oldest, -STEP);
    this.look(this.bbox);
  }

  _take(features) {
    const days = new Map();
    for (const { id, properties } of features) {
      const date = String(properties.observation ?? properties.datetime).slice(0, 10);
      this.dateOf.set(id, date);
      if (!days.has(date)) days.set(date, []);
      if (typeof properties.cloud_cover === "number") days.get(date).push(Math.round(properties.cloud_cover));
    }
    this.days = [...days].map(([date, clouds]) => ({ date, clouds })).sort((a, b) => (a.date < b.date ? 1 : -1));
    this._show();
  }

  _show() {
    const focused = this.box.contains(document.activeElement);
    const scrolled = this.box.scrollTop;
    const days = [...this.days];
    if (this.chosen && !days.some(({ date }) => date === this.chosen)) {
      days.push({ date: this.chosen, missing: true });
      days.sort((a, b) => (a.date < b.date ? 1 : -1));
    }
    this.box.replaceChildren(this._row("", "Newest", ""), ...days.map((day) => this._dayRow(day)));
    const said = [days.length ? "" : "No scenes in view.", this.from && `Searched back to ${dayText(this.from)}.`];
    if (said.some(Boolean)) this.box.append(element("p", said.join(" "), "hint"));
    this.box.scrollTop = scrolled;
    const input = this.box.querySelector("input:checked");
    if (focused) input?.focus({ preventScroll: true });
    if (this.chosen !== this._scrolledTo) input?.parentElement.scrollIntoView?.({ block: "nearest" });
    this._scrolledTo = this.chosen;
  }

  _dayRow({ date, clouds = [], missing = false }) {
    const [least, most] = [Math.min(...clouds), Math.max(...clouds)];
    const range = least === most ? `${least} %` : `${least}–${most} %`;
    const row = this._row(date, dayText(date), missing ? "not in view" : clouds.length ? range : "");
    if (clouds.length) {
      const bar = element("i", "", "cloud");
      bar.style.setProperty("--part", `${(least + most) / 2}%`);
      row.append(bar);
      row.title = `Cloud cover of its scenes: ${range}`;
    }
    row.classList.toggle("dim", missing || least > this.limit);
    return row;
  }

  _row(value, text, more) {
    const row = element("label");
    const input = element("input");
    Object.assign(input, { type: "radio", name: "date", value, checked: value === this.chosen });
    row.append(input, element("span", text, "grow"), element("small", more));
    return row;
  }
}
