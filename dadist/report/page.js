"use strict";

// Tables: a click on a title sorts by it, a second one the other way round. Empty cells stay last.
for (const table of document.querySelectorAll("table")) {
  const heads = [...table.querySelectorAll("thead th")];
  heads.forEach((head, column) => {
    const button = head.querySelector("button");
    if (!button) return;
    button.addEventListener("click", () => {
      const number = head.classList.contains("number");
      const first = number ? "descending" : "ascending";
      const second = number ? "ascending" : "descending";
      const order = head.getAttribute("aria-sort") === first ? second : first;
      heads.forEach((other) => other.hasAttribute("aria-sort") && other.setAttribute("aria-sort", "none"));
      head.setAttribute("aria-sort", order);
      const value = (row) => row.cells[column].dataset.value ?? "";
      const sign = order === "ascending" ? 1 : -1;
      const rows = [...table.tBodies[0].rows].sort((a, b) => {
        const [x, y] = [value(a), value(b)];
        if (x === "" || y === "") return (x === "") - (y === "");
        return sign * (number ? Number(x) - Number(y) : x.localeCompare(y, "en", { numeric: true }));
      });
      table.tBodies[0].append(...rows);
    });
  });
}

// Light or dark: what the system has, until the button says otherwise.
const button = document.getElementById("theme");
const system = window.matchMedia("(prefers-color-scheme: dark)");
const show = (dark) => button.setAttribute("aria-pressed", String(dark));
show(system.matches);
system.addEventListener("change", (event) => document.documentElement.dataset.theme || show(event.matches));
button.addEventListener("click", () => {
  const dark = button.getAttribute("aria-pressed") !== "true";
  document.documentElement.dataset.theme = dark ? "dark" : "light";
  show(dark);
});

// What is wider than its frame: a line above says so, and the side with more fades out.
for (const frame of document.querySelectorAll(".scroll, .frame")) {
  const cue = document.createElement("p");
  cue.className = "cue";
  cue.textContent = "Wider than the screen: scroll sideways \u2194";
  frame.before(cue);
  const look = () => {
    const over = frame.scrollWidth - frame.clientWidth;
    cue.hidden = over <= 1;
    frame.classList.toggle("more-left", frame.scrollLeft > 1);
    frame.classList.toggle("more-right", over - frame.scrollLeft > 1);
  };
  frame.addEventListener("scroll", look, { passive: true });
  new ResizeObserver(look).observe(frame);
}

// Pictures: a click opens one large; the arrows go through those of its figure, Escape and a click beside end it.
const large = document.getElementById("large");
let figure = [];
let at = 0;
const put = (index) => {
  at = (index + figure.length) % figure.length;
  const picture = figure[at].querySelector("img");
  large.querySelector("img")?.remove();
  large.append(picture.cloneNode());
  document.getElementById("large-title").textContent = `${picture.alt} (${at + 1} of ${figure.length})`;
};
for (const group of document.querySelectorAll(".pictures")) {
  const mine = [...group.querySelectorAll("button")];
  mine.forEach((one, index) => one.addEventListener("click", () => {
    figure = mine;
    put(index);
    large.showModal();
  }));
}
for (const step of large.querySelectorAll("[data-step]")) {
  step.addEventListener("click", () => put(at + Number(step.dataset.step)));
}
large.addEventListener("keydown", (event) => {
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (step) put(at + step);
});
large.addEventListener("click", (event) => event.target.closest("[data-step]") || large.close());
large.addEventListener("close", () => large.querySelector("img")?.remove());
