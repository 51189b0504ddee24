"use strict";
// The page works without this: it sorts, filters and hides what is there, lists the samples and draws structures.
// Text of strangers is only ever put in as text.

const make = (tag, text = "", css = "") => {
  const node = document.createElement(tag);
  node.textContent = text;
  if (css) node.className = css;
  return node;
};
const button = (text, act) => {
  const node = make("button", text);
  node.type = "button";
  node.addEventListener("click", act);
  return node;
};
const search = (hint, act) => {
  const node = make("input");
  node.type = "search";
  node.placeholder = hint;
  node.setAttribute("aria-label", hint);
  node.addEventListener("input", () => act(node.value.trim().toLowerCase()));
  return node;
};
const choice = (hint, options, act) => {
  const node = make("select");
  node.setAttribute("aria-label", hint);
  options.forEach((text, i) => node.append(Object.assign(make("option", text), { value: i })));
  node.addEventListener("change", () => act(Number(node.value)));
  return node;
};

// --- the table of results: sort, filter, hide columns

function results(table) {
  const heads = [...table.tHead.rows[0].cells];
  const rows = [...table.querySelectorAll("tbody tr:not(.heading)")];
  const order = new Map(rows.map((row, i) => [row, i]));
  heads.slice(1).forEach((head, i) => {
    const sort = button("", () => {
      const now = { none: "descending", descending: "ascending", ascending: "none" }[head.ariaSort || "none"];
      heads.forEach((other) => (other.ariaSort = other === head ? now : "none"));
      const key = (row) => (now === "none" ? order.get(row) : Number(row.cells[i + 1].dataset.value || NaN));
      const sign = now === "descending" ? -1 : 1;
      for (const body of table.tBodies) {
        const own = [...body.querySelectorAll("tr:not(.heading)")];
        own.sort((a, b) => Number.isNaN(key(a)) - Number.isNaN(key(b)) || sign * (key(a) - key(b)) || order.get(a) - order.get(b));
        body.append(...own);
      }
    });
    sort.className = "sort";
    sort.title = head.title;
    sort.append(...head.childNodes);
    head.append(sort);
    head.ariaSort = "none";
  });

  const bar = make("div", "", "tools");
  bar.append(search("Filter generators", (words) => {
    rows.forEach((row) => (row.hidden = !row.cells[0].textContent.toLowerCase().includes(words)));
    for (const body of table.tBodies) body.hidden = [...body.rows].slice(1).every((row) => row.hidden);
  }));
  const columns = make("details", "", "columns");
  columns.append(make("summary", "Columns"));
  const list = make("div");
  const more = document.getElementById("more");
  heads.slice(1).forEach((head, i) => {
    const box = Object.assign(make("input"), { type: "checkbox", checked: !head.classList.contains("more") });
    box.addEventListener("change", () => {
      for (const row of table.rows) {
        const cell = row.cells[i + 1];
        if (cell) cell.classList.remove("more"), (cell.hidden = !box.checked);
      }
    });
    const group = head.querySelector(".group");
    const name = [group && group.textContent, head.dataset.title].filter(Boolean).join(": ");
    const label = make("label");
    label.append(box, " " + name);
    list.append(label);
  });
  columns.append(list);
  bar.append(columns);
  if (more) {
    document.querySelector("label[for=more]").remove();
    more.remove();
    table.querySelectorAll(".more").forEach((cell) => (cell.hidden = true));
  }
  table.closest(".scroll").before(bar);
}

// --- distributions: one generator at a time

function chooser(section) {
  const figures = [...section.querySelectorAll("[data-generator]")];
  if (figures.length < 2) return;
  const show = (chosen) => figures.forEach((figure, i) => (figure.hidden = i !== chosen));
  const at = figures.findIndex((figure) => figure.dataset.kind === "measured");
  const select = choice("Generator", figures.map((figure) => figure.dataset.generator), show);
  select.value = Math.max(0, at);
  show(Math.max(0, at));
  const tools = make("div", "", "tools");
  tools.append(select);
  section.querySelector("h2").after(tools);
}

// --- samples

const PAGE = 25;
const SHOWN = {
  "all samples": () => true,
  "novel": (s) => s.label && s.known === 0,
  "in training": (s) => s.known > 0,
  "new prototype": (s) => s.label && s.prototypes === 0,
  "invalid": (s) => !s.label,
  "with structure": (s) => s.structure,
};

