// The one state of the page: those who want to know of changes listen, and change it by its methods only.
import { PICTURE } from "../layer/image-request.js";

export const STATE = Object.freeze({
  sides: Object.freeze([PICTURE]), // one picture, or two with a divider between
  side: 0, // which of them the controls are of
  divider: 0.5, // share of what the panel leaves of the map's width
  at: null, // what was asked: {point: [lon, lat]} or {area: a GeoJSON geometry}
  span: 12, // months of the time line
  until: "", // its last day, or "" for the newest
  footprints: false,
});

export class Store {
  constructor(state) {
    this.state = state;
    this._listeners = [];
  }

  // The picture that the controls are of.
  get picture() {
    return this.state.sides[this.state.side];
  }

  // `listener` gets the state after a change and the one before.
  listen(listener) {
    this._listeners.push(listener);
  }

  change(part) {
    const before = this.state;
    if (Object.entries(part).every(([name, value]) => before[name] === value)) return;
    this.state = Object.freeze({ ...before, ...part });
    this._listeners.forEach((listener) => listener(this.state, before));
  }

  changePicture(part, side = this.state.side) {
    const old = this.state.sides[side];
    if (Object.entries(part).every(([name, value]) => old[name] === value)) return;
    const changed = Object.freeze({ ...old, ...part });
    this.change({ sides: this.state.sides.map((each, place) => (place === side ? changed : each)) });
  }
}
