// Condition images of many pictures: one after the other, shown as they come, and all as one zip.

import { ask, button, checkbox, download, element, select, slider } from "./elements.js";
import { fileField, readPicture } from "./pictures.js";
import { zipped } from "./zip.js";

export class Folder {
  constructor(place, catalogue) {
    this.conditions = Object.fromEntries(Object.entries(catalogue.conditions).filter(([, kind]) => kind.photo));
    this.condition = "canny";
    this.options = {};
    this.files = [];
    this.made = [];
    this.fields = element("div", { className: "zc-options" });
    this.state = element("p", { className: "zc-note", role: "status" }, "No pictures yet.");
    this.bar = element("progress", { max: 1, value: 0, hidden: true, "aria-label": "Progress" });
    this.list = element("div", { className: "zc-pictures zc-small" });
    this.start = button("Make the condition images", () => this.run(), null, "main");
    this.stop = button("Stop", () => { this.isStopped = true; });
    this.save = button("Download as zip", () => this.zip());
    const names = Object.entries(this.conditions).map(([name, kind]) => [name, kind.title]);
    place.replaceChildren(
      element("div", { className: "zc-card" }, fileField("Pictures", "image/*", (files) => this.take(files), { multiple: true }),
        select("Condition", names, this.condition, (name) => { this.condition = name; this.options = {}; this.showOptions(); }),
        this.fields, element("div", { className: "zc-tools" }, this.start, this.stop, this.save), this.bar, this.state),
      this.list);
    this.showOptions();
    this.enable(false);
  }

  take(files) {
    this.files = files.filter((file) => file.type.startsWith("image/"));
    this.state.textContent = `${this.files.length} picture${this.files.length === 1 ? "" : "s"} chosen.`;
    this.enable(false);
  }

  enable(isRunning) {
    this.start.disabled = isRunning || !this.files.length;
    this.stop.disabled = !isRunning;
    this.save.disabled = isRunning || !this.made.length;
  }

  showOptions() {
    const fields = this.conditions[this.condition].options.map((option) => {
      const take = (value) => { this.options[option.name] = value; };
      if (option.kind === "choice") return select(option.label, option.choices, option.default, take, option.help);
      if (option.kind === "yes") return checkbox(option.label, option.default, take, option.help);
      const { low, high, step } = option;
      return slider(option.label, { low, high, step, value: option.default, hint: option.help, onchange: take });
    });
    this.fields.replaceChildren(...fields);
  }

  async run() {
    this.made = [];
    this.isStopped = false;
    this.list.replaceChildren();
    this.bar.hidden = false;
    this.enable(true);
    const failed = [];
    for (const [at, file] of this.files.entries()) {
      if (this.isStopped) break;
      this.state.textContent = `${at + 1} of ${this.files.length}: ${file.name}`;
      this.bar.value = at / this.files.length;
      try {
        await this.one(file);
      } catch (error) {
        failed.push(`${file.name}: ${error.message}`);
      }
    }
    this.bar.hidden = true;
    this.state.textContent = [`${this.made.length} of ${this.files.length} made.`, ...failed].join(" ");
    this.enable(false);
  }

  async one(file) {
    const image = await readPicture(file);
    const answer = await ask("annotate", { condition: this.condition, options: this.options, image });
    const name = this.free(file.name.replace(/\.\w+$/, ""));
    this.made.push({ name, address: answer.image });
    this.list.append(element("figure", {}, element("img", { src: answer.image, alt: `${this.condition} image of ${file.name}` }),
      element("figcaption", {}, [file.name, ...answer.notes].join(" – "))));
  }

  free(stem) {
    const taken = new Set(this.made.map((each) => each.name));
    for (let number = 1; ; number += 1) {
      const name = `${stem}${number === 1 ? "" : `-${number}`}.png`;
      if (!taken.has(name)) return name;
    }
  }

  async zip() {
    const bytes = async (address) => new Uint8Array(await (await fetch(address)).arrayBuffer());
    const files = await Promise.all(this.made.map(async ({ name, address }) => ({ name, bytes: await bytes(address) })));
    download(`${this.condition}.zip`, zipped(files), "application/zip");
  }
}

export async function startFolder(place) {
  return new Folder(place, await ask("catalogue"));
}
