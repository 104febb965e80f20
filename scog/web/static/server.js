// Talking to the server: answers, or a Problem that says in its words what went wrong.

export class Problem extends Error {
  constructor({ detail, valid, position, parameter }, status = 0) {
    super(typeof detail === "string" ? detail : `The server answered ${status}.`);
    Object.assign(this, { status, valid, position, parameter });
  }
}

const TRIES = 3;

// A response that is fine. Waits and asks again where the server says that it is only busy.
export async function ask(url, signal, more = {}) {
  for (let attempt = 1; ; attempt++) {
    let response;
    try {
      response = await fetch(url, { ...more, signal });
    } catch (error) {
      if (signal?.aborted) throw error;
      throw new Problem({ detail: "The server cannot be reached." });
    }
    if (response.ok) return response;
    const pause = Number(response.headers.get("Retry-After")) || 1;
    if (response.status !== 503 || attempt === TRIES) {
      throw new Problem(await response.json().catch(() => ({})), response.status);
    }
    await new Promise((done) => setTimeout(done, 1000 * Math.min(pause, 5) * (0.7 + 0.6 * Math.random())));
    signal?.throwIfAborted();
  }
}

export const askJson = async (url, signal, more) => (await ask(url, signal, more)).json();
