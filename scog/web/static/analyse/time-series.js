// The values of a place or an area over time, which come one observation after the other, in any order.
import { queryString, unmasked } from "../layer/image-request.js";
import { events } from "../shell/server-sent-events.js";

// The query of a picture's series over the time line; it is of single observations, so without a composite.
export function seriesQuery({ kind, name, mask, dilate, ...picture }, [from, to], more = []) {
  const pairs = kind === "index" && name === "ndvi" ? [] : [[kind, name]];
  if (!unmasked({ kind, name, ...picture })) {
    if (!mask) pairs.push(["mask", "none"]);
    else if (dilate) pairs.push(["mask_dilate", String(dilate)]);
  }
  return queryString([...pairs, ["datetime", `${from}/${to}`], ...more]);
}

// Where a series is asked for: the address, and the body for an area.
export function seriesAddress(at, query) {
  if (at.point) return { url: `timeseries/${at.point.map((degrees) => degrees.toFixed(6)).join()}${query}` };
  return { url: `timeseries${query}`, body: JSON.stringify(at.area) };
}

export class Series {
  // `changed` is called whenever more is known.
  constructor(changed) {
    Object.assign(this, { changed, names: [], observations: [], expected: 0, reading: false, problem: null, key: "" });
  }

  // Ask for a series, unless it is the one that is known already.
  async ask(at, picture, window) {
    const { url, body } = seriesAddress(at, seriesQuery(picture, window, [["format", "sse"]]));
    if (this.key === url + (body ?? "")) return;
    this.forget();
    this.key = url + (body ?? "");
    const { signal } = (this.control = new AbortController());
    this.reading = true;
    this.changed();
    try {
      for await (const { event, data } of events(url, { body, signal })) {
        if (signal.aborted) return;
        this._take(event, data);
      }
    } catch (problem) {
      if (signal.aborted) return;
      this.problem = problem;
    }
    this.reading = false;
    this.changed();
  }

  forget() {
    this.control?.abort();
    Object.assign(this, { names: [], observations: [], expected: 0, reading: false, problem: null, key: "" });
  }

  _take(event, data) {
    if (event === "start") Object.assign(this, { names: data.band_names ?? [], expected: data.expected ?? 0 });
    if (event === "observation") this.observations.push({ ...data, date: data.datetime.slice(0, 10) });
    if (event === "error") this.problem = new Error(data.detail ?? "The series ended early.");
    if (event === "observation") this.observations.sort((a, b) => (a.datetime < b.datetime ? -1 : 1));
    this.changed();
  }
}
