// Server-sent events over fetch: unlike EventSource, it can send a body and does not reconnect.
import { request } from "./http.js";

/** Yields a response's events as `{event, data}`, with `data` parsed from JSON. Throws a Problem. */
export async function* serverSentEvents(url, { body, signal }) {
  const response = await request(url, signal, { method: body ? "POST" : "GET", body });
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const blocks = (text + value).replace(/\r\n?/g, "\n").split("\n\n");
    text = blocks.pop();
    yield* blocks.map(parseEvent).filter(Boolean);
  }
}

/** The event of a block of lines, or null for a comment. */
export function parseEvent(block) {
  let event = "message";
  const data = [];
  for (const line of block.split("\n")) {
    if (line.startsWith("event:")) event = line.slice(6).trim();
    if (line.startsWith("data:")) data.push(line.slice(5).replace(/^ /, ""));
  }
  return data.length ? { event, data: JSON.parse(data.join("\n")) } : null;
}
