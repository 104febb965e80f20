// Downloads: images, values, animations and time series.
import { collectionOf, layerName } from "../layer/collections.js";
import { datetime, tileParams, tileQuery, valueQuery } from "../layer/image-request.js";
import { queryString } from "../shell/http.js";
import { seriesRequest, seriesQuery } from "./time-series.js";

const SIZE = 640; // pixels of an animation's longer side

/**
 * `{url, body, name}` of a download of a kind ("png", "tif", "animation", "csv", "chart"). `selection` is the point or
 * area, an area with its `box`; without one, images are of `visibleBounds` in degrees. `timeRange` is the timeline's,
 * `step` the ISO 8601 duration of an animation's frames, or "" for a frame per date.
 */
export function downloadRequest(kind, { image, selection, visibleBounds, timeRange, step }) {
  const name = (ending) =>
    `${layerName(image)
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, "-")}-${(image.time || "newest").replace("/", "-")}.${ending}`;
  if (kind === "csv")
    return { ...seriesRequest(selection, seriesQuery(image, timeRange, [["format", "csv"]])), name: name("csv") };
  if (kind === "chart")
    return {
      ...seriesRequest(
        selection,
        seriesQuery(image, timeRange, [
          ["format", "png"],
          ["scale", "2"],
        ]),
      ),
      name: name("chart.png"),
    };
  if (kind === "animation") {
    const interval = image.time.includes("/") ? datetime(image) : timeRange.join("/");
    const params = tileParams(image).filter(([each]) => !["datetime", "cloud_cover"].includes(each));
    if (!step) params.splice(0, params.length, ...params.filter(([each]) => each !== "composite"));
    const more = [
      ["datetime", interval],
      ...(collectionOf(image).hasCloudCover ? [["cloud_cover", String(image.clouds)]] : []),
      ["size", String(SIZE)],
      ...(step ? [["step", step]] : []),
    ];
    return {
      url: `animation/${boxText(selection?.area ? selection.box : visibleBounds)}.webp${queryString([...params, ...more])}`,
      name: name("webp"),
    };
  }
  const query = kind === "tif" ? valueQuery(image) : tileQuery(image);
  if (selection?.area)
    return {
      url: `feature.${kind}${query}`,
      body: JSON.stringify({ type: "Feature", properties: {}, geometry: selection.area }),
      name: name(kind),
    };
  return { url: `bbox/${boxText(visibleBounds)}.${kind}${query}`, name: name(kind) };
}

const boxText = (box) => box.map((degrees) => degrees.toFixed(5)).join();

/** Saves a blob as a file. */
export function saveFile(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
