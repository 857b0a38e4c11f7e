// The stack of controls: added, removed, read as one JSON text, and filled again from a restored request.

import { ask, button, element } from "./elements.js";
import { Control } from "./control.js";

export class Stack {
  constructor(place, catalogue) {
    Object.assign(this, { place, catalogue, controls: [], base: catalogue.base, asked: "", fit: "crop", steps: 20, shape: null, start: null, onchange: () => {} });
    this.list = element("div", { className: "zc-controls" });
    this.adding = button("Add a control", () => this.add(), null, "zc-add");
    this.empty = element("p", { className: "zc-soft" }, "No control: the prompt alone decides.");
    place.replaceChildren(element("h2", { id: "zc-stack-title" }, "Controls"), this.empty, this.list, this.adding);
    place.setAttribute("role", "region");
    place.setAttribute("aria-labelledby", "zc-stack-title");
  }

  // [width, height] of the run: as asked for, else of the first control's picture, else the base's own.
  get size() {
    const match = /^(\d+)\s*x\s*(\d+)$/i.exec(this.asked.trim());
    if (match) return [Number(match[1]), Number(match[2])];
    const { native } = this.catalogue.bases[this.base];
    return this.found ?? [native, native];
  }

  // What the service must know of the run to show one of its controls.
  get run() { return { base: this.base, size: this.asked, shape: this.shape, fit: this.fit }; }

  number(control) {
    const at = this.controls.indexOf(control);
    return at < 0 ? this.controls.length + 1 : at + 1;
  }

  add(given = undefined) {
    const control = new Control(this, given);
    this.controls.push(control);
    this.list.append(control.element);
    this.changed();
    if (!given) control.element.querySelector("select").focus();
    return control;
  }

  remove(control) {
    this.controls.splice(this.controls.indexOf(control), 1);
    control.element.remove();
    if (!this.controls.length && !this.shape) this.found = null;
    this.controls.forEach((each) => each.render());
    this.changed();
    this.adding.focus();
  }

  changed() {
    this.empty.hidden = this.controls.length > 0;
    this.adding.disabled = this.controls.length >= this.catalogue.most;
    this.onchange();
  }

  setBase(base) {
    if (!(base in this.catalogue.bases) || base === this.base) return;
    this.base = base;
    this.controls.forEach((control) => control.render());
    this.start?.check();
  }

  setSteps(steps) {
    this.steps = steps;
    this.start?.check();
  }

  // What becomes of pictures of another shape.
  setFit(fit) {
    if (fit === this.fit) return;
    this.fit = fit;
    this.controls.forEach((control) => control.resize());
    this.start?.check();
  }

  // [width, height] of the picture that the run starts from, which decides the size where none is asked for; null: none.
  setShape(shape) {
    if (String(shape) === String(this.shape)) return;
    Object.assign(this, { shape, found: null });
    this.controls.forEach((control) => control.resize());
  }

  setSize(text) {
    if (text === this.asked) return;
    this.asked = text;
    this.controls.forEach((control) => control.resize());
    this.start?.check();
  }

  // What the service has found the run's size to be by the first control.
  sized(control, size) {
    if (control === this.controls[0]) this.settle(size);
  }

  settle(size) {
    if (String(size) === String(this.found)) return;
    this.found = size;
    this.controls.forEach((each) => { each.board?.resize(each.canvasSize); each.maskBoard?.resize(each.canvasSize); });
  }

  async toText() {
    const controls = await Promise.all(this.controls.map((control) => control.toJson()));
    const missing = controls.findIndex((control) => control === null);
    return JSON.stringify({ controls: controls.filter(Boolean), missing: missing < 0 ? null : missing + 1, start: this.start?.toJson() ?? null });
  }

  // Controls as a restored request has them; base, size and fit are those of its form, which are set a moment later.
  load(controls, { base = this.base, size = this.asked, fit = this.fit } = {}) {
    Object.assign(this, { controls: [], base, asked: size, fit });
    this.found = null;
    this.list.replaceChildren();
    controls.forEach((control) => this.add({ ...control, source: control.ready ? "ready" : "photo", picture: control.image }));
    this.changed();
  }
}

let known = null;

// The one stack of the page, once it is there.
export const theStack = new Promise((resolve) => { known = resolve; });

export async function startStack(place) {
  const stack = new Stack(place, await ask("catalogue"));
  window.zeroconv = { ...window.zeroconv, stack };
  known(stack);
  return stack;
}
