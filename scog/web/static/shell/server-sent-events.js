// Server-sent events read by fetch, which unlike EventSource can send a body and does not begin anew by itself.
import { ask } from "./http.js";

// The events of an answer as {event, data}, data from its JSON, as they come.
export async function* events(url, { body, signal }) {
  const response = await ask(url, signal, { method: body ? "POST" : "GET", body });
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const blocks = (text + value).replace(/\r\n?/g, "\n").split("\n\n");
    text = blocks.pop();
    yield* blocks.map(parsed).filter(Boolean);
  }
}

// One event, or null for a comment.
export function parsed(block) {
  let event = "message";
  const data = [];
  for (const line of block.split("\n")) {
    if (line.startsWith("event:")) event = line.slice(6).trim();
    if (line.startsWith("data:")) data.push(line.slice(5).replace(/^ /, ""));
  }
  return data.length ? { event, data: JSON.parse(data.join("\n")) } : null;
}
