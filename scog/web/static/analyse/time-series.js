// The time series of a point or an area, streamed one observation after the other in any order.
import { layerParams, maskParams } from "../layer/image-request.js";
import { queryString } from "../shell/http.js";
import { serverSentEvents } from "../shell/server-sent-events.js";

/** Query string of an image's series from `from` to `to`: single observations, so without composite and cloud cover. */
export function seriesQuery(image, [from, to], more = []) {
  return queryString([...layerParams(image), ...maskParams(image), ["datetime", `${from}/${to}`], ...more]);
}

/** `{url, body}` of a series request; `body` is the GeoJSON of an area, undefined for a point. */
export function seriesRequest({ point, area }, query) {
  if (point) return { url: `timeseries/${point.map((degrees) => degrees.toFixed(6)).join()}${query}` };
  return { url: `timeseries${query}`, body: JSON.stringify(area) };
}

const EMPTY = { names: [], units: [], observations: [], expected: 0, reading: false, problem: null, key: "" };

/**
 * `names` and `units` of the outputs (null for those without one), `observations` by time, `expected` number of them,
 * `reading` and `problem` of the request.
 */
export class TimeSeries {
  /** `onChange` is called after each event. */
  constructor(onChange) {
    Object.assign(this, { onChange, ...EMPTY, observations: [] });
  }

  /** Requests a series, unless it is the current one. Failures end up in `problem`. */
  async load(selection, image, timeRange) {
    const { url, body } = seriesRequest(selection, seriesQuery(image, timeRange, [["format", "sse"]]));
    if (this.key === url + (body ?? "")) return;
    this.clear();
    this.key = url + (body ?? "");
    const { signal } = (this.control = new AbortController());
    this.reading = true;
    this.onChange();
    try {
      for await (const { event, data } of serverSentEvents(url, { body, signal })) {
        if (signal.aborted) return;
        this._add(event, data);
      }
    } catch (problem) {
      if (signal.aborted) return;
      this.problem = problem;
    }
    this.reading = false;
    this.onChange();
  }

  /** Aborts the request and drops its observations. */
  clear() {
    this.control?.abort();
    Object.assign(this, { ...EMPTY, observations: [] });
  }

  _add(event, data) {
    if (event === "start")
      Object.assign(this, { names: data.band_names ?? [], units: data.units ?? [], expected: data.expected ?? 0 });
    if (event === "observation") this.observations.push({ ...data, date: data.datetime.slice(0, 10) });
    if (event === "error") this.problem = new Error(data.detail ?? "The time series ended early.");
    if (event === "observation") this.observations.sort((a, b) => (a.datetime < b.datetime ? -1 : 1));
    this.onChange();
  }
}
