// The values on screen: small tiles of numbers, one zoom coarser than the map, cut to the view.
/* global L */
import { ask } from "../shell/http.js";
import { queryString, valuePairs } from "./image-request.js";
import { readNpy } from "./npy.js";

const SIZE = 128; // pixels a side of a tile
const MOST = 12; // tiles

// Which tiles show the view, as {z, x, y}, and which part of each, 0 to 1.
export function tilesOf(bounds, zoom) {
  const scale = 2 ** zoom;
  const project = (lat, lng) => {
    const sine = Math.sin((lat * Math.PI) / 180);
    return [((lng + 180) / 360) * scale, (0.5 - Math.log((1 + sine) / (1 - sine)) / (4 * Math.PI)) * scale];
  };
  const [west, south, east, north] = bounds;
  const [left, top] = project(north, west);
  const [right, bottom] = project(south, east);
  const tiles = [];
  for (let x = Math.floor(left); x < right; x++) {
    for (let y = Math.max(0, Math.floor(top)); y < Math.min(bottom, scale); y++) {
      const part = [left - x, top - y, right - x, bottom - y].map((share) => Math.min(1, Math.max(0, share)));
      const seen = part[2] - part[0] > 1e-6 && part[3] - part[1] > 1e-6;
      if (seen) tiles.push({ z: zoom, x: ((x % scale) + scale) % scale, y, part });
    }
  }
  return tiles;
}

// The valid values of each output in a box, one Float32Array an output; fails with a Problem.
export async function sample(picture, bounds, zoom, { minzoom, maxzoom }, signal) {
  let depth = Math.min(maxzoom, Math.max(minzoom, Math.round(zoom) - 1));
  while (depth > minzoom && tilesOf(bounds, depth).length > MOST) depth--;
  const query = queryString([...valuePairs(picture), ["tilesize", String(SIZE)]]);
  const parts = await Promise.all(
    tilesOf(bounds, depth)
      .slice(0, 2 * MOST)
      .map(async ({ z, x, y, part }) => {
        const response = await ask(`tiles/${z}/${x}/${y}.npy${query}`, signal);
        return cut(readNpy(await response.arrayBuffer()), part);
      }),
  );
  const outputs = parts[0]?.length ?? 0;
  return Array.from({ length: outputs }, (_, output) => {
    const whole = new Float32Array(parts.reduce((sum, part) => sum + part[output].length, 0));
    parts.reduce((place, part) => (whole.set(part[output], place), place + part[output].length), 0);
    return whole;
  });
}

function cut({ shape: [outputs, rows, columns], values }, [left, top, right, bottom]) {
  const [x0, x1] = [Math.floor(left * columns), Math.ceil(right * columns)];
  const [y0, y1] = [Math.floor(top * rows), Math.ceil(bottom * rows)];
  return Array.from({ length: outputs }, (_, output) => {
    const kept = [];
    for (let y = y0; y < y1; y++) {
      const row = (output * rows + y) * columns;
      for (let x = x0; x < x1; x++) if (!Number.isNaN(values[row + x])) kept.push(values[row + x]);
    }
    return kept;
  });
}
