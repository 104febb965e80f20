// The divider between two pictures: dragged, or moved by the arrow keys.
import { legendOf } from "../layer/legend-cache.js";
import { layerName } from "../layer/listings.js";
import { byId, gradient, make, narrow } from "../shell/dom.js";
import { timeText } from "../time/dates.js";

const STEP = 0.02;
const EDGE = 0.05;

export class Swipe {
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

  show({ sides, side, divider }) {
    const two = sides.length === 2;
    byId("divider").hidden = byId("sides").hidden = !two;
    byId("swipe").setAttribute("aria-pressed", String(two));
    this._clip();
    if (!two) return;
    this.bar.setAttribute("aria-valuenow", String(Math.round(100 * divider)));
    sides.forEach((picture, place) => {
      const button = document.querySelector(`[data-side="${place}"]`);
      button.setAttribute("aria-pressed", String(place === side));
      const words = make("span", {}, make("b", {}, layerName(picture)), make("small", {}, timeText(picture.time)));
      button.replaceChildren(words);
      legendOf(picture).then(
        (legend) => {
          if (legend?.kind !== "ramp" || !words.isConnected) return;
          const ramp = make("i", { className: "ramp" });
          ramp.style.background = gradient(legend.colors.filter((_, index) => index % 16 === 0));
          words.append(ramp);
        },
        () => {},
      );
    });
  }

  // Each pane shows its side of the divider only. Panes move with the map, so that the clip moves against it.
  _clip() {
    const { sides, divider } = this.store.state;
    if (sides.length < 2) return this.panes.forEach((pane) => (pane.style.clipPath = ""));
    const { x: width, y: height } = this.map.getSize();
    const [top, bottom] = [
      [0, 0],
      [width, height],
    ].map((corner) => this.map.containerPointToLayerPoint(corner));
    const at = this._left() + (width - this._left()) * divider;
    this.bar.style.left = `${at}px`;
    byId("sides").style.setProperty("--at", `${at}px`);
    const middle = top.x + at;
    const box = (left, right) =>
      `polygon(${left}px ${top.y}px, ${right}px ${top.y}px, ${right}px ${bottom.y}px, ${left}px ${bottom.y}px)`;
    this.panes[0].style.clipPath = box(top.x, middle);
    this.panes[1].style.clipPath = box(middle, bottom.x);
  }

  // Where the panel leaves the map free.
  _left() {
    return narrow.matches ? 0 : byId("panel").getBoundingClientRect().right;
  }

  _move(divider) {
    this.store.change({ divider: Math.min(1 - EDGE, Math.max(EDGE, divider)) });
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
    const wanted = { ArrowLeft: divider - STEP, ArrowRight: divider + STEP, Home: EDGE, End: 1 - EDGE }[event.key];
    if (wanted === undefined) return;
    event.preventDefault();
    this._move(wanted);
  }
}
