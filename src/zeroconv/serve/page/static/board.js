// A board to draw on: by mouse, finger or pen, and by keyboard (arrows move a cross, Space lowers the pen and lifts it).
//
// tools    [{key, name, colour}]: what the pen lays down; a colour of null lays down the background
// size     [width, height] of what is drawn, in pixels
// canFill  whether the whole canvas may be laid down at once
// under    an address of a picture shown below the drawing, which is then half transparent

import { button, element, labelled, slider } from "./elements.js";
import { drawStroke } from "./strokes.js";

const STEP = 0.02;
const ENLARGED = 512;
const LONGEST = 1536;
const MANY = 24;

// [width, height] -> the same shape, enlarged so that a hand can draw it.
export function drawingSize([width, height]) {
  const scale = Math.min(Math.max(1, Math.ceil(ENLARGED / Math.min(width, height))), LONGEST / Math.max(width, height));
  return [Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale))];
}

export class Board {
  constructor({ label, strokes, tools, background, size, width, under = null, canFill = false, onchange }) {
    Object.assign(this, { strokes, tools, background, canFill, onchange });
    this.tool = tools[0];
    this.width = width;
    this.cross = [0.5, 0.5];
    this.stroke = null;
    this.canvas = element("canvas", { tabIndex: 0, role: "img", "aria-label": `${label}. Arrow keys move the cross, Space lowers and lifts the pen.` });
    this.mark = element("div", { className: "zc-cross", hidden: true, "aria-hidden": "true" });
    this.ring = element("div", { className: "zc-ring", hidden: true, "aria-hidden": "true" });
    this.back = element("img", { className: "zc-under", alt: "", hidden: !under });
    if (under) this.back.src = under;
    this.frame = element("div", { className: "zc-board" }, this.back, this.canvas, this.mark, this.ring);
    this.element = element("div", { className: "zc-boards", role: "group", "aria-label": label }, this.bar(), this.frame);
    this.listen();
    this.resize(size);
  }

  bar() {
    const tools = this.tools.map((tool) => {
      const made = button(tool.name, () => this.take(tool), null, "zc-tool");
      if (tool.colour && tool.swatch) made.prepend(element("span", { className: "zc-swatch", style: `background:${tool.colour}` }));
      made.dataset.tool = tool.key;
      return made;
    });
    this.buttons = tools;
    const fill = ["Fill all", () => this.strokes.add({ kind: "fill", colour: this.tool.colour })];
    const acts = [...(this.canFill ? [fill] : []), ["Undo", () => this.strokes.undo()], ["Redo", () => this.strokes.redo()], ["Clear", () => this.strokes.clear()]];
    const width = slider("Width", { low: 0.005, high: 0.25, step: 0.005, value: this.width, hint: "of the pen, as a share of the long side", onchange: (value) => { this.width = value; } });
    const bar = element("div", { className: "zc-bar" }, tools.length > MANY ? this.search(tools) : null,
      element("div", { className: "zc-tools", role: "group", "aria-label": "Tools" }, ...tools),
      element("div", { className: "zc-tools" }, ...acts.map(([name, act]) => button(name, () => { act(); this.redraw(); }))), width);
    this.take(this.tool);
    return bar;
  }

  // Of many tools only those are shown whose names have what is typed.
  search(tools) {
    const field = element("input", { type: "search", placeholder: "as sky or wall" });
    field.addEventListener("input", () => tools.forEach((each) => { each.hidden = !each.dataset.tool.toLowerCase().includes(field.value.trim().toLowerCase()); }));
    return labelled(`Find one of ${tools.length}`, field);
  }

  take(tool) {
    this.tool = tool;
    this.buttons?.forEach((each) => each.setAttribute("aria-pressed", each.dataset.tool === tool.key));
  }

  resize([width, height]) {
    this.frame.style.aspectRatio = `${width} / ${height}`;
    this.canvas.width = width;
    this.canvas.height = height;
    this.redraw();
  }

  setUnder(address) {
    this.back.hidden = !address;
    if (address) this.back.src = address;
  }

  async redraw() {
    await this.strokes.draw(this.canvas, this.background);
    this.onchange();
  }

  listen() {
    const { canvas } = this;
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      event.preventDefault();
      canvas.focus({ preventScroll: true });
      canvas.setPointerCapture(event.pointerId);
      this.begin(this.place(event));
    });
    canvas.addEventListener("pointermove", (event) => {
      this.showRing(event);
      if (!canvas.hasPointerCapture(event.pointerId)) return;
      for (const each of event.getCoalescedEvents?.() ?? [event]) this.extend(this.place(each));
    });
    for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, () => this.end());
    canvas.addEventListener("pointerleave", () => { this.ring.hidden = true; });
    canvas.addEventListener("keydown", (event) => { if (this.key(event)) event.preventDefault(); });
    canvas.addEventListener("blur", () => { this.mark.hidden = true; this.end(); });
  }

  place(event) {
    const box = this.canvas.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  }

  showRing(event) {
    const box = this.canvas.getBoundingClientRect();
    const side = this.width * Math.max(box.width, box.height);
    this.ring.hidden = event.pointerType === "touch";
    Object.assign(this.ring.style, { width: `${side}px`, height: `${side}px`, left: `${event.clientX - box.left - side / 2}px`, top: `${event.clientY - box.top - side / 2}px` });
  }

  begin(point) {
    this.stroke = { kind: "line", colour: this.tool.colour, width: this.width, points: [point] };
    this.strokes.add(this.stroke);
    drawStroke(this.canvas.getContext("2d"), this.stroke, this.background);
  }

  extend(point) {
    if (!this.stroke) return;
    this.stroke.points.push(point);
    const tail = { ...this.stroke, points: this.stroke.points.slice(-2) };
    drawStroke(this.canvas.getContext("2d"), tail, this.background);
  }

  end() {
    if (!this.stroke) return;
    this.stroke = null;
    this.onchange();
  }

  key(event) {
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const move = moves[event.key];
    if (event.key === " ") {
      if (this.stroke) this.end();
      else this.begin([...this.cross]);
    } else if (event.key.toLowerCase() === "z" && (event.ctrlKey || event.metaKey)) {
      if (event.shiftKey) this.strokes.redo();
      else this.strokes.undo();
      this.redraw();
    } else if (move) {
      const step = event.shiftKey ? STEP / 4 : STEP;
      this.cross = this.cross.map((at, axis) => Math.min(1, Math.max(0, at + move[axis] * step)));
      this.extend([...this.cross]);
    } else return false;
    this.mark.hidden = false;
    Object.assign(this.mark.style, { left: `${this.cross[0] * 100}%`, top: `${this.cross[1] * 100}%` });
    this.mark.classList.toggle("down", this.stroke !== null);
    return true;
  }
}
