// Parsing and formatting of coordinates: 40.2, 12.0 (latitude first), 40°12′6″N 12°0′E, or an MGRS reference.
import { parseMgrs } from "./mgrs.js";

const NUMBER = String.raw`([+-]?\d+(?:\.\d+)?)\s*(?:°|º|d)?\s*(?:(\d+(?:\.\d+)?)\s*(?:'|′|’|m)\s*)?(?:(\d+(?:\.\d+)?)\s*(?:"|″|”|''|s)\s*)?`;
const LETTER_LAST = new RegExp(`${NUMBER}([NSEWO])?`, "giu");
const LETTER_FIRST = new RegExp(`([NSEWO])\\s*${NUMBER}`, "giu");

/** `{lat, lon, zoom}` in degrees with a zoom level that fits the precision, or null if the text is not a location. */
export function parsePlace(text) {
  const mgrs = parseMgrs(text);
  if (mgrs) return { lat: mgrs.lat, lon: mgrs.lon, zoom: Math.min(16, Math.round(9 + Math.log2(1e5 / mgrs.size))) };
  const plain = text.trim().replace(/[−–]/g, "-");
  const letterFirst = /^[NSEWO]/i.test(plain);
  const parts = [...plain.matchAll(letterFirst ? LETTER_FIRST : LETTER_LAST)];
  const rest = parts.reduce((left, [whole]) => left.replace(whole, ""), plain);
  if (parts.length !== 2 || /[^\s,;/]/.test(rest)) return null;
  const [first, second] = parts.map(([, ...found]) => degrees(letterFirst ? [...found.slice(1), found[0]] : found));
  if (!first || !second) return null;
  const swapped = /[EW]/.test(first.axis) || /[NS]/.test(second.axis);
  if (swapped && (/[NS]/.test(first.axis) || /[EW]/.test(second.axis))) return null;
  const [lat, lon] = swapped ? [second.value, first.value] : [first.value, second.value];
  return Math.abs(lat) <= 85 && Math.abs(lon) <= 180 ? { lat, lon, zoom: 13 } : null;
}

function degrees([whole, minutes = "0", seconds = "0", letter = ""]) {
  if (Number(minutes) >= 60 || Number(seconds) >= 60) return null;
  const axis = letter.toUpperCase().replace("O", "E"); // east in German
  const size = Math.abs(Number(whole)) + Number(minutes) / 60 + Number(seconds) / 3600;
  return { axis, value: /[SW]/.test(axis) || whole.startsWith("-") ? -size : size };
}

const formatAngle = (value, positive, negative) => `${Math.abs(value).toFixed(5)}° ${value < 0 ? negative : positive}`;
/** "40.20000° N, 12.00000° E" of degrees. */
export const formatLatLon = (lat, lon) => `${formatAngle(lat, "N", "S")}, ${formatAngle(lon, "E", "W")}`;
