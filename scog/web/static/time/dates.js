// Dates are strings such as "2022-10-05" in UTC. A time is "" (the newest image), a date, or "start/end".

/** The current date in UTC. */
export const today = () => new Date().toISOString().slice(0, 10);

/** A date some days later, or earlier for negative `days`. */
export function addDays(date, days) {
  return new Date(Date.parse(date) + days * 86_400_000).toISOString().slice(0, 10);
}

/** The same day of another month, or the last day of a shorter month. */
export function addMonths(date, months) {
  const [year, month, day] = date.split("-").map(Number);
  const last = new Date(Date.UTC(year, month + months, 0)).getUTCDate();
  return new Date(Date.UTC(year, month - 1 + months, Math.min(day, last))).toISOString().slice(0, 10);
}

/** Whether a text is a valid date, years 1900 to 2099. */
export function isDate(text) {
  const time = /^(19|20)\d\d-\d\d-\d\d$/.test(text) ? Date.parse(text) : NaN;
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text);
}

/** Whether a text is a valid time. */
export function isTime(text) {
  const ends = text.split("/");
  return text === "" || (ends.length <= 2 && ends.every(isDate) && ends[0] <= ends.at(-1));
}

/** First and last date of a time; both are the date itself if it is a single one. */
export const startOf = (time) => time.split("/")[0];
export const endOf = (time) => time.split("/").at(-1);

const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });
/** "5 Oct 2022". */
export const formatDate = (date) => DAY.format(new Date(date));
/** "1 Jan – 5 Oct 2022". */
export const formatDateRange = (first, last) => DAY.formatRange(new Date(first), new Date(last));
/** Text of a time; "Newest" for "". */
export const formatTime = (time) => (time ? formatDateRange(startOf(time), endOf(time)) : "Newest");
