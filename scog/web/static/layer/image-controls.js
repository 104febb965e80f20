// The controls of cloud mask, cloud cover, time range, composite and opacity.
import { byId, make } from "../shell/dom.js";
import { startOf, isDate, endOf } from "../time/dates.js";
import { collectionOf, isClassification, isMaskable } from "./collections.js";
import { DEFAULT_IMAGE } from "./image-request.js";
import { loadComposites } from "./listings.js";

const SLIDERS = { opacity: "%", clouds: "%", dilate: "m" }; // units

export class ImageControls {
  constructor(store) {
    this.store = store;
    this.composites = [{ name: DEFAULT_IMAGE.composite, title: "newest", description: "" }];
    for (const name of ["fill", "mask"]) {
      byId(name).addEventListener("change", ({ target }) => store.changeImage({ [name]: target.checked }));
    }
    for (const name of Object.keys(SLIDERS)) {
      const apply = ({ target }) => store.changeImage({ [name]: Number(target.value) });
      byId(name).addEventListener("input", ({ target }) => this._showValue(name, target.value));
      byId(name).addEventListener(name === "opacity" ? "input" : "change", apply);
    }
    byId("composite").addEventListener("change", ({ target }) => store.changeImage({ composite: target.value }));
    for (const name of ["from", "to"]) byId(name).addEventListener("change", () => this._applyTime(name));
    this._listComposites();
  }

  /** Lists the composites that the server offers. Rejects with a Problem. */
  async load() {
    if (this.composites.length > 1) return;
    this.composites = await loadComposites();
    this._listComposites();
    this.show(this.store.image);
  }

  /** Shows an image's settings. */
  show(image) {
    for (const name of Object.keys(SLIDERS)) {
      byId(name).value = image[name];
      this._showValue(name, image[name]);
    }
    for (const name of ["fill", "mask"]) byId(name).checked = image[name];
    showCollection(collectionOf(image));
    const isSingleDate = Boolean(image.time) && !image.time.includes("/");
    byId("fill").disabled = !isSingleDate;
    byId("clouds").disabled = isSingleDate && !image.fill;
    if (byId("clouds").disabled) byId("clouds-value").textContent = "not for a single date";
    byId("cloud-controls").classList.toggle("off", isClassification(image));
    byId("mask").disabled = !isMaskable(image);
    byId("dilate").disabled = !isMaskable(image) || !image.mask;
    byId("from").value = image.time ? startOf(image.time) : "";
    byId("to").value = image.time ? endOf(image.time) : "";
    if (![...byId("composite").options].some(({ value }) => value === image.composite)) {
      byId("composite").append(make("option", { value: image.composite }, image.composite));
    }
    byId("composite").value = image.composite;
    const composite = this.composites.find(({ name }) => name === image.composite);
    byId("composite-about").textContent = composite?.description ?? "";
  }

  _showValue(name, value) {
    byId(`${name}-value`).textContent = `${value} ${SLIDERS[name]}`;
  }

  _listComposites() {
    byId("composite").replaceChildren(
      ...this.composites.map(({ name, title }) => {
        const text = title.replace(/^of the /, "");
        return make("option", { value: name }, text.charAt(0).toUpperCase() + text.slice(1));
      }),
    );
  }

  // A missing end, or one on the wrong side of the changed end, becomes the other end.
  _applyTime(changed) {
    let [from, to] = ["from", "to"].map((name) => byId(name).value);
    if (!isDate(from) && !isDate(to)) return this.store.changeImage({ time: "" });
    if (!isDate(from) || (from > to && isDate(to) && changed === "to")) from = to;
    if (!isDate(to) || from > to) to = from;
    this.store.changeImage({ time: from === to ? from : `${from}/${to}` });
  }
}

// Shows the controls that a collection has: of its mask, of its scenes' cloud cover, and of time.
function showCollection({ isStatic, hasCloudCover, mask, periodDays }) {
  byId("time-controls").hidden = isStatic;
  byId("cloud-controls").hidden = !mask && !hasCloudCover;
  document.querySelectorAll(".of-mask").forEach((each) => (each.hidden = !mask));
  byId("clouds").parentElement.hidden = !hasCloudCover;
  byId("mask-name").textContent = `Mask ${mask?.name ?? ""}`;
  byId("mask-about").textContent = mask?.masks.join("; ") ?? "";
  byId("fill-name").textContent = `Fill gaps from the previous ${periodDays} days`;
}
