// Watches a training run: its report, again whenever it has changed.

import { ask, element, select } from "./elements.js";

const PAUSE = 5000;

export class Runs {
  constructor(place) {
    this.place = place;
    this.chosen = null;
    this.shown = "";
    this.choosing = element("div");
    this.state = element("p", { className: "zc-soft", role: "status" }, "Looking for training runs.");
    this.frame = element("iframe", { className: "zc-report", title: "Report of the training run", hidden: true });
    this.frame.setAttribute("sandbox", "allow-same-origin");
    place.replaceChildren(this.choosing, this.state, this.frame);
    this.watch();
  }

  async watch() {
    try {
      if (this.place.offsetParent !== null && !document.hidden) await this.look();
    } catch (error) {
      this.state.textContent = error.message;
    }
    setTimeout(() => this.watch(), PAUSE);
  }

  async look() {
    const { runs } = await ask("runs");
    if (String(runs) !== String(this.names)) this.offer(runs);
    if (!this.chosen) return;
    const { report } = await ask(`runs/${this.chosen.split("/").map(encodeURIComponent).join("/")}`);
    this.state.textContent = "";
    if (report !== this.shown) this.show(report);
  }

  offer(names) {
    this.names = names;
    if (!names.includes(this.chosen)) this.chosen = names[0] ?? null;
    this.state.textContent = names.length ? "Drawing the report." : "There is no training run yet.";
    const take = (name) => { this.chosen = name; this.state.textContent = "Drawing the report."; this.look(); };
    this.choosing.replaceChildren(...(names.length ? [select("Training run", names, this.chosen, take)] : []));
  }

  show(report) {
    const top = this.frame.contentWindow?.scrollY ?? 0;
    this.shown = report;
    this.frame.hidden = false;
    this.frame.onload = () => this.frame.contentWindow.scrollTo(0, top);
    this.frame.srcdoc = report;
  }
}

export function startRuns(place) {
  return new Runs(place);
}
