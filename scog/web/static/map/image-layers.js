// The pictures on the map: one, or two of which each is shown on its side of the divider.
/* global L */
import { tileQuery } from "../layer/image-request.js";
import { escaped } from "./map.js";
import { Pace } from "./preview-policy.js";
import { Lanes } from "./request-queue.js";
import { Tiles } from "./tile-layer.js";
import { Upstream } from "./upstream-stats.js";

export class Pictures {
  // `changed` is called, with a Problem or null, whenever a tile is asked for, comes, or fails.
  constructor(map, changed) {
    Object.assign(this, { map, changed, shown: [null, null] });
    const pace = new Pace();
    this.traffic = { pace, lanes: new Lanes(pace), upstream: new Upstream() };
    this.panes = ["first", "second"].map((name, place) => {
      const pane = map.createPane(name);
      pane.style.zIndex = 300 + place;
      pane.classList.add("side");
      return pane;
    });
  }

  serve(served) {
    this.served = served;
  }

  // Show a side's picture, or nothing for null.
  show(side, picture) {
    const query = picture && tileQuery(picture);
    const shown = this.shown[side];
    if (query === (shown?.query ?? null)) return shown?.layer.setOpacity(picture.opacity / 100);
    this._replace(side, picture && { query, layer: this._layer(side, picture, query) });
  }

  // Draw anew what is shown.
  again() {
    const shown = this.shown;
    shown.forEach((each, side) => {
      if (each)
        this._replace(side, {
          query: each.query,
          layer: this._layer(side, { opacity: 100 * each.layer.options.opacity }, each.query),
        });
    });
  }

  _layer(side, { opacity }, query) {
    const [west, south, east, north] = this.served.bounds;
    return new Tiles(
      query,
      {
        pane: ["first", "second"][side],
        bounds: [
          [south, west],
          [north, east],
        ],
        minZoom: this.served.minzoom,
        maxNativeZoom: this.served.maxzoom,
        maxZoom: this.map.getMaxZoom(),
        opacity: opacity / 100,
        attribution: escaped(this.served.attribution),
        updateWhenZooming: false,
        className: "pixels",
      },
      this.traffic,
      (problem) => this._changed(problem),
    );
  }

  // What is counted of tiles begins with the first that is asked for after all others have come.
  _changed(problem) {
    const { waiting } = this.progress();
    if (waiting && !this.wasWaiting) this.traffic.upstream.begin();
    this.wasWaiting = waiting > 0;
    this.changed(problem);
  }

  // The old layer stays until the new one has come, so that the map does not blink.
  _replace(side, next) {
    const old = this.shown[side]?.layer;
    this.shown[side] = next;
    old?.freeze();
    if (!next) {
      old?.remove();
    } else {
      old?.setZIndex(1);
      next.layer.setZIndex(2).addTo(this.map);
      if (old) next.layer.once("load remove", () => old.remove());
      if (!next.layer.waiting()) old?.remove();
    }
    this._changed(null);
  }

  // Tiles on their way, how many of a kind were asked for, what is the matter with those that are tried again, and what
  // they took upstream.
  progress() {
    const layers = this.shown.filter(Boolean).map(({ layer }) => layer);
    const sum = (count) => layers.reduce((total, layer) => total + count(layer), 0);
    return {
      waiting: sum((layer) => layer.waiting()),
      asked: sum((layer) => layer.asked),
      problems: layers.flatMap((layer) => layer.problems()),
      upstream: this.traffic.upstream,
    };
  }

  // Ids of the scenes that a side is made of in view, and of those that could not be read.
  scenes(side) {
    return this.shown[side]?.layer.scenes() ?? { used: new Set(), skipped: new Set() };
  }
}