function unpack(data, row) {
  return row.samples.split("\n").map((line, place) => {
    const cut = line.indexOf(" ");
    if (line[0] === "!") return { place, reason: line.slice(1, cut), detail: line.slice(cut + 1) };
    const [part, prototype, prototypes] = data.parts[Number(line.slice(0, cut))];
    const elements = line.slice(cut + 1).split("-");
    const amounts = [...part.split("_")[0].matchAll(/[A-Z](\d*)/g)].map((match) => match[1]);
    return {
      place,
      label: `${part}:${elements.join("-")}`,
      formula: elements.map((element, i) => [element, amounts[i]]),
      prototype: prototype || part,
      prototypes,
      known: row.known && (row.known[place] || 0),
      structure: row.structures[place],
    };
  });
}

function samples(section, data) {
  symbols = data.symbols;
  const heads = ["", "Formula", "Protostructure", "Prototype", "in training", "prototype in training", ""];
  const start = Math.max(0, data.rows.findIndex((row) => row.kind === "measured"));
  const state = { row: start, words: "", shown: 0, page: 0 };
  const cache = new Map();
  const table = make("table", "", "browse");
  const line = table.createTHead().insertRow();
  heads.forEach((text) => line.append(Object.assign(make("th", text), { scope: "col" })));
  const body = table.createTBody();
  const count = make("p", "", "legend");
  count.setAttribute("aria-live", "polite");
  const pager = make("div", "", "tools");
  const back = button("‹ back", () => turn(-1));
  const next = button("next ›", () => turn(1));
  pager.append(back, next);

  function turn(step) {
    state.page += step;
    draw();
  }
  function set(change) {
    Object.assign(state, change, { page: 0 });
    draw();
  }
  function draw() {
    const row = data.rows[state.row];
    if (!cache.has(state.row)) cache.set(state.row, unpack(data, row));
    const all = cache.get(state.row);
    const wanted = Object.values(SHOWN)[state.shown];
    const found = all.filter((s) => wanted(s) && (!state.words || text(s).includes(state.words)));
    const first = state.page * PAGE;
    body.replaceChildren(...found.slice(first, first + PAGE).map(cells));
    back.disabled = first === 0;
    next.disabled = first + PAGE >= found.length;
    const of = all.length < row.of ? ` (of ${row.of.toLocaleString("en")}; the folder of the run holds all)` : "";
    count.textContent = `${found.length.toLocaleString("en")} of ${all.length.toLocaleString("en")} samples${of}`
      + (found.length ? `, ${first + 1} to ${Math.min(first + PAGE, found.length)} shown` : "");
  }
  function text(s) {
    return (s.label ? `${s.label} ${s.prototype} ${s.formula.flat().join("")}` : `${s.reason} ${s.detail}`).toLowerCase();
  }
  function cells(s) {
    const tr = make("tr");
    tr.append(make("td", String(s.place)));
    if (!s.label) {
      const why = make("td", `${s.reason}${s.detail ? ": " + s.detail : ""}`, "failed left");
      why.colSpan = heads.length - 1;
      tr.append(why);
      return tr;
    }
    const formula = make("td", "", "left");
    s.formula.forEach(([element, n]) => formula.append(element, ...(n ? [make("sub", n)] : [])));
    const times = (n, zero) => make("td", n === null ? "–" : n === 0 ? zero : `${n.toLocaleString("en")} ×`, n === 0 ? "novel" : "");
    tr.append(formula, make("td", s.label, "left code"), make("td", s.prototype, "left code"), times(s.known, "novel"), times(s.prototypes, "new"));
    const view = make("td");
    const words = { title: `Sample ${s.place}`, label: s.label, origin: "as the generator gave them" };
    if (s.structure) view.append(button("view", () => viewer(s.structure, words)));
    tr.append(view);
    return tr;
  }

  const tools = make("div", "", "tools");
  const generator = choice("Generator", data.rows.map((row) => row.title), (row) => set({ row }));
  generator.value = start;
  tools.append(
    generator,
    choice("Which samples", Object.keys(SHOWN), (shown) => set({ shown })),
    search("Filter: formula, label, prototype, reason", (words) => set({ words })),
  );
  const scroll = make("div", "", "scroll");
  scroll.tabIndex = 0;
  scroll.append(table);
  section.append(tools, scroll, count, pager);
  section.hidden = false;
  draw();
}

// --- one structure, turned with pointer or arrow keys

const COLOURS = ["#d1495b", "#3c78b4", "#e08e2b", "#4f9d69", "#7a5aa6", "#a0662f", "#c2629f", "#6d7f2c"];
let symbols = [];
const PERIODS = [2, 10, 18, 36, 54, 86, 118];

