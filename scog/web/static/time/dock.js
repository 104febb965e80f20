// The bar of the time line: steps, play, and which part of time is shown.
import { byId } from "../shell/dom.js";
import { addMonths, daysText, timeText } from "./dates.js";
import { Line } from "./timeline.js";

const BEAT = 900; // milliseconds a date is shown, at least

export class Dock {
  // `isBusy` says whether tiles are still on their way.
  constructor(store, acquisitions, isBusy) {
    Object.assign(this, { store, acquisitions, isBusy });
    this.line = new Line((time) => store.changePicture({ time }));
    byId("previous").addEventListener("click", () => this._step(-1));
    byId("next").addEventListener("click", () => this._step(1));
    byId("play").addEventListener("click", () => this._play(!this.timer));
    byId("newest").addEventListener("click", () => {
      this._play(false);
      store.change({ until: "" });
      store.changePicture({ time: "" });
      this.line.box.focus();
    });
    byId("span").addEventListener("change", ({ target }) => store.change({ span: Number(target.value) }));
    byId("older").addEventListener("click", () => this._turn(-1));
    byId("newer").addEventListener("click", () => this._turn(1));
  }

  // `known` are the dates of the pixels on the map, `skipped` how many scenes could not be read.
  show(state, { known, skipped }) {
    const { time, fill, clouds } = state.sides[state.side];
    const { days } = this.acquisitions;
    const steps = days.filter((day) => !fill || day.least <= clouds);
    const [from, to] = this.acquisitions.window(state);
    this.line.show({ days, steps, from, to, time, known: new Set(known) });
    byId("when").textContent = whenText(time, known);
    byId("newest").hidden = !time && !state.until;
    byId("span").value = state.span;
    byId("newer").disabled = !state.until;
    byId("previous").disabled = !steps.some(({ date }) => date < (time.split("/").at(-1) || "9999"));
    byId("next").disabled = !time || !steps.some(({ date }) => date > time.split("/").at(-1));
    byId("play").disabled = steps.length < 2;
    byId("dock").classList.toggle("bounded", this.acquisitions.bounded);
    byId("dock").title = this.acquisitions.bounded ? "Only the newest acquisitions of this time are listed." : "";
    if (skipped) byId("when").textContent += ` · ${skipped} ${skipped === 1 ? "scene" : "scenes"} not readable`;
  }

  _step(by) {
    this._play(false);
    this.line.step(by);
  }

  _play(on) {
    clearInterval(this.timer);
    this.timer = null;
    byId("play").setAttribute("aria-pressed", String(on));
    if (!on) return;
    if (!byId("previous").disabled && byId("next").disabled)
      this.store.changePicture({ time: this.line.steps[0].date });
    let shown = Date.now();
    this.timer = setInterval(() => {
      if (this.isBusy()) return (shown = Math.max(shown, Date.now() - BEAT / 2));
      if (Date.now() - shown < BEAT) return;
      shown = Date.now();
      if (!this.line.step(1)) this._play(false);
    }, 100);
  }

  _turn(by) {
    const [, to] = this.acquisitions.window(this.store.state);
    const until = addMonths(to, by * Math.ceil(this.store.state.span / 2));
    this.store.change({ until: until >= this.acquisitions.newest ? "" : until });
  }
}

function whenText(time, known) {
  if (time) return timeText(time);
  return known.length ? `Newest: ${daysText(known[0], known.at(-1))}` : "Newest";
}
