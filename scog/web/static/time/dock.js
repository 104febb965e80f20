// The dock: date buttons, playback, and the time range of the timeline.
import { collectionOf } from "../layer/collections.js";
import { byId } from "../shell/dom.js";
import { addMonths, formatDateRange, formatTime } from "./dates.js";
import { Timeline } from "./timeline.js";

const FRAME = 900; // milliseconds; the shortest time that a date is shown

const STATIC = "Does not change over time";

export class Dock {
  /** `isBusy` returns whether tiles are pending; playback waits for them. */
  constructor(store, acquisitions, isBusy) {
    Object.assign(this, { store, acquisitions, isBusy });
    this.timeline = new Timeline((time) => store.changeImage({ time }));
    byId("previous").addEventListener("click", () => this._step(-1));
    byId("next").addEventListener("click", () => this._step(1));
    byId("play").addEventListener("click", () => this._play(!this.timer));
    byId("newest").addEventListener("click", () => {
      this._play(false);
      store.change({ until: "" });
      store.changeImage({ time: "" });
      this.timeline.box.focus();
    });
    byId("span").addEventListener("change", ({ target }) => store.change({ span: Number(target.value) }));
    byId("older").addEventListener("click", () => this._shift(-1));
    byId("newer").addEventListener("click", () => this._shift(1));
  }

  /**
   * `usedDates` are the dates of the scenes in view, `skipped` is the number of scenes that could not be read, and
   * `details` the messages about them.
   */
  show(state, { usedDates, skipped, details }) {
    const image = state.sides[state.side];
    const { isStatic, hasCloudCover } = collectionOf(image);
    const time = isStatic ? "" : image.time;
    const { fill, clouds } = image;
    if (isStatic) this._play(false);
    byId("dock").classList.toggle("static", isStatic);
    byId("timeline-key").hidden = !hasCloudCover;
    const { days } = this.acquisitions;
    const steps = days.filter((day) => !fill || !hasCloudCover || day.least <= clouds);
    const [from, to] = this.acquisitions.timeRange(state);
    this.timeline.show({ days, steps, from, to, time, usedDates: new Set(usedDates) });
    byId("shown-time").textContent = isStatic ? STATIC : shownTimeText(time, usedDates);
    byId("newest").hidden = !time && !state.until;
    byId("span").value = state.span;
    byId("newer").disabled = !state.until;
    byId("previous").disabled = !steps.some(({ date }) => date < (time.split("/").at(-1) || "9999"));
    byId("next").disabled = !time || !steps.some(({ date }) => date > time.split("/").at(-1));
    byId("play").disabled = steps.length < 2;
    byId("dock").classList.toggle("truncated", this.acquisitions.truncated);
    byId("dock").title = this.acquisitions.truncated
      ? "Truncated: only the newest acquisitions of this time range are listed."
      : "";
    if (skipped)
      byId("shown-time").textContent += ` · ${skipped} ${skipped === 1 ? "scene" : "scenes"} could not be read`;
    byId("shown-time").title = details;
  }

  _step(by) {
    this._play(false);
    this.timeline.step(by);
  }

  _play(isOn) {
    clearInterval(this.timer);
    this.timer = null;
    byId("play").setAttribute("aria-pressed", String(isOn));
    if (!isOn) return;
    if (!byId("previous").disabled && byId("next").disabled)
      this.store.changeImage({ time: this.timeline.steps[0].date });
    let shown = Date.now();
    this.timer = setInterval(() => {
      if (this.isBusy()) return (shown = Math.max(shown, Date.now() - FRAME / 2));
      if (Date.now() - shown < FRAME) return;
      shown = Date.now();
      if (!this.timeline.step(1)) this._play(false);
    }, 100);
  }

  _shift(by) {
    const [, to] = this.acquisitions.timeRange(this.store.state);
    const until = addMonths(to, by * Math.ceil(this.store.state.span / 2));
    this.store.change({ until: until >= this.acquisitions.newest ? "" : until });
  }
}

function shownTimeText(time, usedDates) {
  if (time) return formatTime(time);
  return usedDates.length ? `Newest: ${formatDateRange(usedDates[0], usedDates.at(-1))}` : "Newest";
}
