// One control of the stack: which condition, from what, how strongly, when and where.

import { Board, drawingSize } from "./board.js";
import { camera } from "./camera.js";
import { ask, button, checkbox, choice, debounced, element, select, sentence, slider } from "./elements.js";
import { fileField, readPicture } from "./pictures.js";
import { PoseEditor } from "./pose.js";
import { fromJson } from "./skeleton.js";
import { Strokes, exactly } from "./strokes.js";

const PENS = { lines: [["pen", "Pen", "#ffffff"], ["eraser", "Eraser", null]],
  shades: [["near", "Near", "#ffffff"], ["middle", "Between", "#808080"], ["far", "Far", "#202020"], ["eraser", "Farthest", null]] };
const MASK = [["pen", "Act here", "#ffffff"], ["eraser", "Not here", null]];

let counter = 0;

export class Control {
  constructor(stack, given = {}) {
    this.stack = stack;
    this.id = (counter += 1);
    this.state = { condition: "canny", checkpoint: null, source: "photo", picture: null, options: {}, strength: 1, start: 0, end: 1,
      window: "steps", schedule: "constant", weights: "flat", conditional_only: false, feather: 0, masked: false, ...given };
    this.strokes = { lines: new Strokes(), shades: new Strokes(), segments: new Strokes() };
    this.mask = new Strokes(given.mask ? [{ kind: "image", address: given.mask }] : []);
    this.state.masked = Boolean(given.mask);
    this.figures = [];
    this.restoreBoard(given);
    this.element = element("section", { className: "zc-control" });
    this.preview = debounced(() => this.show());
    this.render();
  }

  get catalogue() { return this.stack.catalogue; }
  get kind() { return this.catalogue.conditions[this.state.condition]; }

  get canvasSize() { return drawingSize(this.stack.size); }

  // A drawing goes back onto its board, a pose as its figures.
  restoreBoard({ drawn, poses, image }) {
    const { board } = this.kind;
    if (drawn) this.strokes[board].add({ kind: "image", address: image, isSharp: board === "segments" });
    if (poses) this.figures.push(...fromJson(poses, this.canvasSize));
    if (drawn || poses) Object.assign(this.state, { source: "draw", picture: null });
  }

  sources() {
    const has = [["photo", "From a photo", this.kind.photo], ["draw", "Draw", this.kind.board], ["ready", "Ready image", true]];
    return has.filter(([, , is]) => is).map(([key, name]) => [key, name]);
  }

  render() {
    const { state } = this;
    if (!this.sources().some(([key]) => key === state.source)) state.source = this.sources()[0][0];
    this.note = element("p", { className: "zc-note", role: "status", hidden: true });
    this.body = element("div", { className: "zc-source" });
    this.result = element("img", { alt: "No condition image yet", className: "zc-condition", hidden: true });
    this.maskPlace = element("div");
    const conditions = Object.entries(this.catalogue.conditions).map(([name, kind]) => [name, kind.title]);
    this.element.setAttribute("aria-label", `Control ${this.stack.number(this)}: ${this.kind.title}`);
    this.element.replaceChildren(
      element("header", {}, element("span", { className: "zc-number", "aria-hidden": "true" }, this.stack.number(this)),
        select("Condition", conditions, state.condition, (name) => this.change({ condition: name, options: {}, checkpoint: null })),
        button("Remove", () => this.stack.remove(this), `Remove control ${this.stack.number(this)}`)),
      choice("Where the condition image comes from", this.sources(), state.source, (key) => this.change({ source: key })),
      element("div", { className: `zc-pair${state.source === "draw" ? " drawn" : ""}` }, this.body, element("figure", {}, this.result, element("figcaption", {}, "What the ControlNet sees"))),
      this.note, this.options(), slider("Strength", { low: 0, high: 2, step: 0.05, value: state.strength, hint: "0 is none, 1 as trained", onchange: (value) => this.set({ strength: value }) }),
      this.more());
    this.fillBody();
    this.fillMask();
    this.preview();
  }

  change(given) {
    Object.assign(this.state, given);
    this.render();
  }

  set(given, isSeen = false) {
    Object.assign(this.state, given);
    if (isSeen) this.preview();
  }

  fillBody() {
    this.refused = "";
    this.board = null;
    if (this.state.source === "draw") this.body.replaceChildren(this.makeBoard());
    else this.body.replaceChildren(...this.pictureParts());
  }

