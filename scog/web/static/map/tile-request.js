// The request of one tile: its image, retried if it fails or is incomplete, and previews while it is slow.
import { Problem, requestOnce } from "../shell/http.js";
import { RetryPolicy, isTransient } from "./retry-policy.js";

const PREVIEW_DELAY = 300; // milliseconds
const PREVIEW_OBSERVATIONS = [1, 3, 7]; // of successive previews

export class TileRequest {
  /**
   * `image` is the `<img>` to show the tile in, `traffic` the state that all tiles share: `{queues, latency,
   * upstream}`. `onUpdate` is called with `{shown: true}` when an image or preview is shown, or with `{problem}`.
   */
  constructor(url, image, traffic, onUpdate) {
    Object.assign(this, { url, image, onUpdate, ...traffic });
    this.control = new AbortController();
    this.signal = this.control.signal;
    this.isComplete = false;
    this.problem = null; // of the last attempt
  }

  stop() {
    this.control.abort();
  }

  /** Resolves to the headers of the final image. Rejects with a Problem if there is none, or when stopped. */
  async load() {
    this.imageControl = new AbortController();
    this.signal.addEventListener("abort", () => this.imageControl.abort(), { once: true });
    this._loadPreviews().catch(() => {}); // previews are optional
    const retries = new RetryPolicy();
    for (;;) {
      const { headers, problem, bytes = 0 } = await this._attempt(retries.attempts > 0);
      this.problem = problem ?? null;
      const after = Number(problem ? problem.after : headers.get("Retry-After"));
      const retry = problem ? isTransient(problem.status) : after > 0;
      const pause = retry ? retries.next({ after, bytes }) : null;
      if (pause === null) {
        this.isComplete = true;
        if (problem && !this.headers) throw problem;
        return this.headers;
      }
      this.onUpdate({ problem });
      await this._sleep(1000 * pause);
    }
  }

  async _attempt(isRetry) {
    const options = isRetry ? { cache: "no-cache" } : {}; // browsers cache incomplete images for a while, too
    try {
      const [response, blob] = await this.queues.images.run(() => this._fetchTimed(options), this.imageControl.signal);
      const bytes = this.upstream.record(response.headers, true);
      await this._show(blob, response.headers);
      return { headers: response.headers, bytes };
    } catch (problem) {
      if (this.finalPreview) return { headers: this.finalPreview };
      if (this.signal.aborted || !(problem instanceof Problem)) throw problem;
      return { problem, bytes: problem.headers ? this.upstream.record(problem.headers) : 0 };
    }
  }

  async _fetchTimed(options) {
    const { signal } = this.imageControl;
    this.latency.begin(this);
    try {
      return await fetchBlob(this.url, signal, options);
    } finally {
      this.latency.end(this, !signal.aborted);
    }
  }

  async _loadPreviews() {
    while (!this.latency.isSlow) {
      await this._sleep(PREVIEW_DELAY);
      if (this.headers || this.isComplete) return;
      if (this.latency.exceedsPatience(this.queues.images.active + this.queues.images.pending.length)) break;
    }
    for (const observations of PREVIEW_OBSERVATIONS) {
      const more = await this.queues.previews.run(() => this._loadPreview(observations), this.signal);
      if (!more) return;
    }
  }

  // Shows a preview of the newest `observations`. Resolves to whether a preview of more observations is possible.
  async _loadPreview(observations) {
    if (this.headers || this.isComplete) return false;
    const url = `${this.url}${this.url.includes("?") ? "&" : "?"}preview=${observations}`;
    const [{ headers }, blob] = await fetchBlob(url, this.signal);
    this.upstream.record(headers);
    if (this.headers || this.isComplete) return false;
    await this._show(blob, null);
    const preview = headers.get("X-Scog-Preview") ?? "";
    if (!preview && !headers.get("Retry-After")) {
      this.headers = this.finalPreview = headers; // the server had the complete image
      this.imageControl.abort();
    }
    return preview.includes("observations");
  }

  // Shows an image, or a preview (`headers` null). The previous one stays visible until the new one is decoded.
  async _show(blob, headers) {
    if (headers) this.headers = headers;
    const url = URL.createObjectURL(blob);
    try {
      this.image.src = url;
      await this.image.decode();
    } catch (error) {
      if (headers || !this.headers) throw error; // else the final image has replaced this preview
    } finally {
      URL.revokeObjectURL(url);
    }
    if (!this.signal.aborted) this.onUpdate({ shown: true });
  }

  _sleep(milliseconds) {
    return new Promise((done, reject) => {
      const timer = setTimeout(done, milliseconds);
      const stop = () => (clearTimeout(timer), reject(this.signal.reason));
      if (this.signal.aborted) stop();
      this.signal.addEventListener("abort", stop, { once: true });
    });
  }
}

async function fetchBlob(url, signal, options) {
  const response = await requestOnce(url, signal, options);
  const blob = await response.blob().catch((error) => {
    throw signal.aborted ? error : new Problem({ detail: "The connection closed before the image was complete." });
  });
  return [response, blob];
}
