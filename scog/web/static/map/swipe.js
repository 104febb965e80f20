// The swipe divider between two images, moved by pointer or arrow keys.
import { collectionOf, isLoaded, layerName } from "../layer/collections.js";
import { fetchLegend } from "../layer/legend-cache.js";
import { byId, gradient, make, narrowScreen } from "../shell/dom.js";
import { formatTime } from "../time/dates.js";

const STEP = 0.02; // of the width, per key press
const MARGIN = 0.05; // smallest visible share of an image

export class Swipe {
  /** `panes` are the map panes of the two images. */
  constructor(map, panes, store) {
    Object.assign(this, { map, panes, store });
    this.bar = byId("divider");
    this.bar.addEventListener("pointerdown", (event) => this._drag(event));
    this.bar.addEventListener("keydown", (event) => this._key(event));
    document.querySelectorAll("[data-side]").forEach((button) => {
      button.addEventListener("click", () => store.change({ side: Number(button.dataset.side) }));
    });
    map.on("move zoom viewreset resize zoomend", () => this._clip());
    new ResizeObserver(() => this._clip()).observe(byId("map"));
  }

  /** Shows the state's divider and the labels of its two images; hides them for a single image. */
  show({ sides, side, divider }) {
    const isSplit = sides.length === 2;
    byId("divider").hidden = byId("sides").hidden = !isSplit;
    byId("swipe").setAttribute("aria-pressed", String(isSplit));
    this._clip();
    if (!isSplit || !sides.every(isLoaded)) return;
    const [first, second] = sides.map(collectionOf);
    this.bar.setAttribute("aria-valuenow", String(Math.round(100 * divider)));
    const about = (image) => {
      const { title, isStatic } = collectionOf(image);
      const lines = [first === second ? "" : title, isStatic ? "" : formatTime(image.time)];
      return lines.filter(Boolean).map((line) => make("small", {}, line));
    };
    sides.forEach((image, index) => {
      const button = document.querySelector(`[data-side="${index}"]`);
      button.setAttribute("aria-pressed", String(index === side));
      const label = make("span", {}, make("b", {}, layerName(image)), ...about(image));
      button.replaceChildren(label);
      fetchLegend(image).then(
        (legend) => {
          if (legend?.kind !== "ramp" || !label.isConnected) return;
          const ramp = make("i", { className: "ramp" });
          ramp.style.background = gradient(legend.colors.filter((_, step) => step % 16 === 0));
          label.append(ramp);
        },
        () => {},
      );
    });
  }

  // Clips each pane to its side of the divider. Panes move with the map, so the clip moves in the opposite direction.
  _clip() {
    const { sides, divider } = this.store.state;
    if (sides.length < 2) return this.panes.forEach((pane) => (pane.style.clipPath = ""));
    const { x: width, y: height } = this.map.getSize();
    const [top, bottom] = [
      [0, 0],
      [width, height],
    ].map((corner) => this.map.containerPointToLayerPoint(corner));
    const x = this._left() + (width - this._left()) * divider;
    this.bar.style.left = `${x}px`;
    byId("sides").style.setProperty("--at", `${x}px`);
    const middle = top.x + x;
    const box = (left, right) =>
      `polygon(${left}px ${top.y}px, ${right}px ${top.y}px, ${right}px ${bottom.y}px, ${left}px ${bottom.y}px)`;
    this.panes[0].style.clipPath = box(top.x, middle);
    this.panes[1].style.clipPath = box(middle, bottom.x);
  }

  // The left edge of the free part of the map, in pixels.
  _left() {
    return narrowScreen.matches ? 0 : byId("panel").getBoundingClientRect().right;
  }

  _move(divider) {
    this.store.change({ divider: Math.min(1 - MARGIN, Math.max(MARGIN, divider)) });
  }

  _drag(event) {
    event.preventDefault();
    this.bar.focus();
    this.bar.setPointerCapture(event.pointerId);
    const move = ({ clientX }) => this._move((clientX - this._left()) / (this.map.getSize().x - this._left()));
    this.bar.addEventListener("pointermove", move);
    this.bar.addEventListener("lostpointercapture", () => this.bar.removeEventListener("pointermove", move), {
      once: true,
    });
  }

  _key(event) {
    const { divider } = this.store.state;
    const next = { ArrowLeft: divider - STEP, ArrowRight: divider + STEP, Home: MARGIN, End: 1 - MARGIN }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    this._move(next);
  }
}