  pictureParts() {
    const isReady = this.state.source === "ready";
    const take = async (reading) => {
      try {
        this.state.picture = await reading;
        this.fillBody();
        this.fillMask();
        this.stack.changed();
        this.preview();
      } catch (error) {
        this.refuse(error.message);
      }
    };
    const fromCamera = async (address) => {
      await take(address);
      this.body.querySelector("button, input").focus();
    };
    const field = fileField(isReady ? "Condition image" : "Photo", "image/*", (file) => take(readPicture(file)));
    const shown = this.state.picture ? element("img", { src: this.state.picture, alt: isReady ? "The condition image given" : "The photo given", className: "zc-given" }) : null;
    const hasFigures = this.kind.board === "pose" && !isReady && this.state.picture;
    return [shown, hasFigures ? this.figuresButton() : null, element("div", { className: "zc-giving" }, field,
      isReady ? null : camera(fromCamera, (text) => this.refuse(text)))].filter(Boolean);
  }

  // What is found in the photograph goes into the pose editor, over the photograph.
  figuresButton() {
    const pressed = button("Edit the figures", async () => {
      pressed.disabled = true;
      this.say("Looking for figures.");
      try {
        const { poses } = await ask("figures", { ...this.stack.run, control: await this.toJson() });
        this.figures.splice(0, this.figures.length, ...fromJson(poses, this.canvasSize));
        this.change({ source: "draw" });
        this.element.querySelector("[data-joint]").focus();
      } catch (error) {
        this.say(error.message, true);
        pressed.disabled = false;
      }
    });
    return pressed;
  }

  makeBoard() {
    const { board } = this.kind;
    const under = this.state.picture;
    const common = { size: this.canvasSize, under, onchange: () => { this.stack.changed(); this.preview(); } };
    if (board === "pose") this.board = new PoseEditor({ ...common, figures: this.figures, onerror: (text) => this.say(text, true) });
    else {
      const tools = board === "segments" ? this.swatches() : PENS[board].map(([key, name, colour]) => ({ key, name, colour }));
      const background = board === "segments" ? tools[0].colour : "#000000";
      this.board = new Board({ ...common, label: `${this.kind.title}: drawing`, strokes: this.strokes[board], tools, background, canFill: board !== "lines",
        width: board === "lines" ? 0.02 : 0.1 });
    }
    return this.board.element;
  }

  swatches() {
    const tools = this.palette().map(([name, colour]) => ({ key: name, name, colour, swatch: true }));
    return tools.length ? tools : [{ key: "none", name: "no palette for this base", colour: "#000000" }];
  }

  palette() { return this.catalogue.palettes[this.catalogue.bases[this.stack.base].palette]; }

  options() {
    const own = this.state.source === "photo" ? this.kind.options : [];
    const trained = { ...this.catalogue.controlnets[this.checkpoint()]?.options };
    const fields = own.map((option) => {
      const value = this.state.options[option.name] ?? trained[option.name] ?? option.default;
      const take = (given) => { this.state.options[option.name] = given; this.preview(); };
      const about = { value, hint: option.help, onchange: take };
      if (option.kind === "choice") return select(option.label, option.choices, value, take, option.help);
      if (option.kind === "yes") return checkbox(option.label, value, take, option.help);
      return slider(option.label, { low: option.low, high: option.high, step: option.step, ...about });
    });
    return element("div", { className: "zc-options" }, ...fields);
  }

  // The ControlNet that is meant when none is named: the base's own for this condition.
  checkpoint() {
    if (this.state.checkpoint) return this.state.checkpoint;
    const { family } = this.catalogue.bases[this.stack.base];
    return this.fitting().find(([, about]) => about.family === family)?.[0] ?? null;
  }

  fitting() {
    return Object.entries(this.catalogue.controlnets).filter(([, about]) => !about.condition || about.condition === this.state.condition || this.state.condition === "custom");
  }