function viewer(structure, words) {
  const [cell, numbers, coords] = structure;
  const vectors = [0, 3, 6].map((i) => cell.slice(i, i + 3));
  const at = (f) => [0, 1, 2].map((k) => f[0] * vectors[0][k] + f[1] * vectors[1][k] + f[2] * vectors[2][k]);
  const middle = at([0.5, 0.5, 0.5]);
  const kinds = [...new Set(numbers)].sort((a, b) => a - b);
  const atoms = [];
  numbers.forEach((number, i) => {
    const inside = coords.slice(3 * i, 3 * i + 3).map((x) => ((x % 1) + 1) % 1);
    const images = inside.map((x) => (x < 0.001 ? [x, x + 1] : x > 0.999 ? [x, x - 1] : [x]));
    for (const a of images[0]) for (const b of images[1]) for (const c of images[2])
      atoms.push({ kind: kinds.indexOf(number), radius: 0.42 + 0.08 * PERIODS.findIndex((end) => number <= end), xyz: at([a, b, c]) });
  });
  const corners = [0, 1, 2, 3, 4, 5, 6, 7].map((i) => at([i & 1, (i >> 1) & 1, (i >> 2) & 1]));
  const edges = [];
  for (let i = 0; i < 8; i++) for (const bit of [1, 2, 4]) if (!(i & bit)) edges.push([i, i | bit]);
  const reach = Math.max(...corners.map((c) => Math.hypot(...c.map((x, k) => x - middle[k])))) + 1;

  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("viewBox", "-200 -200 400 400");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", `Structure of ${words.title}, ${words.label}`);
  svg.tabIndex = 0;
  const angle = { x: -0.35, y: 0.6 };
  const turned = (p) => {
    const [x, y, z] = p.map((value, k) => (value - middle[k]) * (185 / reach));
    const [sx, cx, sy, cy] = [Math.sin(angle.x), Math.cos(angle.x), Math.sin(angle.y), Math.cos(angle.y)];
    const [u, w] = [cy * x + sy * y, -sy * x + cy * y];
    return [u, -(cx * z - sx * w), sx * z + cx * w];
  };
  function draw() {
    const ends = corners.map(turned);
    const lines = edges.map(([i, j]) => shape("line", { x1: ends[i][0], y1: ends[i][1], x2: ends[j][0], y2: ends[j][1], class: "axis" }));
    const balls = atoms.map((atom) => [turned(atom.xyz), atom]).sort((a, b) => b[0][2] - a[0][2]).map(([[x, y], atom]) =>
      shape("circle", { cx: x, cy: y, r: atom.radius * (185 / reach), fill: COLOURS[atom.kind % COLOURS.length], class: "atom" }));
    svg.replaceChildren(...lines, ...balls);
  }
  function shape(tag, attributes) {
    const node = document.createElementNS(space, tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, typeof value === "number" ? value.toFixed(1) : value);
    return node;
  }
  const turn = (dx, dy) => {
    angle.y += dx / 120;
    angle.x += dy / 120;
    draw();
  };
  svg.addEventListener("pointerdown", (event) => svg.setPointerCapture(event.pointerId));
  svg.addEventListener("pointermove", (event) => event.buttons && turn(event.movementX, event.movementY));
  svg.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: [-12, 0], ArrowRight: [12, 0], ArrowUp: [0, -12], ArrowDown: [0, 12] }[event.key];
    if (step) event.preventDefault(), turn(...step);
  });
  draw();

  const dialog = make("dialog");
  const key = make("p", "", "key");
  kinds.forEach((number, i) => {
    const dot = make("i");
    dot.style.background = COLOURS[i % COLOURS.length];
    const item = make("span");
    item.append(dot, symbols[number - 1]);
    key.append(item);
  });
  const lengths = vectors.map((v) => Math.hypot(...v).toFixed(2)).join(", ");
  dialog.append(
    make("h2", words.title), make("p", words.label, "code"), svg, key,
    make("p", `${numbers.length} ${numbers.length === 1 ? "atom" : "atoms"} ${words.origin}; edges ${lengths} Å. Drag or use the arrow keys to turn.`, "legend"),
    button("close", () => dialog.close()),
  );
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

// --- materials: a button for the structure of each row

function crystals(script) {
  const data = JSON.parse(script.textContent);
  symbols = data.symbols;
  const table = script.parentElement.querySelector("table");
  table.tHead.rows[0].append(Object.assign(make("th", "structure"), { scope: "col" }));
  data.crystals.forEach((structure, i) => {
    const cell = make("td");
    const words = { title: `Material ${i + 1}`, label: data.labels[i], origin: "after relaxation" };
    if (structure) cell.append(button("view", () => viewer(structure, words)));
    table.tBodies[0].rows[i].append(cell);
  });
}

// --- start

const table = document.querySelector("table.results");
if (table) results(table);
document.querySelectorAll("section.choose").forEach(chooser);
document.querySelectorAll("script.crystals").forEach(crystals);
const given = document.getElementById("samples-data");
if (given) samples(document.getElementById("samples"), JSON.parse(given.textContent));
