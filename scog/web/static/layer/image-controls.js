// The controls of clouds, time, composite and opacity.
import { byId, make } from "../shell/dom.js";
import { firstOf, isDate, lastOf } from "../time/dates.js";
import { PICTURE, unmasked } from "./image-request.js";
import { loadComposites } from "./listings.js";

const SLIDERS = { opacity: "%", clouds: "%", dilate: "m" };

export class Filters {
  constructor(store) {
    this.store = store;
    this.composites = [{ name: PICTURE.composite, title: "newest", description: "" }];
    for (const name of ["fill", "mask"]) {
      byId(name).addEventListener("change", ({ target }) => store.changePicture({ [name]: target.checked }));
    }
    for (const name of Object.keys(SLIDERS)) {
      const take = ({ target }) => store.changePicture({ [name]: Number(target.value) });
      byId(name).addEventListener("input", ({ target }) => this._say(name, target.value));
      byId(name).addEventListener(name === "opacity" ? "input" : "change", take);
    }
    byId("composite").addEventListener("change", ({ target }) => store.changePicture({ composite: target.value }));
    for (const name of ["from", "to"]) byId(name).addEventListener("change", () => this._takeTime(name));
    this._list();
  }

  async load() {
    this.composites = await loadComposites();
    this._list();
    this.show(this.store.picture);
  }

  show(picture) {
    for (const name of Object.keys(SLIDERS)) {
      byId(name).value = picture[name];
      this._say(name, picture[name]);
    }
    for (const name of ["fill", "mask"]) byId(name).checked = picture[name];
    const day = Boolean(picture.time) && !picture.time.includes("/");
    byId("fill").disabled = !day;
    byId("clouds").disabled = day && !picture.fill;
    if (byId("clouds").disabled) byId("clouds-value").textContent = "any, on one day";
    byId("clouds-part").classList.toggle("off", unmasked(picture));
    byId("mask").disabled = unmasked(picture);
    byId("dilate").disabled = unmasked(picture) || !picture.mask;
    byId("from").value = picture.time ? firstOf(picture.time) : "";
    byId("to").value = picture.time ? lastOf(picture.time) : "";
    if (![...byId("composite").options].some(({ value }) => value === picture.composite)) {
      byId("composite").append(make("option", { value: picture.composite }, picture.composite));
    }
    byId("composite").value = picture.composite;
    const known = this.composites.find(({ name }) => name === picture.composite);
    byId("composite-about").textContent = known?.description ?? "";
  }

  _say(name, value) {
    byId(`${name}-value`).textContent = name === "dilate" && !Number(value) ? "nothing" : `${value} ${SLIDERS[name]}`;
  }

  _list() {
    byId("composite").replaceChildren(
      ...this.composites.map(({ name, title }) => {
        const words = title.replace(/^of the /, "");
        return make("option", { value: name }, words.charAt(0).toUpperCase() + words.slice(1));
      }),
    );
  }

  // An end that was not given, or lies on the wrong side, follows the other.
  _takeTime(changed) {
    let [from, to] = ["from", "to"].map((name) => byId(name).value);
    if (!isDate(from) && !isDate(to)) return this.store.changePicture({ time: "" });
    if (!isDate(from) || (from > to && isDate(to) && changed === "to")) from = to;
    if (!isDate(to) || from > to) to = from;
    this.store.changePicture({ time: from === to ? from : `${from}/${to}` });
  }
}
