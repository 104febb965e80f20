// One tile on its way: its image, asked for again where it fails or is incomplete, and a preview where it takes long.
import { Problem, once } from "../shell/http.js";
import { Retries, mayPass } from "./retry-policy.js";

const PATIENCE = 300; // milliseconds before a tile may be worth a preview
const PREVIEWS = [1, 3, 7]; // observations of one after the other

export class Tile {
  // `traffic` is what all tiles share: lanes, pace and upstream. `told` is called with what can be seen by now, or is
  // the matter: {shown: true} or {problem}.
  constructor(url, image, traffic, told) {
    Object.assign(this, { url, image, told, ...traffic });
    this.control = new AbortController();
    this.signal = this.control.signal;
    this.isComplete = false;
    this.problem = null; // of the last try
  }

  stop() {
    this.control.abort();
  }

  // The headers of the answer that is shown in the end. Rejects with a Problem where there is none, or when stopped.
  async load() {
    this.imaging = new AbortController();
    this.signal.addEventListener("abort", () => this.imaging.abort(), { once: true });
    this._preview().catch(() => {}); // it is only a stopgap
    const retries = new Retries();
    for (;;) {
      const { headers, problem, bytes = 0 } = await this._try(retries.tries > 0);
      this.problem = problem ?? null;
      const after = Number(problem ? problem.after : headers.get("Retry-After"));
      const passing = problem ? mayPass(problem.status) : after > 0;
      const pause = passing ? retries.next({ after, bytes }) : null;
      if (pause === null) {
        this.isComplete = true;
        if (problem && !this.headers) throw problem;
        return this.headers;
      }
      this.told({ problem });
      await this._sleep(1000 * pause);
    }
  }

  async _try(again) {
    // Browsers keep what is incomplete for a while, too.
    const how = again ? { cache: "no-cache" } : {};
    try {
      const [response, blob] = await this.lanes.images.run(() => this._timed(how), this.imaging.signal);
      const bytes = this.upstream.note(response.headers, true);
      await this._show(blob, response.headers);
      return { headers: response.headers, bytes };
    } catch (problem) {
      if (this.whole) return { headers: this.whole }; // the preview was the image itself
      if (this.signal.aborted || !(problem instanceof Problem)) throw problem;
      return { problem, bytes: problem.headers ? this.upstream.note(problem.headers) : 0 };
    }
  }

  async _timed(how) {
    const { signal } = this.imaging;
    this.pace.begin(this);
    try {
      return await fetched(this.url, signal, how);
    } finally {
      this.pace.end(this, !signal.aborted);
    }
  }

  async _preview() {
    while (!this.pace.isSlow) {
      await this._sleep(PATIENCE);
      if (this.headers || this.isComplete) return;
      if (this.pace.isLong(this.lanes.images.inside + this.lanes.images.waiting.length)) break;
    }
    for (const observations of PREVIEWS) {
      const more = await this.lanes.previews.run(() => this._previewed(observations), this.signal);
      if (!more) return;
    }
  }

  // Ask for a preview of so many observations, and show it. Whether there are more.
  async _previewed(observations) {
    if (this.headers || this.isComplete) return false;
    const url = `${this.url}${this.url.includes("?") ? "&" : "?"}preview=${observations}`;
    const [{ headers }, blob] = await fetched(url, this.signal);
    this.upstream.note(headers);
    if (this.headers || this.isComplete) return false;
    await this._show(blob, null);
    const preview = headers.get("X-Scog-Preview") ?? "";
    if (!preview && !headers.get("Retry-After")) {
      this.headers = this.whole = headers;
      this.imaging.abort();
    }
    return preview.includes("observations");
  }

  // Show an image, or a preview, whose headers are null. What was shown before stays until the new one is decoded.
  async _show(blob, headers) {
    if (headers) this.headers = headers;
    const url = URL.createObjectURL(blob);
    try {
      this.image.src = url;
      await this.image.decode();
    } catch (error) {
      if (headers || !this.headers) throw error; // else the image has come meanwhile
    } finally {
      URL.revokeObjectURL(url);
    }
    if (!this.signal.aborted) this.told({ shown: true });
  }

  _sleep(milliseconds) {
    return new Promise((done, reject) => {
      const pause = setTimeout(done, milliseconds);
      const stop = () => (clearTimeout(pause), reject(this.signal.reason));
      if (this.signal.aborted) stop();
      this.signal.addEventListener("abort", stop, { once: true });
    });
  }
}

async function fetched(url, signal, how) {
  const response = await once(url, signal, how);
  const blob = await response.blob().catch((error) => {
    throw signal.aborted ? error : new Problem({ detail: "The server's answer broke off." });
  });
  return [response, blob];
}
