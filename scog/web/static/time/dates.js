// Dates are texts such as 2022-10-05, UTC throughout; a time is "" (the newest), a date, or two with a slash between.

export const FILL_DAYS = 90; // as many as the server takes for the newest

export const today = () => new Date().toISOString().slice(0, 10);

export function addDays(date, days) {
  return new Date(Date.parse(date) + days * 86_400_000).toISOString().slice(0, 10);
}

// The same day some months before or after, or the last of a shorter month.
export function addMonths(date, months) {
  const [year, month, day] = date.split("-").map(Number);
  const last = new Date(Date.UTC(year, month + months, 0)).getUTCDate();
  return new Date(Date.UTC(year, month - 1 + months, Math.min(day, last))).toISOString().slice(0, 10);
}

export function isDate(text) {
  const time = /^(19|20)\d\d-\d\d-\d\d$/.test(text) ? Date.parse(text) : NaN;
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text);
}

export function isTime(text) {
  const ends = text.split("/");
  return text === "" || (ends.length <= 2 && ends.every(isDate) && ends[0] <= ends.at(-1));
}

export const firstOf = (time) => time.split("/")[0];
export const lastOf = (time) => time.split("/").at(-1);

const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });
export const dayText = (date) => DAY.format(new Date(date));
export const daysText = (first, last) => DAY.formatRange(new Date(first), new Date(last));
export const timeText = (time) => (time ? daysText(firstOf(time), lastOf(time)) : "Newest");