  more() {
    const { state } = this;
    const names = [["", "the base's own"], ...this.fitting().map(([name, about]) => [name, `${name} (${about.family})`])];
    const share = (text, key) => slider(text, { low: 0, high: 1, step: 0.05, value: state[key], hint: "as a share of the sampling", onchange: (value) => this.set({ [key]: value }, true) });
    return element("details", { open: state.isOpen ?? false, ontoggle: (event) => { state.isOpen = event.target.open; } },
      element("summary", {}, "When, where, which ControlNet"),
      element("div", { className: "zc-options" },
        share("Start", "start"), share("End", "end"),
        this.courses("Course of the strength", this.catalogue.schedules, "schedule"),
        select("Start and end counted in", this.catalogue.windows, state.window, (value) => this.set({ window: value })),
        this.courses("Weights of the layers", this.catalogue.weights, "weights"),
        select("ControlNet", names, state.checkpoint ?? "", (value) => this.change({ checkpoint: value || null }))),
      checkbox("Act on the prompt's half of the guidance only", state.conditional_only, (value) => this.set({ conditional_only: value })),
      checkbox("Act in a region only", state.masked, (value) => { this.state.masked = value; this.fillMask(); this.stack.changed(); }),
      this.maskPlace);
  }

  // One of several names, or the numbers that a restored request had in place of one.
  courses(text, names, key) {
    const given = this.state[key], own = Array.isArray(given) ? [[String(given), given.join(" / ")]] : [];
    return select(text, [...names, ...own], String(given), (value) => this.set({ [key]: own.length && value === String(given) ? given : value }));
  }

  fillMask() {
    this.maskBoard = null;
    if (!this.state.masked) return this.maskPlace.replaceChildren();
    const tools = MASK.map(([key, name, colour]) => ({ key, name, colour }));
    this.maskBoard = new Board({ label: "Region: white where the control acts", strokes: this.mask, tools, background: "#000000", width: 0.15, canFill: true,
      size: this.canvasSize, under: this.result.hidden ? this.state.picture : this.result.src, onchange: () => this.stack.changed() });
    this.maskBoard.frame.classList.add("zc-mask");
    const feather = slider("Feather", { low: 0, high: 64, step: 1, value: this.state.feather, hint: "pixels over which the region's rim fades", onchange: (value) => this.set({ feather: value }) });
    this.maskPlace.replaceChildren(this.maskBoard.element, feather);
  }

  resize() {
    this.board?.resize(this.canvasSize);
    this.maskBoard?.resize(this.canvasSize);
    this.preview();
  }

  // The control as the service reads it; null where it has no picture yet.
  async toJson() {
    const { state } = this;
    const picture = await this.picture();
    if (!picture) return null;
    const { condition, checkpoint, strength, start, end, window, schedule, weights, conditional_only } = state;
    const made = { condition, checkpoint, strength, start, end, window, schedule, weights, conditional_only, ...picture };
    if (state.source === "photo") made.options = state.options;
    else made.ready = true;
    return state.masked && !this.mask.isEmpty ? { ...made, mask: this.mask.only ?? this.maskBoard.canvas.toDataURL("image/png"), feather: state.feather } : made;
  }

  async picture() {
    const { board } = this.kind;
    if (this.state.source !== "draw") return this.state.picture ? { image: this.state.picture } : null;
    if (board === "pose") return this.figures.length ? { poses: this.board.json() } : null;
    if (this.strokes[board].isEmpty) return null;
    if (this.strokes[board].only) return { image: this.strokes[board].only };
    const canvas = board === "segments" ? exactly(this.strokes.segments.list, this.canvasSize, this.board.background) : this.board.canvas;
    return { image: canvas.toDataURL("image/png") };
  }

  // The condition image as the run will see it, and what is wrong with the control, before anything runs.
  async show() {
    this.asking?.abort();
    this.asking = new AbortController();
    const { signal } = this.asking;
    const control = await this.toJson();
    if (!control) {
      this.result.hidden = true;
      return this.say(this.refused, Boolean(this.refused));
    }
    try {
      const answer = await ask("preview", { ...this.stack.run, control }, signal);
      Object.assign(this.result, { src: answer.image, hidden: false, alt: `The ${this.kind.title} image of control ${this.stack.number(this)}` });
      if (this.maskBoard) this.maskBoard.setUnder(answer.image);
      this.stack.sized(this, answer.size);
      this.say(answer.notes.join(" "), false);
    } catch (error) {
      if (error.name === "AbortError") return;
      this.result.hidden = true;
      this.say(error.message, true);
    }
  }

  // Why there is still no picture; it stays until there is one, or another way to give it is chosen.
  refuse(text) {
    this.refused = text;
    this.say(text, true);
  }

  say(text, isWrong = false) {
    this.note.textContent = sentence(text);
    this.note.hidden = !text;
    this.note.classList.toggle("wrong", isWrong);
  }
}
