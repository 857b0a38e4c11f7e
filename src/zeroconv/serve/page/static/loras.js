// The LoRAs of the form: which of those that are offered, and how strongly each acts. Empty where none are offered.

import { ask, button, element, select, slider } from "./elements.js";

const LOW = -1;
const HIGH = 2;

export class Loras {
  constructor(place, { bases, loras, mostLoras }) {
    Object.assign(this, { bases: Object.keys(bases), names: Object.keys(loras), loras, most: mostLoras, chosen: [] });
    this.list = element("div", { className: "zc-controls" });
    this.adding = button("Add a LoRA", () => this.add(), null, "zc-add");
    this.said = element("p", { className: "zc-soft", role: "status" });
    place.replaceChildren(element("h2", { id: "zc-loras-title" }, "LoRAs"), this.list, this.adding, this.said);
    place.setAttribute("role", "region");
    place.setAttribute("aria-labelledby", "zc-loras-title");
  }

  add(given = undefined) {
    const free = this.names.find((name) => !this.chosen.some((each) => each.file === name)) ?? this.names[0];
    const lora = { file: given?.file ?? free, strength: given?.strength ?? 1 };
    lora.element = this.card(lora);
    this.chosen.push(lora);
    this.list.append(lora.element);
    this.changed();
    if (!given) lora.element.querySelector("select").focus();
  }

  card(lora) {
    const card = element("div", { className: "zc-card", role: "group", "aria-label": `LoRA ${lora.file}` });
    const fits = element("p", { className: "zc-soft" });
    const strength = slider("Strength", {
      low: LOW, high: HIGH, step: 0.05, value: lora.strength, hint: "0 is none, 1 as trained",
      onchange: (value) => { lora.strength = value; },
    });
    const remove = button("Remove", () => this.remove(lora), `Remove the LoRA ${lora.file}`);
    const named = (name) => {
      lora.file = name;
      card.setAttribute("aria-label", `LoRA ${name}`);
      remove.setAttribute("aria-label", `Remove the LoRA ${name}`);
      const { bases } = this.loras[name];
      fits.textContent = bases.length < this.bases.length ? `For the base ${bases.join(", ")}.` : "";
      fits.hidden = !fits.textContent;
    };
    named(lora.file);
    card.append(element("header", {}, select("LoRA", this.names, lora.file, named), remove), strength, fits);
    return card;
  }

  remove(lora) {
    this.chosen.splice(this.chosen.indexOf(lora), 1);
    lora.element.remove();
    this.changed();
    this.adding.focus();
  }

  changed() {
    this.adding.disabled = this.chosen.length >= this.most;
    this.said.textContent = this.adding.disabled ? `More than ${this.most} LoRAs are not granted here.` : "";
  }

  toText() {
    return JSON.stringify(this.chosen.map(({ file, strength }) => ({ file, strength })));
  }

  load(loras) {
    this.chosen = [];
    this.list.replaceChildren();
    loras.forEach((lora) => this.add(lora));
    this.changed();
  }
}

export async function startLoras(place, { props, watch }) {
  const catalogue = await ask("catalogue");
  if (!Object.keys(catalogue.loras).length) return;
  const loras = new Loras(place, catalogue);
  window.zeroconv = { ...window.zeroconv, loras };
  watch("value", () => { if (props.value) loras.load(JSON.parse(props.value).loras); });
}
