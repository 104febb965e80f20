// The "Analyse" tab: areas to draw or open, zonal statistics, and downloads.
import { collectionOf } from "../layer/collections.js";
import { valueQuery } from "../layer/image-request.js";
import { byId, make, narrowScreen } from "../shell/dom.js";
import { request, requestJson } from "../shell/http.js";
import { formatNumber, formatValue } from "../shell/number-format.js";
import { isOpen } from "../shell/panel.js";
import { downloadRequest, saveFile } from "./downloads.js";
import { parseArea, boundsOf } from "./geojson.js";

const MAX_FILE = 2_000_000; // bytes
const ROWS = {
  mean: "Mean",
  median: "Median",
  std: "Standard deviation",
  min: "Minimum",
  percentile_2: "2nd percentile",
  percentile_98: "98th percentile",
  max: "Maximum",
};

export class AnalyseTab {
  /**
   * `visibleBounds` returns the visible box in degrees, `timeRange` that of the timeline, `unit` that of the values or
   * nothing. `onArea` is called with an area from a file, `onError` with an error.
   */
  constructor(store, drawTool, { visibleBounds, timeRange, unit, onArea, onError }) {
    Object.assign(this, { store, visibleBounds, timeRange, unit, onArea, onError, key: "" });
    const start = (kind) => {
      if (narrowScreen.matches && isOpen("analyse")) byId("fold").click(); // the panel covers the map
      drawTool.start(kind);
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
    this._acceptDrops();
  }

  /**
   * Shows the downloads and, if the tab `isVisible`, the statistics of the selected area. A collection that does not
   * change over time has no series and animations.
   */
  show({ selection }, image, isVisible) {
    const { isStatic } = collectionOf(image);
    document.querySelectorAll(".over-time").forEach((each) => (each.hidden = isStatic));
    byId("point-hint").textContent = isStatic ? "the value at a point" : "the time series of a point";
    byId("download-source").textContent = selection?.area ? "Area of interest:" : "Current map extent:";
    for (const kind of ["csv", "chart"]) document.querySelector(`[data-download=${kind}]`).disabled = !selection;
    byId("series-hint").hidden = Boolean(selection) || isStatic;
    byId("statistics").hidden = !selection?.area;
    if (selection?.area && isVisible) this._fetchStatistics(selection.area, image);
  }

  async _fetchStatistics(area, image) {
    const body = JSON.stringify({ type: "Feature", properties: {}, geometry: area });
    const url = `statistics${valueQuery(image)}`;
    if (this.key === url + body) return;
    this.key = url + body;
    const key = this.key;
    byId("statistics-status").textContent = "Reading …";
    const result = await requestJson(url, undefined, { method: "POST", body }).catch((problem) => ({ problem }));
    if (key !== this.key) return;
    byId("statistics-status").textContent = result.problem?.message ?? "";
    byId("statistics-table").replaceChildren(...(result.problem ? [] : table(result.properties, this.unit())));
  }

  async _open(file) {
    try {
      if (file.size > MAX_FILE) throw new Error("The file is larger than 2 MB.");
      this.onArea(parseArea(await file.text()));
    } catch (problem) {
      this.onError(problem);
    }
  }

  _acceptDrops() {
    const isFile = ({ dataTransfer }) => [...dataTransfer.types].includes("Files");
    const drop = byId("drop-hint");
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
    const { state, image } = this.store;
    const { selection: selected } = state;
    const selection = selected?.area ? { ...selected, box: boundsOf(selected.area) } : selected;
    const { url, body, name } = downloadRequest(button.dataset.download, {
      image,
      selection,
      visibleBounds: this.visibleBounds(),
      timeRange: this.timeRange(),
      step: byId("step").value,
    });
    button.disabled = true;
    byId("download-status").textContent = "Preparing …";
    try {
      const response = await request(url, undefined, { method: body ? "POST" : "GET", body });
      saveFile(await response.blob(), name);
      byId("download-status").textContent = `Saved as ${name}.`;
    } catch (problem) {
      byId("download-status").textContent = problem.message + (problem.valid ? ` Valid: ${problem.valid}.` : "");
    }
    button.disabled = false;
  }
}

// Table rows with a column per output.
function table({ statistics, measured }, unit) {
  const hectares = measured?.area_ha;
  const outputs = Object.entries(statistics ?? {});
  const line = (name, cells) =>
    make("tr", {}, make("th", { scope: "row" }, name), ...cells.map((cell) => make("td", {}, cell)));
  const rows = Object.entries(ROWS).map(([key, name]) =>
    line(
      name,
      outputs.map(([, one]) => formatValue(one[key] ?? null, unit)),
    ),
  );
  rows.push(
    line(
      "Valid pixels",
      outputs.map(([, one]) => (typeof one.valid_percent === "number" ? `${Math.round(one.valid_percent)} %` : "–")),
    ),
  );
  if (typeof hectares === "number") rows.push(line("Area", [`${formatNumber(Math.round(hectares * 10) / 10)} ha`]));
  if (outputs.length === 1) return rows;
  return [make("tr", {}, make("td", {}), ...outputs.map(([name]) => make("th", { scope: "col" }, name))), ...rows];
}
