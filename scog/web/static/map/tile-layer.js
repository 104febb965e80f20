// A Leaflet layer that fetches its tiles itself: it knows which are under way, what became of each, and lets go of
// those that nobody looks at any more.
/* global L */
import { Tile } from "./tile-request.js";

export const Tiles = L.GridLayer.extend({
  // `traffic` is what all tiles share. `changed` is called whenever a tile is asked for, comes, fails for good (with its
  // Problem) or is let go of.
  initialize(query, options, traffic, changed) {
    L.GridLayer.prototype.initialize.call(this, options);
    this._suffix = (window.devicePixelRatio > 1 ? "@2x" : "") + query;
    this._traffic = traffic;
    this._changed = changed;
    this._under = new Map(); // tiles under way
    this._reports = new Map(); // of tiles that came
    this.asked = 0;
    this.on("tileunload", ({ coords }) => this._letGo(this._tileCoordsToKey(coords)));
  },

  waiting() {
    return this._under.size;
  },

  // What was the matter with the tiles that are tried again.
  problems() {
    return [...this._under.values()].map((tile) => tile.problem).filter(Boolean);
  },

  createTile(coords, done) {
    const { x, y, z } = coords;
    const image = document.createElement("img");
    image.alt = "";
    const key = this._tileCoordsToKey(coords);
    let state = ""; // what Leaflet knows of it: "failed", "shown" or nothing yet
    const told = ({ shown, problem }) => {
      const next = shown ? "shown" : "failed";
      if (state !== "shown" && state !== next && (shown || problem)) {
        state = next;
        done(shown ? null : problem, image);
      }
      this._tell();
    };
    const tile = new Tile(`tiles/${z}/${x}/${y}${this._suffix}`, image, this._traffic, told);
    this._under.set(key, tile);
    this.asked += 1;
    const end = (problem, headers) => {
      if (tile.signal.aborted) return;
      this._under.delete(key);
      if (headers) this._reports.set(key, { coords, used: names(headers, "Used"), skipped: names(headers, "Skipped") });
      else told({ problem });
      this._tell(problem);
    };
    tile.load().then(
      (headers) => end(null, headers),
      (problem) => end(problem),
    );
    this._tell();
    return image;
  },

  // Ids of the scenes in the tiles that are in view, and of those that could not be read.
  scenes() {
    const view = this._map?.getBounds() ?? L.latLngBounds([]);
    const used = new Set();
    const skipped = new Set();
    for (const { coords, ...report } of this._reports.values()) {
      if (!this._tileCoordsToBounds(coords).intersects(view)) continue;
      report.used.forEach((id) => used.add(id));
      report.skipped.forEach((id) => skipped.add(id));
    }
    return { used, skipped };
  },

  // Stop fetching; what is there stays.
  freeze() {
    this._changed = () => {};
    this._under.forEach((tile) => tile.stop());
  },

  _letGo(key) {
    this._under.get(key)?.stop();
    this._under.delete(key);
    this._reports.delete(key);
    this._tell();
  },

  _tell(problem) {
    this._changed(problem ?? null);
    if (!this.waiting()) this.asked = 0;
  },
});

function names(headers, header) {
  const entries = (headers.get(`X-Scog-${header}`) ?? "").split(", ");
  return entries.filter((entry) => entry && !entry.startsWith("and ")).map((entry) => entry.split(";")[0]);
}
