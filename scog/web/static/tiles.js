// A Leaflet layer that fetches its tiles itself: it knows which are under way, what became of each, and lets go of
// those that nobody looks at any more.
/* global L */
import { ask } from "./server.js";

export const Tiles = L.GridLayer.extend({
  // `changed` is called whenever a tile is asked for, comes, fails (with its Problem) or is let go of.
  initialize(query, options, changed) {
    L.GridLayer.prototype.initialize.call(this, options);
    this._suffix = (window.devicePixelRatio > 1 ? "@2x" : "") + query;
    this._changed = changed;
    this._controls = new Map(); // of tiles under way
    this._reports = new Map(); // of tiles that came
    this.asked = 0;
    this.on("tileunload", ({ coords }) => this._letGo(this._tileCoordsToKey(coords)));
  },

  waiting() {
    return this._controls.size;
  },

  createTile(coords, done) {
    const image = document.createElement("img");
    const key = this._tileCoordsToKey(coords);
    const control = new AbortController();
    image.alt = "";
    this._controls.set(key, control);
    this.asked += 1;
    this._load(image, coords, control.signal)
      .then((report) => {
        this._reports.set(key, report);
        return null;
      })
      .catch((problem) => problem)
      .then((problem) => {
        if (control.signal.aborted) return;
        this._controls.delete(key);
        done(problem, image);
        this._tell(problem);
      });
    this._tell();
    return image;
  },

  async _load(image, coords, signal) {
    const { x, y, z } = coords;
    const response = await ask(`tiles/${z}/${x}/${y}${this._suffix}`, signal);
    const url = URL.createObjectURL(await response.blob());
    try {
      image.src = url;
      await image.decode();
    } finally {
      URL.revokeObjectURL(url);
    }
    return { coords, used: names(response, "Used"), skipped: names(response, "Skipped") };
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
    this._controls.forEach((control) => control.abort());
  },

  _letGo(key) {
    this._controls.get(key)?.abort();
    this._controls.delete(key);
    this._reports.delete(key);
    this._tell();
  },

  _tell(problem) {
    this._changed(problem ?? null);
    if (!this.waiting()) this.asked = 0;
  },
});

function names(response, header) {
  const entries = (response.headers.get(`X-Scog-${header}`) ?? "").split(", ");
  return entries.filter((entry) => entry && !entry.startsWith("and ")).map((entry) => entry.split(";")[0]);
}
