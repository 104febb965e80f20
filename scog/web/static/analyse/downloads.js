// What can be saved: where each comes from, and under which name.
import { datetime, queryString, tilePairs, tileQuery, valueQuery } from "../layer/image-request.js";
import { layerName } from "../layer/listings.js";
import { seriesAddress, seriesQuery } from "./time-series.js";

const SIZE = 640; // pixels of an animation's longer side

// {url, body, name} of a download; `at` is what was asked, `view` the box on screen, `window` the time line's days.
export function download(kind, { picture, at, view, window, step }) {
  const name = (ending) =>
    `${layerName(picture)
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, "-")}-${(picture.time || "newest").replace("/", "-")}.${ending}`;
  if (kind === "csv")
    return { ...seriesAddress(at, seriesQuery(picture, window, [["format", "csv"]])), name: name("csv") };
  if (kind === "chart")
    return {
      ...seriesAddress(
        at,
        seriesQuery(picture, window, [
          ["format", "png"],
          ["scale", "2"],
        ]),
      ),
      name: name("chart.png"),
    };
  if (kind === "animation") {
    const days = picture.time.includes("/") ? datetime(picture) : window.join("/");
    const pairs = tilePairs(picture).filter(([each]) => !["datetime", "cloud_cover"].includes(each));
    if (!step) pairs.splice(0, pairs.length, ...pairs.filter(([each]) => each !== "composite"));
    const more = [
      ["datetime", days],
      ["cloud_cover", String(picture.clouds)],
      ["size", String(SIZE)],
      ...(step ? [["step", step]] : []),
    ];
    return {
      url: `animation/${boxText(at?.area ? at.box : view)}.webp${queryString([...pairs, ...more])}`,
      name: name("webp"),
    };
  }
  const query = kind === "tif" ? valueQuery(picture) : tileQuery(picture);
  if (at?.area)
    return {
      url: `feature.${kind}${query}`,
      body: JSON.stringify({ type: "Feature", properties: {}, geometry: at.area }),
      name: name(kind),
    };
  return { url: `bbox/${boxText(view)}.${kind}${query}`, name: name(kind) };
}

const boxText = (box) => box.map((degrees) => degrees.toFixed(5)).join();

export function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
