// The acquisitions of the visible area, listed by `/scenes` for the timeline.
import { queryString, request } from "../shell/http.js";
import { addMonths, today } from "./dates.js";

const MAX_EXTENT = 1.5; // degrees; of a larger view, the acquisitions at its centre are listed

export class Acquisitions {
  /**
   * `onSearching(isSearching)` is called when a search starts and ends, `onChange` when `days` have changed, `onError`
   * with a Problem. A day is `{date, scenes, clouds, least, cloud}`: GeoJSON features and their cloud cover in percent,
   * with minimum and mean, which is null if it is unknown.
   */
  constructor({ onChange, onSearching, onError }) {
    Object.assign(this, { onChange, onSearching, onError, days: [], newest: "", truncated: false, dateOf: new Map() });
  }

  /** First and last day of the timeline as `[from, to]`. */
  timeRange({ span, until }) {
    const to = until || this.newest || today();
    return [addMonths(to, -span), to];
  }

  /** Aborts the search and drops what it has found. */
  clear() {
    this.control?.abort();
    Object.assign(this, { days: [], newest: "", truncated: false });
    this.onSearching(false);
  }

  /**
   * Lists the acquisitions of a collection ("" for the default) in a box `[west, south, east, north]` in degrees;
   * aborts the search before.
   */
  async search(box, { span, until }, collection) {
    this.control?.abort();
    const { signal } = (this.control = new AbortController());
    const bbox = limitExtent(box)
      .map((degrees) => degrees.toFixed(4))
      .join();
    const common = [["bbox", bbox], ["cloud_cover", "100"], ["limit", "500"]];
    if (collection) common.unshift(["collection", collection]);
    const fetchScenes = (params) => this._fetch([...common, ...params], signal);
    this.onSearching(true);
    try {
      if (!this.newest) {
        this._setScenes(await fetchScenes([])); // the newest first: a fast search with a first result
        this.newest = this.days.at(-1)?.date ?? "";
        this.onChange();
      }
      const [from, to] = this.timeRange({ span, until });
      this._setScenes(await fetchScenes([["datetime", `${from}/${until ? to : ".."}`]]));
      if (!until && this.days.length) this.newest = [this.newest, this.days.at(-1).date].sort().at(-1);
      this.onSearching(false);
      this.onChange();
    } catch (problem) {
      if (signal.aborted) return;
      this.onSearching(false);
      this.onError(problem);
    }
  }

  async _fetch(params, signal) {
    const response = await request(`scenes${queryString(params)}`, signal);
    this.truncated = response.headers.has("X-Scog-Truncated");
    return (await response.json()).features;
  }

  _setScenes(features) {
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
      day.cloud = day.clouds.length ? day.clouds.reduce((sum, each) => sum + each, 0) / day.clouds.length : null;
    }
  }
}

// The central part of a box, at most MAX_EXTENT wide and high.
function limitExtent([west, south, east, north]) {
  const [lon, lat] = [(west + east) / 2, (south + north) / 2];
  const [x, y] = [Math.min(east - west, MAX_EXTENT) / 2, Math.min(north - south, MAX_EXTENT) / 2];
  return [lon - x, lat - y, lon + x, lat + y];
}
