// The ranking of one group of pictures under one question.

class Ranking {
  constructor(screen, store, next, back) {
    Object.assign(this, { screen, store, next, back });
    this.place = `${screen.task}|${screen.question}`;
    this.ranks = { ...(store.state.drafts[this.place] ?? store.answerTo(screen) ?? {}) };
    this.count = screen.order.length;
    this.cards = screen.order.map((item, index) => this.card(item, index));
  }

  show() {
    const { ask, best, worst } = this.screen.about;
    const ties = study.ties ? "Pictures may share a rank." : "No two pictures share a rank.";
    const top = [
      element("h1", {}, ask),
      element("p", { className: "soft" }, `Give each picture a rank: ${this.count} for the one that ${best}, 1 for the one that ${worst}. ${ties}`),
    ];
    const bar = [backButton(this.back), messagePlace(), button("Next", () => this.finish(), "main")];
    const hints = keys([["1", "…", `${this.count}`], "rank"], [["←", "→"], "move"], [["Space"], "enlarge"], [["Enter"], "next"],
      [["Backspace"], "back"]);
    show([...top, ...this.guide(), element("div", { className: "cards" }, ...this.cards), hints], { bar });
    this.update();
    this.cards[0].focus({ preventScroll: true });
  }

  guide() {
    const { guide, prompt } = this.screen;
    if (!this.screen.about.needs_condition) return [];
    const words = prompt ? element("p", {}, element("span", { className: "soft" }, "and these words: "), prompt) : null;
    const text = element("div", {}, element("p", { className: "soft" }, "Every picture was to follow this guide"), words);
    return [element("div", { className: "guide" }, element("figure", {}, enlargeable(guide, "the guide")), text)];
  }

  card(item, index) {
    const name = `Picture ${this.letter(index)}`;
    const ranks = Array.from({ length: this.count }, (_, at) => {
      const choice = button(`${at + 1}`, () => { this.cards[index].focus(); this.give(index, at + 1); });
      return Object.assign(choice, { tabIndex: -1 });
    });
    const title = element("div", { className: "name" }, element("span", {}, name), element("b"));
    return element("div", { className: "card", tabIndex: 0, role: "group", "aria-label": name },
      title, enlargeable(item, name, -1), element("div", { className: "ranks" }, ...ranks));
  }

  letter(index) { return String.fromCharCode(65 + index); }

  // A rank that another picture has moves here, so that no two are ever the same.
  give(index, rank) {
    const { order } = this.screen;
    const item = order[index];
    const holder = study.ties ? -1 : order.findIndex((other) => other !== item && this.ranks[other] === rank);
    say("");
    if (this.ranks[item] === rank) delete this.ranks[item];
    else this.ranks[item] = rank;
    if (holder >= 0) {
      delete this.ranks[order[holder]];
      say(`Rank ${rank} is picture ${this.letter(index)}'s now; picture ${this.letter(holder)} needs another.`);
    }
    this.store.state.drafts[this.place] = this.ranks;
    this.store.save();
    this.update();
  }

  update() {
    this.screen.order.forEach((item, index) => {
      const rank = this.ranks[item], card = this.cards[index];
      card.classList.toggle("ranked", rank !== undefined);
      card.querySelector("b").textContent = rank === undefined ? "" : `rank ${rank}`;
      card.setAttribute("aria-label", `Picture ${this.letter(index)}, ${rank === undefined ? "no rank yet" : `rank ${rank}`}`);
      card.querySelectorAll(".ranks button").forEach((choice, at) => choice.setAttribute("aria-pressed", rank === at + 1));
    });
  }

  missing() {
    return this.screen.order.map((item, index) => (this.ranks[item] === undefined ? index : -1)).filter((index) => index >= 0);
  }

  finish() {
    const missing = this.missing();
    if (missing.length) {
      const names = missing.map((index) => this.letter(index)).join(", ");
      say(missing.length > 1 ? `Pictures ${names} have no rank yet.` : `Picture ${names} has no rank yet.`, true);
      this.cards[missing[0]].focus();
      return;
    }
    delete this.store.state.drafts[this.place];
    this.next(Object.fromEntries(this.screen.order.map((item) => [item, this.ranks[item]])));
  }

  key(event) {
    const at = Math.max(0, this.cards.findIndex((card) => card.contains(document.activeElement)));
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (/^[1-9]$/.test(event.key) && Number(event.key) <= this.count) {
      this.give(at, Number(event.key));
      const [unranked] = [...this.missing().filter((index) => index > at), ...this.missing()];
      if (this.ranks[this.screen.order[at]] !== undefined && unranked !== undefined) this.cards[unranked].focus();
    } else if (step) this.cards[(at + step + this.count) % this.count].focus();
    else if (event.key === " ") enlarge(this.screen.order[at], `Picture ${this.letter(at)}`);
    else if (event.key === "Enter") this.finish();
    else return false;
    return true;
  }
}
