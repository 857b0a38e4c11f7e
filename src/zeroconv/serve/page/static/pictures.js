// Pictures into the page: a file, one that is dropped, or the camera; as data addresses of sane size.

import { button, element, labelled } from "./elements.js";

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
  const canvas = element("canvas", { width: Math.round(image.naturalWidth * scale), height: Math.round(image.naturalHeight * scale) });
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
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

// The camera: a picture as it stands when the button is pressed; nothing is recorded before.
export function camera(onpicture, onerror) {
  const video = element("video", { autoplay: true, muted: true, playsInline: true, "aria-label": "What the camera sees" });
  const place = element("div", { className: "zc-camera" });
  let stream = null;
  const stop = () => {
    stream?.getTracks().forEach((track) => track.stop());
    stream = null;
    place.replaceChildren(open);
  };
  const take = () => {
    const canvas = element("canvas", { width: video.videoWidth, height: video.videoHeight });
    canvas.getContext("2d").drawImage(video, 0, 0);
    onpicture(canvas.toDataURL("image/png"));
    stop();
  };
  const open = button("Use the camera", async () => {
    try {
      if (!navigator.mediaDevices) throw new Error("the browser gives the camera only to https and to this machine itself");
      stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
      video.srcObject = stream;
      place.replaceChildren(video, button("Take the picture", take, null, "main"), button("Close the camera", stop));
    } catch (error) {
      onerror(`The camera cannot be used: ${error.message}`);
    }
  });
  place.append(open);
  return place;
}
