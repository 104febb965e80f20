// The image layers of the map: one, or two with a swipe divider between.
/* global L */
import { collectionOf } from "../layer/collections.js";
import { tileQuery } from "../layer/image-request.js";
import { escapeHtml } from "./map.js";
import { RequestQueues } from "./request-queue.js";
import { TileLatency } from "./tile-latency.js";
import { TileLayer } from "./tile-layer.js";
import { UpstreamStats } from "./upstream-stats.js";

const PANES = ["first", "second"];
const FARTHEST = 7; // zoom at which small archives are shown too, although they fill but a part of a tile

export class ImageLayers {
  /** `onChange` is called, with a Problem or null, whenever a tile is requested, loaded or has failed. */
  constructor(map, onChange) {
    Object.assign(this, { map, onChange, shown: [null, null] });
    const latency = new TileLatency();
    this.traffic = { latency, queues: new RequestQueues(latency), upstream: new UpstreamStats() };
    this.panes = PANES.map((name, side) => {
      const pane = map.createPane(name);
      pane.style.zIndex = 300 + side;
      pane.classList.add("side");
      return pane;
    });
  }

  /** Shows an image of a loaded collection on a side (0 or 1); null removes it. */
  show(side, image) {
    const query = image && tileQuery(image);
    const shown = this.shown[side];
    if (query === (shown?.query ?? null)) return shown?.layer.setOpacity(image.opacity / 100);
    this._replace(side, image && { image, query, layer: this._createLayer(side, image, query) });
  }

  /** Requests all tiles again. */
  reload() {
    this.shown.forEach((old, side) => {
      if (!old) return;
      const opacity = 100 * old.layer.options.opacity;
      this._replace(side, { ...old, layer: this._createLayer(side, { ...old.image, opacity }, old.query) });
    });
  }

  _createLayer(side, image, query) {
    const { tilejson } = collectionOf(image);
    const [west, south, east, north] = tilejson.bounds;
    return new TileLayer(
      query,
      {
        pane: PANES[side],
        bounds: [
          [south, west],
          [north, east],
        ],
        minZoom: Math.min(tilejson.minzoom, FARTHEST),
        maxNativeZoom: tilejson.maxzoom + 1, // its pixels may be larger than the files', by half at most
        maxZoom: this.map.getMaxZoom(),
        opacity: image.opacity / 100,
        attribution: escapeHtml(tilejson.attribution),
        updateWhenZooming: false,
        className: "pixels",
      },
      this.traffic,
      (problem) => this._changed(problem),
    );
  }

  // Upstream statistics restart with the first tile that is requested while none is pending.
  _changed(problem) {
    const { waiting } = this.progress();
    if (waiting && !this.wasWaiting) this.traffic.upstream.reset();
    this.wasWaiting = waiting > 0;
    this.onChange(problem);
  }

  // The old layer stays until the new one has loaded, so that the map does not flicker.
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

  /**
   * Loading progress: `waiting` tiles are pending of `requested`, `problems` are those of tiles being retried,
   * `upstream` counts what was read from the archive.
   */
  progress() {
    const layers = this.shown.filter(Boolean).map(({ layer }) => layer);
    const sum = (count) => layers.reduce((total, layer) => total + count(layer), 0);
    return {
      waiting: sum((layer) => layer.waiting()),
      requested: sum((layer) => layer.requested),
      problems: layers.flatMap((layer) => layer.problems()),
      upstream: this.traffic.upstream,
    };
  }

  /** Ids of the scenes in view on a side, and the details of the skipped ones, as sets: `{used, skipped, details}`. */
  scenes(side) {
    return this.shown[side]?.layer.scenes() ?? { used: new Set(), skipped: new Set(), details: new Set() };
  }
}
