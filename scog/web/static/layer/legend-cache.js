// Legends of images (`/legend.json`), fetched once per query.
import { queryString, requestJson } from "../shell/http.js";
import { collectionOf } from "./collections.js";
import { styleParams, valueParams } from "./image-request.js";

const MAX_ENTRIES = 100;
const cache = new Map(); // query to promise, oldest first

// The default style may depend on a time range (composites), but not on a single date, cloud cover or mask.
function legendQuery(image) {
  const params = valueParams(image, { withTime: false }).filter(([name]) => !/^(cloud_cover|mask)/.test(name));
  if (image.time.includes("/") && !collectionOf(image).isStatic) params.push(["datetime", image.time]);
  return queryString([...params, ...styleParams(image)]);
}

/** Promise of an image's legend. Rejects with a Problem if the request is invalid. */
export function fetchLegend(image) {
  const query = legendQuery(image);
  if (!cache.has(query)) {
    if (cache.size >= MAX_ENTRIES) cache.delete(cache.keys().next().value);
    const legend = requestJson(`legend.json${query}`);
    cache.set(query, legend);
    legend.catch(() => cache.delete(query));
  }
  return cache.get(query);
}
