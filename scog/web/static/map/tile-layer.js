// A Leaflet grid layer with its own tile requests: it counts pending tiles, collects the scenes of loaded ones, and
// aborts requests of tiles that leave the view.
/* global L */
import { TileRequest } from "./tile-request.js";

export const TileLayer = L.GridLayer.extend({
  /**
   * `query` is the tiles' query string, `traffic` the state that all tiles share. `onChange` is called whenever a tile
   * is requested, loaded, removed, or has failed for good (then with its Problem).
   */
  initialize(query, options, traffic, onChange) {
    L.GridLayer.prototype.initialize.call(this, options);
    this._suffix = (window.devicePixelRatio > 1 ? "@2x" : "") + query;
    this._traffic = traffic;
    this._onChange = onChange;
    this._pending = new Map(); // key to TileRequest
    this._scenes = new Map(); // key to {coords, used, skipped, detail} of a loaded tile
    this.requested = 0; // tiles since none was pending
    this.on("tileunload", ({ coords }) => this._release(this._tileCoordsToKey(coords)));
  },

  /** Number of pending tiles. */
  waiting() {
    return this._pending.size;
  },

  /** Problems of the tiles that are being retried. */
  problems() {
    return [...this._pending.values()].map((tile) => tile.problem).filter(Boolean);
  },

  createTile(coords, done) {
    const { x, y, z } = coords;
    const image = document.createElement("img");
    image.alt = "";
    const key = this._tileCoordsToKey(coords);
    let state = ""; // last reported to Leaflet: "failed", "shown" or nothing yet
    const onUpdate = ({ shown, problem }) => {
      const next = shown ? "shown" : "failed";
      if (state !== "shown" && state !== next && (shown || problem)) {
        state = next;
        done(shown ? null : problem, image);
      }
      this._notify();
    };
    const tile = new TileRequest(`tiles/${z}/${x}/${y}${this._suffix}`, image, this._traffic, onUpdate);
    this._pending.set(key, tile);
    this.requested += 1;
    const end = (problem, headers) => {
      if (tile.signal.aborted) return;
      this._pending.delete(key);
      if (headers)
        this._scenes.set(key, { coords, ...scenesOf(headers) });
      else onUpdate({ problem });
      this._notify(problem);
    };
    tile.load().then(
      (headers) => end(null, headers),
      (problem) => end(problem),
    );
    this._notify();
    return image;
  },

  /** Ids of the scenes in the visible tiles, and the details of the skipped ones, as sets: `{used, skipped, details}`. */
  scenes() {
    const view = this._map?.getBounds() ?? L.latLngBounds([]);
    const used = new Set();
    const skipped = new Set();
    const details = new Set();
    for (const { coords, ...ids } of this._scenes.values()) {
      if (!this._tileCoordsToBounds(coords).intersects(view)) continue;
      ids.used.forEach((id) => used.add(id));
      ids.skipped.forEach((id) => skipped.add(id));
      if (ids.detail) details.add(ids.detail);
    }
    return { used, skipped, details };
  },

  /** Stops all requests; loaded tiles stay. */
  freeze() {
    this._onChange = () => {};
    this._pending.forEach((tile) => tile.stop());
  },

  _release(key) {
    this._pending.get(key)?.stop();
    this._pending.delete(key);
    this._scenes.delete(key);
    this._notify();
  },

  _notify(problem) {
    this._onChange(problem ?? null);
    if (!this.waiting()) this.requested = 0;
  },
});

const scenesOf = (headers) => ({
  used: sceneIds(headers, "Used"),
  skipped: sceneIds(headers, "Skipped"),
  detail: headers.get("X-Scog-Detail"),
});

// Scene ids of an `X-Scog-Used` or `X-Scog-Skipped` header: "id;detail, id, and 3 more".
function sceneIds(headers, name) {
  const entries = (headers.get(`X-Scog-${name}`) ?? "").split(", ");
  return entries.filter((entry) => entry && !entry.startsWith("and ")).map((entry) => entry.split(";")[0]);
}
