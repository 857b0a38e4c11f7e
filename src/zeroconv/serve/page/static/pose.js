// The pose editor: figures whose joints are dragged, or moved by keyboard (Tab to a joint, arrows; H hides it).

import { button, download, element, shape } from "./elements.js";
import { fileField } from "./pictures.js";
import { COLOURS, JOINTS, LIMBS, fromJson, mirrored, resized, standing, toJson } from "./skeleton.js";

export class PoseEditor {
  constructor({ figures, size, under = null, onchange, onerror }) {
    Object.assign(this, { size, onchange, onerror });
    this.figures = figures;
    this.chosen = 0;
    this.svg = shape("svg", { role: "group", "aria-label": "Pose editor: Tab goes to a joint, arrow keys move it, H hides it and shows it" });
    this.back = element("img", { className: "zc-under", alt: "", hidden: !under });
    if (under) this.back.src = under;
    this.frame = element("div", { className: "zc-board zc-pose" }, this.back, this.svg);
    this.state = element("p", { className: "zc-soft", role: "status" });
    this.element = element("div", { className: "zc-boards", role: "group", "aria-label": "Pose" }, this.bar(), this.frame, this.state);
    if (!figures.length) figures.push(standing(size));
    this.draw();
  }

  bar() {
    const importer = fileField("Import OpenPose JSON", ".json,application/json", (file) => this.import(file));
    importer.classList.add("zc-small");
    return element("div", { className: "zc-bar" },
      element("div", { className: "zc-tools" },
        button("Add figure", () => this.add()), button("Mirror figure", () => this.mirror()), button("Delete figure", () => this.remove()),
        button("Show all joints", () => this.showAll()), button("Export JSON", () => this.export())),
      importer);
  }

  json() { return toJson(this.figures, this.size); }

  add() {
    this.figures.push(standing(this.size, 0.25 + 0.5 * ((this.figures.length * 0.618) % 1)));
    this.chosen = this.figures.length - 1;
    this.changed();
  }

  mirror() {
    if (!this.figures.length) return;
    this.figures[this.chosen] = mirrored(this.figures[this.chosen]);
    this.changed();
  }

  remove() {
    this.figures.splice(this.chosen, 1);
    this.chosen = Math.max(0, this.figures.length - 1);
    this.changed();
  }

  showAll() {
    this.figures[this.chosen]?.joints.forEach((joint) => { joint.seen = true; });
    this.changed();
  }

  export() { download("pose.json", `${JSON.stringify(this.json())}\n`, "application/json"); }

  async import(file) {
    try {
      this.load(JSON.parse(await file.text()));
    } catch (error) {
      this.onerror(`${file.name}: ${error.message}`);
    }
  }

  load(content) {
    this.figures.splice(0, this.figures.length, ...fromJson(content, this.size));
    this.chosen = 0;
    this.changed();
  }

  resize(size) {
    if (String(size) === String(this.size)) return;
    this.figures.splice(0, this.figures.length, ...resized(this.figures, this.size, size));
    this.size = size;
    this.draw();
  }

  setUnder(address) {
    this.back.hidden = !address;
    if (address) this.back.src = address;
  }

  changed() {
    this.draw();
    this.onchange();
  }

  draw() {
    const [width, height] = this.size;
    this.frame.style.aspectRatio = `${width} / ${height}`;
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.unit = Math.min(width, height) / 100;
    this.parts = this.figures.map((figure, at) => this.drawFigure(figure, at));
    this.svg.replaceChildren(...this.parts.map((part) => part.group));
    const count = this.figures.length;
    this.state.textContent = count ? `Figure ${this.chosen + 1} of ${count} is chosen.` : "There is no figure; add one.";
  }

  drawFigure(figure, at) {
    const group = shape("g", { role: "group", "aria-label": `Figure ${at + 1}`, class: at === this.chosen ? "chosen" : "" });
    const limbs = LIMBS.map((ends, index) => shape("line", { stroke: COLOURS[index], "stroke-width": 1.6 * this.unit, "stroke-opacity": 0.6, "stroke-linecap": "round", "aria-hidden": "true" }));
    const joints = figure.joints.map((joint, index) => this.drawJoint(figure, at, index));
    group.append(...limbs, ...joints.map((joint) => joint.element));
    const part = { group, limbs, joints };
    this.place(figure, part);
    return part;
  }

