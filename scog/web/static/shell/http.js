// Talking to the server: answers, or a Problem that says in its words what went wrong.

export class Problem extends Error {
  // `headers` are those of the answer, or null where there was none; `after` are the seconds of its Retry-After.
  constructor({ detail, valid, position, parameter }, status = 0, headers = null) {
    super(typeof detail === "string" ? detail : `The server answered ${status}.`);
    const after = Number(headers?.get("Retry-After")) || 0;
    Object.assign(this, { status, valid, position, parameter, headers, after });
  }
}

const TRIES = 3;

// A response that is fine.
export async function once(url, signal, more = {}) {
  let response;
  try {
    response = await fetch(url, { ...more, signal });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Problem({ detail: "The server cannot be reached." });
  }
  if (response.ok) return response;
  throw new Problem(await response.json().catch(() => ({})), response.status, response.headers);
}

// The same; waits and asks again where the server says that it is only busy.
export async function ask(url, signal, more) {
  for (let attempt = 1; ; attempt++) {
    try {
      return await once(url, signal, more);
    } catch (problem) {
      if (problem.status !== 503 || attempt === TRIES) throw problem;
      const pause = Math.min(problem.after || 1, 5);
      await new Promise((done) => setTimeout(done, 1000 * pause * (0.7 + 0.6 * Math.random())));
      signal?.throwIfAborted();
    }
  }
}

export const askJson = async (url, signal, more) => (await ask(url, signal, more)).json();
