// The acquisitions under the view: what the time line shows.
import { queryString } from "../layer/image-request.js";
import { ask } from "../shell/http.js";
import { addMonths, today } from "./dates.js";

const WIDEST = 1.5; // degrees of a box; over more, those in the middle of the view are listed

export class Acquisitions {
  // `searching` is told whether a search is under way, `changed` whenever days are known.
  constructor({ changed, searching, failed }) {
    Object.assign(this, { changed, searching, failed, days: [], newest: "", bounded: false, dateOf: new Map() });
  }

  // First and last day of the time line.
  window({ span, until }) {
    const to = until || this.newest || today();
    return [addMonths(to, -span), to];
  }

  // List those in a box `[west, south, east, north]`.
  async look(box, { span, until }) {
    this.control?.abort();
    const { signal } = (this.control = new AbortController());
    const bbox = narrowed(box)
      .map((degrees) => degrees.toFixed(4))
      .join();
    const find = (pairs) => this._find([["bbox", bbox], ["cloud_cover", "100"], ...pairs], signal);
    this.searching(true);
    try {
      if (!this.newest) {
        this._take(await find([])); // the newest, so that something is there soon
        this.newest = this.days.at(-1)?.date ?? "";
        this.changed();
      }
      const [from, to] = this.window({ span, until });
      this._take(await find([["datetime", `${from}/${until ? to : ".."}`]]));
      if (!until && this.days.length) this.newest = [this.newest, this.days.at(-1).date].sort().at(-1);
      this.searching(false);
      this.changed();
    } catch (problem) {
      if (signal.aborted) return;
      this.searching(false);
      this.failed(problem);
    }
  }

  async _find(pairs, signal) {
    const response = await ask(`scenes${queryString(pairs)}`, signal);
    this.bounded = response.headers.has("X-Scog-Bounded");
    return (await response.json()).features;
  }

  _take(features) {
    const days = new Map();
    for (const feature of features) {
      const { observation, datetime, cloud_cover: cloud } = feature.properties;
      const date = String(observation ?? datetime).slice(0, 10);
      this.dateOf.set(feature.id, date);
      if (!days.has(date)) days.set(date, { date, scenes: [], clouds: [] });
      days.get(date).scenes.push(feature);
      if (typeof cloud === "number") days.get(date).clouds.push(cloud);
    }
    this.days = [...days.values()].sort((a, b) => (a.date < b.date ? -1 : 1));
    for (const day of this.days) {
      day.least = day.clouds.length ? Math.min(...day.clouds) : 0;
      day.cloud = day.clouds.length ? day.clouds.reduce((sum, each) => sum + each, 0) / day.clouds.length : 0;
    }
  }
}

function narrowed([west, south, east, north]) {
  const [lon, lat] = [(west + east) / 2, (south + north) / 2];
  const [x, y] = [Math.min(east - west, WIDEST) / 2, Math.min(north - south, WIDEST) / 2];
  return [lon - x, lat - y, lon + x, lat + y];
}
