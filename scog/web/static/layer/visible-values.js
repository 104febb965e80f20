// Pixel values of the visible area: small `.npy` tiles one zoom level below the map's, cropped to the view.
/* global L */
import { queryString, request } from "../shell/http.js";
import { valueParams } from "./image-request.js";
import { readNpy } from "./npy.js";

const TILE_SIZE = 128; // pixels
const MAX_TILES = 12;

/**
 * Web Mercator tiles that cover bounds `[west, south, east, north]` in degrees, as `{z, x, y, part}`; `part` is the
 * covered share of the tile as `[left, top, right, bottom]`, 0 to 1.
 */
export function tilesCovering(bounds, zoom) {
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
      const isCovered = part[2] - part[0] > 1e-6 && part[3] - part[1] > 1e-6;
      if (isCovered) tiles.push({ z: zoom, x: ((x % scale) + scale) % scale, y, part });
    }
  }
  return tiles;
}

/**
 * Valid pixel values in bounds in degrees, a Float32Array per output. `zoom` is the map's. Rejects with a Problem, or
 * when the signal aborts.
 */
export async function readVisibleValues(image, bounds, zoom, { minzoom, maxzoom }, signal) {
  let level = Math.min(maxzoom, Math.max(minzoom, Math.round(zoom) - 1));
  while (level > minzoom && tilesCovering(bounds, level).length > MAX_TILES) level--;
  const query = queryString([...valueParams(image), ["tilesize", String(TILE_SIZE)]]);
  const parts = await Promise.all(
    tilesCovering(bounds, level)
      .slice(0, 2 * MAX_TILES)
      .map(async ({ z, x, y, part }) => {
        const response = await request(`tiles/${z}/${x}/${y}.npy${query}`, signal);
        return cropValid(readNpy(await response.arrayBuffer()), part);
      }),
  );
  const outputs = parts[0]?.length ?? 0;
  return Array.from({ length: outputs }, (_, output) => {
    const whole = new Float32Array(parts.reduce((sum, part) => sum + part[output].length, 0));
    parts.reduce((offset, part) => (whole.set(part[output], offset), offset + part[output].length), 0);
    return whole;
  });
}

// The values of a part of an array `(output, y, x)` that are not NaN, as a list per output.
function cropValid({ shape: [outputs, rows, columns], values }, [left, top, right, bottom]) {
  const [x0, x1] = [Math.floor(left * columns), Math.ceil(right * columns)];
  const [y0, y1] = [Math.floor(top * rows), Math.ceil(bottom * rows)];
  return Array.from({ length: outputs }, (_, output) => {
    const valid = [];
    for (let y = y0; y < y1; y++) {
      const row = (output * rows + y) * columns;
      for (let x = x0; x < x1; x++) if (!Number.isNaN(values[row + x])) valid.push(values[row + x]);
    }
    return valid;
  });
}
