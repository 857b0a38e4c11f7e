// Pictures into the page: a file, or one that is dropped or pasted; as data addresses of sane size.

import { element, labelled } from "./elements.js";

const LARGEST_SIDE = 2048;
const LARGEST_FILE = 3_000_000;

export function asAddress(blob) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => reject(new Error("the file cannot be read"));
    reader.readAsDataURL(blob);
  });
}

export function loaded(address) {
  return new Promise((resolve, reject) => {
    const image = new Image();
    image.onload = () => resolve(image);
    image.onerror = () => reject(new Error("this file is no picture that the browser can read"));
    image.src = address;
  });
}

// A file as it is, unless it is larger than any run needs: then it is scaled down here.
export async function readPicture(file) {
  const address = await asAddress(file);
  const image = await loaded(address);
  const scale = Math.min(1, LARGEST_SIDE / Math.max(image.naturalWidth, image.naturalHeight));
  const isPlain = ["image/png", "image/jpeg", "image/webp"].includes(file.type);
  if (scale === 1 && isPlain && file.size <= LARGEST_FILE) return address;
  return pictureOf(image, Math.round(image.naturalWidth * scale), Math.round(image.naturalHeight * scale));
}

// An image or a video as it stands, at this size.
export function pictureOf(source, width, height) {
  const canvas = element("canvas", { width, height });
  canvas.getContext("2d").drawImage(source, 0, 0, width, height);
  const png = canvas.toDataURL("image/png");
  return png.length < LARGEST_FILE ? png : canvas.toDataURL("image/jpeg", 0.95);
}

// A field for a file, which takes what is dropped on it too.
export function fileField(text, accept, onfile, { multiple = false } = {}) {
  const field = element("input", { type: "file", accept, multiple });
  const box = labelled(text, field);
  box.classList.add("zc-drop");
  field.addEventListener("change", () => {
    if (field.files.length) onfile(multiple ? [...field.files] : field.files[0]);
    field.value = "";
  });
  box.addEventListener("dragover", (event) => { event.preventDefault(); box.classList.add("over"); });
  box.addEventListener("dragleave", () => box.classList.remove("over"));
  box.addEventListener("drop", (event) => {
    event.preventDefault();
    box.classList.remove("over");
    const files = [...event.dataTransfer.files];
    if (files.length) onfile(multiple ? files : files[0]);
  });
  return box;
}

// A picture that is pasted goes into the first field of the card where the focus is, elsewhere to `onfile`; text stays text.
export function takePasted(event, onfile) {
  const { files, types } = event.clipboardData;
  if (!files[0]?.type.startsWith("image/") || types.includes("text/plain")) return;
  event.preventDefault();
  const card = event.target.closest?.(".zc-control, .zc-card");
  const field = card?.querySelector("input[type=file][accept^='image/']");
  if (!card) return onfile(files[0]);
  if (!field) return;
  field.files = files;
  field.dispatchEvent(new Event("change"));
}
