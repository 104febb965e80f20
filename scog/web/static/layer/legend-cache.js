// What a picture's colours mean, as the server tells; asked for once.
import { askJson } from "../shell/http.js";
import { lookPairs, queryString, valuePairs } from "./image-request.js";

const KEPT = 100;
const told = new Map(); // query to promise

// The query of a picture's legend: composites of a time range have looks of their own, but no day does.
function legendQuery(picture) {
  const pairs = valuePairs(picture, { when: false }).filter(([name]) => !/^(cloud_cover|mask)/.test(name));
  if (picture.time.includes("/")) pairs.push(["datetime", picture.time]);
  return queryString([...pairs, ...lookPairs(picture)]);
}

// Fails with a Problem where the picture makes no sense.
export function legendOf(picture) {
  const query = legendQuery(picture);
  if (!told.has(query)) {
    if (told.size >= KEPT) told.delete(told.keys().next().value);
    const asked = askJson(`legend.json${query}`);
    told.set(query, asked);
    asked.catch(() => told.delete(query));
  }
  return told.get(query);
}
