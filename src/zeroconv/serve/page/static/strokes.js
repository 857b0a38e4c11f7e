// Strokes as data: points and widths are shares of the canvas, so that a drawing survives a change of size.

import { loaded } from "./pictures.js";

export class Strokes {
  constructor(list = []) {
    this.list = list;
    this.undone = [];
  }

  add(stroke) {
    this.list.push(stroke);
    this.undone = [];
  }

  undo() {
    if (this.list.length) this.undone.push(this.list.pop());
  }

  redo() {
    if (this.undone.length) this.list.push(this.undone.pop());
  }

  clear() {
    if (this.list.length) this.add({ kind: "fill", colour: null });
  }

  get isEmpty() {
    const last = this.list.findLastIndex((stroke) => stroke.kind === "fill" && stroke.colour === null);
    return this.list.slice(last + 1).length === 0;
  }

  // The address of a picture over which nothing has been drawn, so that it is sent as it came; null where there is more or less.
  get only() {
    const [first, ...others] = this.list;
    return first?.kind === "image" && !first.isStretched && !others.length ? first.address : null;
  }

  // Draws all of it; `background` is the colour that an eraser and a cleared canvas have.
  async draw(canvas, background) {
    const context = canvas.getContext("2d", { willReadFrequently: true });
    fill(context, background);
    for (const stroke of this.list) {
      if (stroke.kind === "image") stroke.image ??= await loaded(stroke.address);
      drawStroke(context, stroke, background);
    }
  }
}

export function drawStroke(context, stroke, background) {
  const { width, height } = context.canvas;
  if (stroke.kind === "fill") fill(context, stroke.colour ?? background);
  else if (stroke.kind === "image") {
    context.imageSmoothingEnabled = !stroke.isSharp;
    context.drawImage(stroke.image, 0, 0, width, height);
  }
  else line(context, stroke, stroke.colour ?? background, Math.max(width, height));
}

function fill(context, colour) {
  const { width, height } = context.canvas;
  context.clearRect(0, 0, width, height);
  if (colour === "transparent") return;
  context.fillStyle = colour;
  context.fillRect(0, 0, width, height);
}

function line(context, stroke, colour, side) {
  const { width, height } = context.canvas;
  const points = stroke.points.map(([x, y]) => [x * width, y * height]);
  const thickness = Math.max(1, stroke.width * side);
  context.save();
  if (colour === "transparent") context.globalCompositeOperation = "destination-out";
  context.strokeStyle = context.fillStyle = colour === "transparent" ? "#000" : colour;
  context.lineWidth = thickness;
  context.lineCap = context.lineJoin = "round";
  context.beginPath();
  if (points.length === 1) {
    context.arc(...points[0], thickness / 2, 0, 2 * Math.PI);
    context.fill();
  } else {
    points.forEach(([x, y], index) => (index ? context.lineTo(x, y) : context.moveTo(x, y)));
    context.stroke();
  }
  context.restore();
}

// The same with colours that are nowhere mixed: what smoothing makes at rims would belong to other classes, or to none.
export function exactly(strokes, [width, height], background) {
  const made = layer(width, height), one = layer(width, height);
  fill(made, background);
  const picture = made.getImageData(0, 0, width, height);
  const pixels = new Uint32Array(picture.data.buffer);
  for (const stroke of strokes) {
    if (stroke.kind === "image") {
      drawStroke(one, stroke, background);
      pixels.set(new Uint32Array(one.getImageData(0, 0, width, height).data.buffer));
      continue;
    }
    drawStroke(one, { kind: "fill", colour: stroke.colour ?? background }, background);
    const colour = new Uint32Array(one.getImageData(0, 0, 1, 1).data.buffer)[0];
    if (stroke.kind === "fill") pixels.fill(colour);
    else {
      fill(one, "transparent");
      drawStroke(one, stroke, background);
      const { data } = one.getImageData(0, 0, width, height);
      for (let at = 0; at < pixels.length; at += 1) if (data[4 * at + 3] > 127) pixels[at] = colour;
    }
  }
  made.putImageData(picture, 0, 0);
  return made.canvas;
}

function layer(width, height) {
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  return canvas.getContext("2d", { willReadFrequently: true });
}
