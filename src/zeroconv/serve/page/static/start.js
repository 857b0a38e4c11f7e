// The picture that a run starts from: changed as a whole (image-to-image), or where a mask is painted over it (inpainting).

import { Board, drawingSize } from "./board.js";
import { camera } from "./camera.js";
import { ask, button, checkbox, choice, debounced, element, sentence, slider } from "./elements.js";
import { asAddress, fileField, loaded, readPicture } from "./pictures.js";
import { theStack } from "./stack.js";
import { Strokes } from "./strokes.js";

const TOOLS = [["pen", "Make anew", "#ffffff"], ["eraser", "Keep", null]];
const PARTS = [["all", "The whole picture"], ["painted", "What is painted"]];
const FRESH = { picture: null, denoise: null, masked: false, feather: 4, paste: true };
const WHOLE = 0.8;
const PAINTED = 1;

export class Start {
  constructor(place, stack, trigger) {
    Object.assign(this, { place, stack, trigger, isOn: false, state: { ...FRESH }, mask: new Strokes(), shape: null });
    this.check = debounced(() => this.show());
    this.render();
  }

  // Another picture, with all settings as they are; an error is said beside it.
  async take(reading) {
    this.isOn = true;
    try {
      const picture = await reading;
      const { naturalWidth, naturalHeight } = await loaded(picture);
      const shape = [naturalWidth, naturalHeight];
      if (String(shape) !== String(this.shape)) Object.assign(this, { mask: new Strokes(), stretched: "" });
      Object.assign(this, { shape, state: { ...this.state, picture } });
      this.changed();
    } catch (error) {
      if (!this.state.picture) this.render();
      this.say(error.message, true);
    }
  }

  // One of our own pictures by its address on this server.
  async begin(address) {
    await this.take(fetch(address).then((answer) => answer.blob()).then(asAddress));
    this.card.focus();
    this.card.scrollIntoView({ block: "nearest" });
  }

  // As a restored request has it; null: none.
  async load(given) {
    Object.assign(this, { isOn: Boolean(given), mask: new Strokes(), stretched: "", shape: null });
    const { image = null, mask = null, ...settings } = given ?? {};
    this.state = { ...FRESH, ...settings };
    if (mask) this.mask.add({ kind: "image", address: mask });
    if (!image) return this.changed();
    const { naturalWidth, naturalHeight } = await loaded(image);
    this.shape = [naturalWidth, naturalHeight];
    this.state.picture = image;
    this.changed();
  }

  changed() {
    this.render();
    this.stack.setShape(this.shape);
    this.check();
  }

  remove() {
    this.load(null);
    this.place.querySelector("button").focus();
  }

  set(given) {
    Object.assign(this.state, given);
    this.check();
  }

  // WIDTHxHEIGHT of the picture in the base's multiples, within what the server grants.
  get ownSize() {
    const { catalogue, base } = this.stack;
    const { multiple } = catalogue.bases[base];
    const scale = Math.min(1, Math.sqrt(catalogue.pixels / (this.shape[0] * this.shape[1])));
    const round = scale < 1 ? Math.floor : Math.round;
    return this.shape.map((side) => Math.max(1, round((side * scale) / multiple)) * multiple).join("x");
  }

  get denoise() { return this.state.denoise ?? (this.state.masked ? PAINTED : WHOLE); }

  render() {
    if (!this.isOn) return this.place.replaceChildren(button("Start from a picture", () => this.open(), null, "zc-add"));
    const { picture } = this.state;
    this.note = element("p", { className: "zc-note", role: "status", hidden: true });
    this.result = element("img", { alt: "What the run starts from", className: "zc-condition", hidden: true });
    this.card = element("section", { className: "zc-control", "aria-label": "Starting picture", tabIndex: -1 },
      element("header", {}, element("h3", {}, "Starting picture"), button("Remove", () => this.remove(), "Remove the starting picture")),
      ...(picture ? this.pictureParts() : [this.giving(), this.note]));
    this.place.replaceChildren(this.card);
  }

  open() {
    this.isOn = true;
    this.render();
    this.place.querySelector("input").focus();
  }

