// What Gradio's places are filled with, and the keys of the whole page.

import { element } from "./elements.js";
import { fileField, readPicture, takePasted } from "./pictures.js";
import { pngText } from "./png.js";
import { startStack as makeStack } from "./stack.js";

export { startFolder } from "./folder.js";
export { startLoras } from "./loras.js";
export { startHistory, startResult } from "./results.js";
export { startRuns } from "./runs.js";
export { startStart } from "./start.js";

export async function startStack(place, { props, watch }) {
  const stack = await makeStack(place);
  watch("value", () => {
    if (!props.value) return;
    const { controls, start, ...about } = JSON.parse(props.value);
    stack.load(controls, about);
    stack.start?.load(start);
  });
}

export function startShown(place) {
  place.setAttribute("aria-live", "polite");
}

// Takes a picture made by zeroconv and gives its request to the form.
export function startDrop(place, { trigger }) {
  const said = element("p", { className: "zc-note wrong", role: "alert", hidden: true });
  const field = fileField("Restore a request: drop a PNG made by zeroconv", "image/png,.png", async (file) => {
    said.hidden = true;
    try {
      trigger("dropped", { text: await pngText(file, "zeroconv") });
    } catch (error) {
      said.textContent = error.message;
      said.hidden = false;
    }
  });
  place.replaceChildren(field, said);
}

document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
  event.preventDefault();
  document.querySelector("#zc-generate")?.click();
});

document.addEventListener("paste", (event) => takePasted(event, (file) => {
  const start = window.zeroconv?.start;
  if (start?.place.offsetParent) start.take(readPicture(file));
}));
