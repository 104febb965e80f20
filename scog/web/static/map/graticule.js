// Graticule: meridians and parallels, labelled in degrees at the edge of the map.
/* global L */

const STEPS = [30, 20, 10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001];
const MIN_SPACING = 150; // pixels

/** Degrees between two meridians or parallels at a web Mercator zoom level. */
export function gridSpacing(zoom) {
  const pixels = (256 * 2 ** zoom) / 360; // of a degree of longitude
  return [...STEPS].reverse().find((step) => step * pixels >= MIN_SPACING) ?? STEPS[0];
}

/** "12.5°E" of a value in degrees; `letters` are those of positive and negative values, `step` sets the digits. */
export function formatDegrees(value, step, letters) {
  const digits = Math.max(0, Math.ceil(-Math.log10(step) - 1e-9));
  return `${Math.abs(value).toFixed(digits)}°${Math.abs(value) < step / 2 ? "" : letters[value < 0 ? 1 : 0]}`;
}

export class Graticule {
  constructor(map) {
    map.createPane("graticule").style.zIndex = 160;
    this.map = map;
    this.lines = L.layerGroup().addTo(map);
    map.on("moveend resize", () => this._draw());
    if (map._loaded) this._draw();
  }

  _draw() {
    const { map } = this;
    const step = gridSpacing(map.getZoom());
    const view = map.getBounds();
    const [west, east] = [view.getWest(), view.getEast()];
    const [south, north] = [Math.max(-85, view.getSouth()), Math.min(85, view.getNorth())];
    this.lines.clearLayers();
    for (let number = Math.ceil(west / step); number * step <= east; number++) {
      const lon = number * step;
      const wrapped = ((((lon + 180) % 360) + 360) % 360) - 180;
      this._line(
        [
          [south, lon],
          [north, lon],
        ],
        [north, lon],
        formatDegrees(wrapped, step, "EW"),
        "meridian",
      );
    }
    for (let number = Math.ceil(south / step); number * step <= north; number++) {
      const lat = number * step;
      this._line(
        [
          [lat, west],
          [lat, east],
        ],
        [lat, east],
        formatDegrees(lat, step, "NS"),
        "parallel",
      );
    }
  }

  _line(ends, at, text, className) {
    const options = { pane: "graticule", interactive: false };
    this.lines.addLayer(L.polyline(ends, { ...options, className: "graticule", weight: 1 }));
    const label = document.createElement("span");
    label.textContent = text;
    const icon = L.divIcon({ className: `degrees ${className}`, html: label, iconSize: null });
    this.lines.addLayer(L.marker(at, { ...options, icon, keyboard: false }));
  }
}