  giving() {
    const field = fileField(this.state.picture ? "Another picture" : "Picture", "image/*", (file) => this.take(readPicture(file)));
    return element("div", { className: "zc-giving" }, field, camera((address) => this.take(address).then(() => this.card.focus()), (text) => this.say(text, true)));
  }

  pictureParts() {
    const { masked, picture } = this.state;
    const shown = masked ? this.maskBoard() : element("img", { src: picture, alt: "The picture given", className: "zc-given" });
    const switched = (key) => {
      this.state.masked = key === "painted";
      this.changed();
      this.place.querySelector(`[data-key=${key}]`).focus();
    };
    return [
      choice("What is made anew", PARTS, masked ? "painted" : "all", switched),
      element("div", { className: `zc-pair${masked ? " drawn" : ""}` }, shown,
        element("figure", {}, this.result, element("figcaption", {}, "What the run starts from"))),
      this.note,
      slider("How much is made anew", { low: 0.05, high: 1, step: 0.05, value: this.denoise, hint: "a little keeps nearly all of the picture, 1 nothing of it",
        onchange: (denoise) => this.set({ denoise }) }),
      ...(masked ? this.maskParts() : []),
      element("div", { className: "zc-tools" }, button("Take the size of this picture", () => this.trigger("sized"))),
      this.giving(),
    ];
  }

  maskBoard() {
    const tools = TOOLS.map(([key, name, colour]) => ({ key, name, colour }));
    this.board = new Board({ label: "Mask: white where the picture is made anew", strokes: this.mask, tools, background: "#000000", width: 0.1,
      canFill: true, size: drawingSize(this.shape), under: this.state.picture, onchange: () => this.check() });
    this.board.frame.classList.add("zc-mask");
    return this.board.element;
  }

  maskParts() {
    const field = fileField("Mask from a file, white where it is made anew", "image/*", (file) => this.takeMask(file));
    field.classList.add("zc-small");
    return [
      slider("Feather", { low: 0, high: 64, step: 1, value: this.state.feather, hint: "pixels within the mask over which the picture fades into what is made anew",
        onchange: (feather) => this.set({ feather }) }),
      checkbox("Keep the rest pixel by pixel", this.state.paste, (paste) => this.set({ paste }), "otherwise encoding and decoding change it a little"),
      field,
    ];
  }

  async takeMask(file) {
    try {
      const address = await readPicture(file);
      const { naturalWidth, naturalHeight } = await loaded(address);
      const [width, height] = this.shape;
      const isFitting = Math.abs(naturalWidth * height - naturalHeight * width) <= 0.02 * naturalWidth * height;
      this.stretched = isFitting ? "" : `The mask of ${naturalWidth}x${naturalHeight} is stretched over the picture of ${width}x${height}.`;
      this.mask.add({ kind: "image", address, isStretched: !isFitting });
      await this.board.redraw();
    } catch (error) {
      this.say(error.message, true);
    }
  }

  // As the service reads it; null where there is none.
  toJson() {
    if (!this.isOn) return null;
    const { picture, masked, feather, paste } = this.state;
    const made = { image: picture, denoise: this.denoise };
    if (!picture || !masked) return made;
    return { ...made, mask: this.mask.only ?? this.board.canvas.toDataURL("image/png"), ...(paste ? { feather } : {}), paste };
  }

  // What the run will begin from, and what is wrong with it, before anything runs.
  async show() {
    this.asking?.abort();
    if (!this.isOn || !this.state.picture) return;
    this.asking = new AbortController();
    try {
      const { base, asked, fit, steps } = this.stack;
      const answer = await ask("start", { base, size: asked, fit, steps, start: this.toJson() }, this.asking.signal);
      Object.assign(this.result, { src: answer.image, hidden: false });
      this.stack.settle(answer.size);
      this.say([this.state.masked ? this.stretched : "", ...answer.notes].filter(Boolean).join(" "));
    } catch (error) {
      if (error.name !== "AbortError") this.say(error.message, true);
    }
  }

  say(text, isWrong = false) {
    if (!this.note) return;
    this.note.textContent = sentence(text);
    this.note.hidden = !text;
    this.note.classList.toggle("wrong", isWrong);
  }
}

export async function startStart(place, { trigger }) {
  const stack = await theStack;
  const start = new Start(place, stack, trigger);
  stack.start = start;
  window.zeroconv.start = start;
}
