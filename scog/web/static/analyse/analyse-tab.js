// The "Analyse" tab: areas to draw or open, their statistics, and what can be saved.
import { valueQuery } from "../layer/image-request.js";
import { byId, make, narrow } from "../shell/dom.js";
import { ask, askJson } from "../shell/http.js";
import { numberText } from "../shell/number-format.js";
import { isOpen } from "../shell/panel.js";
import { download, save } from "./downloads.js";
import { areaOf, boxOf } from "./geojson.js";

const LARGEST = 2_000_000; // bytes of a file
const ROWS = {
  mean: "Mean",
  median: "Median",
  std: "Standard deviation",
  min: "Lowest",
  percentile_2: "2nd percentile",
  percentile_98: "98th percentile",
  max: "Highest",
};

export class Analyse {
  // `view` gives the box on screen, `window` the days of the time line, `found` gets an area that was opened.
  constructor(store, draw, { view, window, found, failed }) {
    Object.assign(this, { store, view, window, found, failed, key: "" });
    const start = (kind) => {
      if (narrow.matches && isOpen("analyse")) byId("fold").click(); // the map is below it
      draw.start(kind);
    };
    byId("draw-box").addEventListener("click", () => start("box"));
    byId("draw-shape").addEventListener("click", () => start("shape"));
    byId("open-file").addEventListener("click", () => byId("file").click());
    byId("file").addEventListener("change", ({ target }) => {
      if (target.files[0]) this._open(target.files[0]);
      target.value = "";
    });
    document
      .querySelectorAll("[data-download]")
      .forEach((button) => button.addEventListener("click", () => this._download(button)));
    this._takeDrops();
  }

  // `open` says whether somebody looks.
  show({ at }, picture, open) {
    byId("download-what").textContent = at?.area ? "Of the area:" : "Of what is on screen:";
    for (const kind of ["csv", "chart"]) document.querySelector(`[data-download=${kind}]`).disabled = !at;
    byId("series-what").hidden = Boolean(at);
    byId("statistics").hidden = !at?.area;
    if (at?.area && open) this._askStatistics(at.area, picture);
  }

  async _askStatistics(area, picture) {
    const body = JSON.stringify({ type: "Feature", properties: {}, geometry: area });
    const url = `statistics${valueQuery(picture)}`;
    if (this.key === url + body) return;
    this.key = url + body;
    const key = this.key;
    byId("statistics-problem").textContent = "Reading …";
    const told = await askJson(url, undefined, { method: "POST", body }).catch((problem) => ({ problem }));
    if (key !== this.key) return;
    byId("statistics-problem").textContent = told.problem?.message ?? "";
    byId("statistics-table").replaceChildren(...(told.problem ? [] : table(told.properties)));
  }

  async _open(file) {
    try {
      if (file.size > LARGEST) throw new Error("This file is too large: at most 2 MB.");
      this.found(areaOf(await file.text()));
    } catch (problem) {
      this.failed(problem);
    }
  }

  _takeDrops() {
    const isFile = ({ dataTransfer }) => [...dataTransfer.types].includes("Files");
    const drop = byId("drop");
    document.addEventListener("dragover", (event) => {
      if (!isFile(event)) return;
      event.preventDefault();
      drop.hidden = false;
    });
    document.addEventListener("dragleave", ({ relatedTarget }) => (drop.hidden = drop.hidden || !relatedTarget));
    document.addEventListener("drop", (event) => {
      drop.hidden = true;
      if (!isFile(event)) return;
      event.preventDefault();
      this._open(event.dataTransfer.files[0]);
    });
  }

  async _download(button) {
    const { state, picture } = this.store;
    const at = state.at?.area ? { ...state.at, box: boxOf(state.at.area) } : state.at;
    const { url, body, name } = download(button.dataset.download, {
      picture,
      at,
      view: this.view(),
      window: this.window(),
      step: byId("step").value,
    });
    button.disabled = true;
    byId("download-state").textContent = "Preparing …";
    try {
      const response = await ask(url, undefined, { method: body ? "POST" : "GET", body });
      save(await response.blob(), name);
      byId("download-state").textContent = `Saved as ${name}.`;
    } catch (problem) {
      byId("download-state").textContent = problem.message + (problem.valid ? ` Valid: ${problem.valid}.` : "");
    }
    button.disabled = false;
  }
}

// One column an output.
function table({ statistics, measured }) {
  const hectares = measured?.area_ha;
  const outputs = Object.entries(statistics);
  const line = (name, cells) =>
    make("tr", {}, make("th", { scope: "row" }, name), ...cells.map((cell) => make("td", {}, cell)));
  const rows = Object.entries(ROWS).map(([key, name]) =>
    line(
      name,
      outputs.map(([, one]) => numberText(one[key] ?? null)),
    ),
  );
  rows.push(
    line(
      "Usable",
      outputs.map(([, one]) => (typeof one.valid_percent === "number" ? `${Math.round(one.valid_percent)} %` : "–")),
    ),
  );
  if (typeof hectares === "number") rows.push(line("Area", [`${numberText(Math.round(hectares * 10) / 10)} ha`]));
  if (outputs.length === 1) return rows;
  return [make("tr", {}, make("td", {}), ...outputs.map(([name]) => make("th", { scope: "col" }, name))), ...rows];
}
