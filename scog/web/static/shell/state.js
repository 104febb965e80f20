// The application state: one frozen object in a store that notifies its subscribers of changes.
import { DEFAULT_IMAGE } from "../layer/image-request.js";

export const DEFAULT_STATE = Object.freeze({
  sides: Object.freeze([DEFAULT_IMAGE]), // one image, or two with a swipe divider between
  side: 0, // index of the image that the controls edit
  divider: 0.5, // position of the swipe divider, as a share of the map's free width
  selection: null, // {point: [lon, lat]} in degrees, or {area: a GeoJSON geometry}
  span: 12, // length of the timeline in months
  until: "", // last day of the timeline, or "" for the newest acquisition
  footprints: false,
});

export class Store {
  constructor(state) {
    this.state = state;
    this._subscribers = [];
  }

  /** The image that the controls edit. */
  get image() {
    return this.state.sides[this.state.side];
  }

  /** Calls `subscriber(state, previous)` after each change. */
  subscribe(subscriber) {
    this._subscribers.push(subscriber);
  }

  /** Merges `part` into the state; does nothing if no value differs. */
  change(part) {
    const previous = this.state;
    if (Object.entries(part).every(([name, value]) => previous[name] === value)) return;
    this.state = Object.freeze({ ...previous, ...part });
    this._subscribers.forEach((subscriber) => subscriber(this.state, previous));
  }

  /** Merges `part` into the image of a side. */
  changeImage(part, side = this.state.side) {
    const old = this.state.sides[side];
    if (Object.entries(part).every(([name, value]) => old[name] === value)) return;
    const changed = Object.freeze({ ...old, ...part });
    this.change({ sides: this.state.sides.map((image, index) => (index === side ? changed : image)) });
  }
}