  drawJoint(figure, at, index) {
    const hit = shape("circle", { r: 3.2 * this.unit, fill: "transparent" });
    const dot = shape("circle", { r: 1.3 * this.unit, fill: COLOURS[index] });
    const group = shape("g", { tabindex: 0, role: "button", "data-joint": index, "data-figure": at, class: "joint" });
    group.append(hit, dot);
    group.addEventListener("pointerdown", (event) => this.drag(event, figure, at, index, group));
    group.addEventListener("keydown", (event) => { if (this.key(event, figure, at, index)) event.preventDefault(); });
    group.addEventListener("dblclick", () => this.toggle(figure, at, index));
    group.addEventListener("focus", () => this.choose(at));
    return { element: group, hit, dot };
  }

  choose(at) {
    if (this.chosen === at) return;
    this.parts[this.chosen]?.group.classList.remove("chosen");
    this.parts[at].group.classList.add("chosen");
    this.chosen = at;
    this.state.textContent = `Figure ${at + 1} of ${this.figures.length} is chosen.`;
  }

  // Puts limbs and joints where the figure has them, without new elements, so that focus and a drag go on.
  place(figure, part) {
    LIMBS.forEach(([from, to], index) => {
      const [a, b] = [figure.joints[from], figure.joints[to]];
      for (const [name, value] of Object.entries({ x1: a.x, y1: a.y, x2: b.x, y2: b.y })) part.limbs[index].setAttribute(name, value);
      part.limbs[index].style.display = a.seen && b.seen ? "" : "none";
    });
    figure.joints.forEach((joint, index) => {
      const { element: group, hit, dot } = part.joints[index];
      for (const circle of [hit, dot]) { circle.setAttribute("cx", joint.x); circle.setAttribute("cy", joint.y); }
      group.classList.toggle("hidden", !joint.seen);
      const number = this.figures.indexOf(figure) + 1;
      group.setAttribute("aria-label", `${JOINTS[index]} of figure ${number || 1}, ${joint.seen ? `at ${Math.round(joint.x)}, ${Math.round(joint.y)}` : "hidden"}`);
    });
  }

  drag(event, figure, at, index, group) {
    if (event.button !== 0) return;
    event.preventDefault();
    group.focus({ preventScroll: true });
    this.choose(at);
    group.setPointerCapture(event.pointerId);
    const move = (moved) => this.moveTo(figure, at, index, this.point(moved));
    const end = () => {
      group.removeEventListener("pointermove", move);
      group.removeEventListener("pointerup", end);
      group.removeEventListener("pointercancel", end);
      this.onchange();
    };
    group.addEventListener("pointermove", move);
    group.addEventListener("pointerup", end);
    group.addEventListener("pointercancel", end);
  }

  point(event) {
    const box = this.svg.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width) * this.size[0], ((event.clientY - box.top) / box.height) * this.size[1]];
  }

  moveTo(figure, at, index, [x, y]) {
    const joint = figure.joints[index];
    joint.x = Math.round(Math.min(this.size[0], Math.max(0, x)) * 100) / 100;
    joint.y = Math.round(Math.min(this.size[1], Math.max(0, y)) * 100) / 100;
    this.place(figure, this.parts[at]);
  }

  toggle(figure, at, index) {
    figure.joints[index].seen = !figure.joints[index].seen;
    this.place(figure, this.parts[at]);
    this.onchange();
  }

  key(event, figure, at, index) {
    const move = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (move) {
      const step = (event.shiftKey ? 0.25 : 1) * this.unit;
      const { x, y } = figure.joints[index];
      this.moveTo(figure, at, index, [x + move[0] * step, y + move[1] * step]);
      this.onchange();
    } else if (event.key.toLowerCase() === "h" || event.key === "Delete") this.toggle(figure, at, index);
    else return false;
    return true;
  }
}
