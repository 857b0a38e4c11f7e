// What a rater has answered: kept by the browser at every click, sent to the server where there is one.

class Store {
  constructor(root) {
    this.root = root;
    this.isKept = true;
    this.isServed = document.body.dataset.served === "yes";
    this.trouble = "";
    this.onchange = () => {};
    this.state = this.read(`${root}/${this.read(`${root}/current`)}`);
    window.addEventListener("online", () => this.send());
    window.addEventListener("storage", (event) => { if (this.state && event.key === this.place) location.reload(); });
  }

  get place() { return `${this.root}/${this.state.session}`; }

  begin(rater) {
    const random = crypto.getRandomValues(new Uint32Array(2));
    const session = Array.from(random, (word) => word.toString(16).padStart(8, "0")).join("");
    this.state = { session, rater, position: study.teaching ? -1 : 0, drafts: {}, lines: [], sent: 0 };
    this.write(`${this.root}/current`, session);
    this.save();
  }

  // The next rater at this device; what the last one answered stays.
  leave() {
    this.state = null;
    this.write(`${this.root}/current`, null);
  }

  move(position) {
    this.state.position = position;
    this.save();
  }

  // One answer; again only where it has changed.
  add(screen, answer, seconds) {
    const { task, question, order } = screen;
    const last = this.answerTo(screen);
    if (last !== undefined && JSON.stringify(last) === JSON.stringify(answer)) return;
    const { session, rater, lines } = this.state;
    lines.push({ study: study.id, rater, session, number: lines.length, task, question, answer, order,
      seconds: Math.round(seconds * 10) / 10, at: new Date().toISOString() });
    this.save();
    this.send();
  }

  answerTo(screen) {
    return this.state.lines.findLast((line) => line.task === screen.task && line.question === screen.question)?.answer;
  }

  // All answers kept here, of this rater and of those before, as JSON lines.
  text() {
    const sessions = this.isKept ? this.all() : [this.state];
    return sessions.flatMap((state) => state.lines).map((line) => JSON.stringify(line) + "\n").join("");
  }

  all() {
    const places = Object.keys(localStorage).filter((key) => key.startsWith(`${this.root}/`) && !key.endsWith("/current"));
    return places.map((key) => this.read(key)).filter((state) => state !== null);
  }

  get waiting() { return this.state.lines.length - this.state.sent; }

  // Every answer is sent until the server has said that it is written.
  async send() {
    if (!this.isServed || this.isSending || this.state === null || this.waiting === 0) return;
    this.isSending = true;
    const state = this.state, upTo = state.lines.length;
    const body = state.lines.slice(state.sent).map((line) => JSON.stringify(line) + "\n").join("");
    let again = 0;
    try {
      const reply = await fetch("answers", { method: "POST", body, headers: { "Content-Type": "application/jsonl" } });
      if (reply.ok) {
        state.sent = upTo;
        this.trouble = "";
        if (this.state === state) this.save();
        again = 1;
      } else if (reply.status >= 500) {
        throw new Error(reply.statusText);
      } else {
        this.trouble = `The server refused an answer (${(await reply.text()).trim()}); please download the answers at the end.`;
      }
    } catch {
      this.trouble = "The server cannot be reached; the answers wait here and are sent again.";
      again = 3000;
    }
    this.isSending = false;
    this.onchange();
    if (again) setTimeout(() => this.send(), again);
  }

  save() { this.write(this.place, this.state); }

  read(place) {
    try { return JSON.parse(localStorage.getItem(place)); } catch { this.isKept = false; return null; }
  }

  write(place, value) {
    try { localStorage.setItem(place, JSON.stringify(value)); } catch { this.isKept = false; }
  }
}
