// HTTP requests to the server, and their query strings. Failures become a Problem with the text of its
// `application/problem+json` (RFC 9457).

export class Problem extends Error {
  /**
   * `status` and `headers` are those of the response, 0 and null if there was none. `after` becomes its Retry-After in
   * seconds, 0 if absent.
   */
  constructor({ detail, valid, position, parameter }, status = 0, headers = null) {
    super(typeof detail === "string" ? detail : `The server responded with status ${status}.`);
    const after = Number(headers?.get("Retry-After")) || 0;
    Object.assign(this, { status, valid, position, parameter, headers, after });
  }
}

/** Encodes pairs as "?a=1&b=2", or "". Comma, slash, colon and @ are valid in a query and stay readable. */
export function queryString(params) {
  const encode = (text) => encodeURIComponent(text).replace(/%(2C|2F|3A|40)/g, decodeURIComponent);
  return params.length ? `?${params.map(([name, value]) => `${name}=${encode(value)}`).join("&")}` : "";
}

const MAX_ATTEMPTS = 3;

/** Resolves to a successful response. Rejects with a Problem, or with an AbortError when the signal aborts. */
export async function requestOnce(url, signal, options = {}) {
  let response;
  try {
    response = await fetch(url, { ...options, signal });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Problem({ detail: "The server cannot be reached." });
  }
  if (response.ok) return response;
  throw new Problem(await response.json().catch(() => ({})), response.status, response.headers);
}

/** As requestOnce, but retries while the server is busy (503), after its Retry-After of at most 5 seconds. */
export async function request(url, signal, options) {
  for (let attempt = 1; ; attempt++) {
    try {
      return await requestOnce(url, signal, options);
    } catch (problem) {
      if (problem.status !== 503 || attempt === MAX_ATTEMPTS) throw problem;
      const pause = Math.min(problem.after || 1, 5);
      await new Promise((done) => setTimeout(done, 1000 * pause * (0.7 + 0.6 * Math.random())));
      signal?.throwIfAborted();
    }
  }
}

/** The JSON of a response; retries and rejects as `request`. */
export const requestJson = async (url, signal, options) => (await request(url, signal, options)).json();
