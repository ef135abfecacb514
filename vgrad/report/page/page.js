"use strict";
// Everything is drawn from the JSON in #data: {runs: [{label, hidden, units, epochs, probes, neurons, metrics}], norms}.
// probes[name][i][l - 1] belongs to epochs[i]; neurons[epoch][l - 1] are the mean deltas of hidden layer l.

const data = JSON.parse(document.getElementById("data").textContent);
const SVG = "http://www.w3.org/2000/svg";
const byId = (id) => document.getElementById(id);
const dark = window.matchMedia("(prefers-color-scheme: dark)");
const VIRIDIS = [[68, 1, 84], [72, 40, 120], [62, 73, 137], [49, 104, 142], [38, 130, 142], [31, 158, 137],
  [53, 183, 121], [110, 206, 88], [181, 222, 43], [253, 231, 37]];
const DASHES = ["", "6 2", "5 2 1 2", "2 2"];
const state = { a: data.pair[0], b: data.pair[1], epoch: 0, log: true, norm: data.norms[0], timer: null };

function element(name, attributes, children = []) {
  const made = SVG_NAMES.has(name) ? document.createElementNS(SVG, name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}
const SVG_NAMES = new Set(["svg", "path", "line", "rect", "circle", "text", "g", "title"]);

function shade(t) {
  const x = Math.max(0, Math.min(1, t)) * (VIRIDIS.length - 1);
  const i = Math.min(Math.floor(x), VIRIDIS.length - 2);
  const mixed = VIRIDIS[i].map((low, k) => Math.round(low + (x - i) * (VIRIDIS[i + 1][k] - low)));
  return `rgb(${mixed.join(",")})`;
}

function colour(index, count) {
  const t = index / Math.max(count - 1, 1);
  return shade(dark.matches ? 0.3 + 0.7 * t : 0.82 * t);
}

function short(x) {
  if (x === null || x === undefined) return "–";
  const rounded = Number(x.toPrecision(3));
  return x !== 0 && (Math.abs(x) < 1e-3 || Math.abs(x) >= 1e5) ? rounded.toExponential() : String(rounded);
}

// Sorting.

function sortBy(header) {
  const body = header.closest("table").tBodies[0];
  const column = header.cellIndex;
  const down = header.getAttribute("aria-sort") === "ascending";
  for (const other of header.parentNode.cells) other.removeAttribute("aria-sort");
  header.setAttribute("aria-sort", down ? "descending" : "ascending");
  const rank = (row) => row.cells[column].dataset.rank;
  const rows = [...body.rows].sort((one, other) => {
    const [x, y] = [rank(one), rank(other)];
    if (x === undefined || y === undefined) return (x === undefined) - (y === undefined); // without a value: last
    const byNumber = Number(x) - Number(y);
    const order = Number.isNaN(byNumber) ? x.localeCompare(y) : byNumber;
    return down ? -order : order;
  });
  body.append(...rows);
}

// The axes that both panels share, so that they can be compared.

function shown() {
  return [state.a, state.b].filter((index) => index !== null).map((index) => data.runs[index]);
}

function range() {
  const values = shown().flatMap((run) => (run.probes[state.norm] || []).flatMap((row) => row.slice(0, run.hidden)));
  const usable = values.filter((x) => x !== null && x > 0);
  const high = usable.reduce((x, y) => Math.max(x, y), 1e-300);
  return { low: state.log ? usable.reduce((x, y) => Math.min(x, y), high) : 0, high };
}

function scaled(x, { low, high }) {
  if (x === null || x === undefined) return null;
  if (!state.log) return x / high;
  if (x <= 0) return 0;
  const bottom = Math.floor(Math.log10(low) - 1e-9);
  const top = Math.max(Math.ceil(Math.log10(high)), bottom + 1);
  return (Math.log10(x) - bottom) / (top - bottom);
}

function ticks(limits) {
  if (!state.log) return [0, 0.25, 0.5, 0.75, 1].map((part) => part * limits.high);
  const [bottom, top] = [Math.floor(Math.log10(limits.low) - 1e-9), Math.ceil(Math.log10(limits.high))];
  const step = Math.max(1, Math.ceil((top - bottom) / 6));
  return Array.from({ length: Math.floor((top - bottom) / step) + 1 }, (_, k) => 10 ** (bottom + k * step));
}

// One run: curves, heat map, network, numbers.

const W = 440, H = 240, LEFT = 62, RIGHT = 34, BOTTOM = 34, TOP = 10;
const across = (epoch, last) => LEFT + (W - LEFT - RIGHT) * (last ? epoch / last : 0);
const upwards = (part) => H - BOTTOM - (H - BOTTOM - TOP) * part;

// Why there is nothing to draw; empty where there is.

function missing(run) {
  const rows = run.probes[state.norm];
  if (!run.hidden) return "no hidden layer, so no norm of one";
  if (!rows) return `${state.norm} is not recorded`;
  return rows.flat().some((x) => x) ? "" : "every norm is 0";
}

function curves(run, limits, last) {
  const svg = element("svg", { viewBox: `0 0 ${W} ${H}`, role: "img",
    "aria-label": `${run.label}: ${state.norm} of each hidden layer over epochs; the numbers are in the table below` });
  for (const tick of missing(run) ? [] : ticks(limits)) {
    const y = upwards(scaled(tick, limits));
    svg.append(element("line", { class: "grid", x1: LEFT, x2: W - RIGHT, y1: y, y2: y }));
    svg.append(element("text", { x: LEFT - 6, y: y + 4, "text-anchor": "end" }, [tick ? short(tick) : "0"]));
  }
  for (const epoch of [0, Math.round(last / 2), last]) {
    svg.append(element("text", { x: across(epoch, last), y: H - 16, "text-anchor": "middle" }, [String(epoch)]));
  }
  svg.append(element("text", { x: (LEFT + W) / 2, y: H - 2, "text-anchor": "middle" }, ["epoch"]));
  const rows = run.probes[state.norm] || [];
  svg.append(element("text", { x: (LEFT + W) / 2, y: H / 2, "text-anchor": "middle" }, [missing(run)]));
  for (let layer = 0; layer < run.hidden; layer++) {
    let path = "";
    const at = (i) => (rows[i] ? scaled(rows[i][layer], limits) : null);
    rows.forEach((row, i) => {
      if (at(i) === null) return;
      const x = across(run.epochs[i], last).toFixed(1), y = upwards(at(i)).toFixed(1);
      path += `${at(i - 1) === null ? "M" : "L"}${x} ${y}`;
      if (at(i - 1) === null && at(i + 1) === null) {
        svg.append(element("circle", { cx: x, cy: y, r: 3.5, fill: colour(layer, run.hidden) }));
      }
    });
    svg.append(element("path", { d: path || "M0 0", fill: "none", stroke: colour(layer, run.hidden),
      "stroke-width": 2, "stroke-dasharray": DASHES[layer % DASHES.length] }));
  }
  svg.append(...ends(run, rows, limits, last));
  svg.append(element("line", { class: "cursor", y1: TOP, y2: H - BOTTOM, x1: LEFT, x2: LEFT }));
  return svg;
}

// The numbers of the layers at the right ends of their lines, moved apart where they would touch.

function ends(run, rows, limits, last) {
  const found = [];
  for (let layer = 0; layer < run.hidden; layer++) {
    let i = rows.length - 1;
    while (i >= 0 && scaled(rows[i][layer], limits) === null) i--;
    if (i >= 0) found.push({ layer, x: across(run.epochs[i], last), y: upwards(scaled(rows[i][layer], limits)) });
  }
  found.sort((one, other) => one.y - other.y);
  const gap = Math.min(12, (H - BOTTOM - TOP) / Math.max(found.length, 1));
  if (gap < 7) return [];  // so many cannot be told apart: the heat map below tells them
  found.forEach((end, k) => { if (k && end.y < found[k - 1].y + gap) end.y = found[k - 1].y + gap; });
  const over = found.length ? Math.max(0, found[found.length - 1].y - (H - BOTTOM)) : 0;
  for (let k = found.length - 1, floor = H - BOTTOM; over && k >= 0; k--, floor -= gap) {
    found[k].y = Math.min(found[k].y, floor);
  }
  return found.map(({ layer, x, y }) => element("text", { class: "end", x: x + 5, y: y + 4,
    fill: colour(layer, run.hidden) }, [`${layer + 1}`]));
}

// How often the network is right, on the same epochs.

const SMALL = 96;

function accuracy(run, last) {
  const name = ["validation_accuracy", "test_accuracy", "train_accuracy"].find((each) => run.metrics[each]);
  if (!name) return null;
  const svg = element("svg", { viewBox: `0 0 ${W} ${SMALL}`, role: "img",
    "aria-label": `${run.label}: ${name.replaceAll("_", " ")} over epochs; the numbers are in the table below` });
  const up = (part) => SMALL - 10 - (SMALL - 20) * part;
  for (const part of [0, 0.5, 1]) {
    svg.append(element("line", { class: "grid", x1: LEFT, x2: W - RIGHT, y1: up(part), y2: up(part) }));
    svg.append(element("text", { x: LEFT - 6, y: up(part) + 4, "text-anchor": "end" }, [`${100 * part} %`]));
  }
  const points = run.metrics[name].map((value, epoch) => [epoch, value]).filter(([, value]) => value !== null);
  const path = points.map(([epoch, value], k) => `${k ? "L" : "M"}${across(epoch, last).toFixed(1)} ${up(value).toFixed(1)}`);
  svg.append(element("path", { class: "accuracy", d: path.join("") || "M0 0" }));
  svg.append(element("line", { class: "cursor", y1: 10, y2: SMALL - 10, x1: LEFT, x2: LEFT }));
  return [svg, name.replaceAll("_", " ")];
}

function heatmap(run, limits) {
  const rows = run.probes[state.norm] || [];
  const canvas = element("canvas", { width: Math.max(rows.length, 1), height: Math.max(run.hidden, 1), role: "img",
    "aria-label": `${run.label}: layer by epoch, ${state.norm}, dark is small; layer 1 at the bottom` });
  const pen = canvas.getContext("2d");
  rows.forEach((row, i) => {
    for (let layer = 0; layer < run.hidden; layer++) {
      const part = scaled(row[layer], limits);
      if (part === null) continue;
      pen.fillStyle = shade(part);
      pen.fillRect(i, run.hidden - 1 - layer, 1, 1);
    }
  });
  return canvas;
}

function network(run) {
  const step = 46;
  const svg = element("svg", { class: "network", viewBox: `0 0 ${W} ${run.hidden * step + 4}`, role: "img",
    "aria-label": `${run.label}: a bar for each hidden layer and, where recorded, for each neuron` });
  for (let layer = 0; layer < run.hidden; layer++) {
    const y = (run.hidden - 1 - layer) * step + 4;
    svg.append(element("text", { x: 0, y: y + 16 }, [`layer ${layer + 1}`]));
    svg.append(element("rect", { class: "frame", x: LEFT, y, width: 140, height: 36 }));
    svg.append(element("rect", { class: "bar", "data-layer": layer + 1, x: LEFT, y, width: 0, height: 36,
      fill: colour(layer, run.hidden) }));
    svg.append(element("text", { class: "ratio", x: 0, y: y + 32 }));
    svg.append(element("g", { class: "neurons", "data-layer": layer + 1 }));
  }
  return svg;
}

function fillNeurons(svg, run) {
  const recorded = Object.keys(run.neurons).map(Number).filter((epoch) => epoch <= state.epoch);
  const epoch = recorded.length ? Math.max(...recorded) : null;
  const layers = epoch === null ? [] : run.neurons[epoch];
  const high = Math.max(1e-300, ...layers.flat().map(Math.abs));
  const positive = layers.flat().map(Math.abs).filter((x) => x > 0);
  const limits = { high, low: positive.length ? Math.min(...positive) : high };
  svg.querySelectorAll(".neurons").forEach((place) => {
    const layer = Number(place.dataset.layer) - 1;
    const values = layers[layer] || [];
    const y = (run.hidden - 1 - layer) * 46 + 4, width = (W - 12 - 214) / Math.max(values.length, 1);
    place.replaceChildren(...values.map((value, j) => {
      const tall = 36 * Math.max(0, Math.min(1, scaled(Math.abs(value), limits) || 0));
      return element("rect", { "data-neuron": j + 1, "data-value": value, x: 214 + j * width, y: y + 36 - tall,
        width: width * 0.85, height: tall, fill: colour(layer, run.hidden) },
      [element("title", {}, [`layer ${layer + 1}, neuron ${j + 1}: ${short(value)}`])]);
    }));
  });
  return epoch;
}

function numbers(run) {
  const metrics = Object.keys(run.metrics);
  const head = element("tr", {}, [element("th", { scope: "col" }, ["layer"]),
    element("th", { scope: "col", class: "number" }, ["neurons"]),
    element("th", { scope: "col", class: "number" }, [state.norm.replaceAll("_", " ")])]);
  const rows = Array.from({ length: run.hidden }, (_, layer) => element("tr", {}, [
    element("th", { scope: "row" }, [String(layer + 1)]), element("td", { class: "number" }, [String(run.units[layer])]),
    element("td", { class: "number norm" })]));
  const scores = metrics.map((name) => element("tr", {}, [
    element("th", { scope: "row", colspan: 2 }, [name.replaceAll("_", " ")]),
    element("td", { class: "number", "data-metric": name })]));
  return element("table", {}, [element("thead", {}, [head]), element("tbody", {}, [...rows, ...scores])]);
}

function draw(panel, index) {
  panel.hidden = index === null;
  panel.replaceChildren();
  if (index === null) return;
  const run = data.runs[index], limits = range();
  const last = Math.max(...shown().flatMap((each) => each.epochs), 1);
  const figure = (drawing, caption) =>
    element("figure", {}, [drawing, element("figcaption", {}, [caption])]);
  panel.append(element("h3", {}, [run.label]),
    figure(curves(run, limits, last), "the norm of each hidden layer over epochs"));
  const right = accuracy(run, last);
  if (right) panel.append(figure(...right));
  if (run.hidden) panel.append(
    figure(heatmap(run, limits), "layer × epoch: layer 1 at the bottom, dark is small"),
    figure(network(run), ""));
  panel.append(
    element("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": `numbers of ${run.label}` },
      [numbers(run)]));
  follow(panel, index);
}

// Moving to an epoch changes bars and numbers and the cursor; curves stay.

function follow(panel, index) {
  if (index === null) return;
  const run = data.runs[index], limits = range();
  const last = Math.max(...shown().flatMap((each) => each.epochs), 1);
  let i = 0;
  while (i + 1 < run.epochs.length && run.epochs[i + 1] <= state.epoch) i++;
  const row = (run.probes[state.norm] || [])[i] || [];
  const x = across(Math.min(state.epoch, last), last);
  for (const cursor of panel.querySelectorAll(".cursor")) {
    cursor.setAttribute("x1", x);
    cursor.setAttribute("x2", x);
  }
  panel.querySelectorAll(".bar").forEach((bar, layer) => {
    const value = row[layer] ?? null;
    bar.setAttribute("width", 140 * Math.max(0, Math.min(1, scaled(value, limits) || 0)));
    bar.setAttribute("data-value", value);
    bar.setAttribute("data-epoch", run.epochs[i]);
  });
  const lastNorm = row[run.hidden - 1];
  panel.querySelectorAll(".ratio").forEach((place, layer) => {
    const value = row[layer];
    place.textContent = !value || !lastNorm ? "" : layer === run.hidden - 1 ? "" : `÷ ${short(lastNorm / value)}`;
  });
  panel.querySelectorAll(".norm").forEach((cell, layer) => { cell.textContent = short(row[layer]); });
  panel.querySelectorAll("[data-metric]").forEach((cell) => {
    cell.textContent = short(run.metrics[cell.dataset.metric][state.epoch]);
  });
  if (!run.hidden) return;
  const drawing = panel.querySelector(".network"), epoch = fillNeurons(drawing, run);
  const scale = state.log ? `log, from ${short(10 ** Math.floor(Math.log10(limits.low) - 1e-9))}` : "linear, from 0";
  const top = state.log ? 10 ** Math.ceil(Math.log10(limits.high)) : limits.high;
  drawing.parentNode.querySelector("figcaption").textContent =
    `left: the norm of each layer (${scale} to ${short(top)}) and by how much it is below the last one's; right: ` +
    (epoch === null ? "neurons, none recorded up to this epoch" : `|mean delta| of each neuron at epoch ${epoch}`);
}

const panels = () => [[byId("panel-a"), state.a], [byId("panel-b"), state.b]];

function redraw() {
  const last = Math.max(...shown().flatMap((run) => run.epochs), 0);
  byId("epoch").max = last;
  byId("recorded").replaceChildren(...recorded().map((epoch) => element("option", { value: epoch })));
  state.epoch = Math.min(state.epoch, last);
  for (const [panel, index] of panels()) draw(panel, index);
  move(state.epoch);
}

// Epochs at which neurons of a shown run were recorded; the slider stays at one that is near.

function recorded() {
  return [...new Set(shown().flatMap((run) => Object.keys(run.neurons).map(Number)))].sort((x, y) => x - y);
}

function snapped(epoch) {
  const near = Math.max(1, 0.02 * Number(byId("epoch").max));
  const best = recorded().filter((each) => Math.abs(each - epoch) <= near)
    .sort((x, y) => Math.abs(x - epoch) - Math.abs(y - epoch))[0];
  return best === undefined || recorded().length > 0.2 * Number(byId("epoch").max) ? epoch : best;
}

function move(epoch) {
  state.epoch = epoch;
  byId("epoch").value = epoch;
  byId("at").textContent = epoch;
  for (const [panel, index] of panels()) follow(panel, index);
}

function play(on) {
  clearInterval(state.timer);
  state.timer = on ? setInterval(() => {
    const last = Number(byId("epoch").max);
    if (state.epoch >= last) play(false);
    else move(state.epoch + 1);
  }, Math.max(30, Math.min(400, 8000 / Math.max(Number(byId("epoch").max), 1)))) : null;
  byId("play").setAttribute("aria-pressed", String(on));
  byId("play").textContent = on ? "Pause" : "Play";
}

function begin() {
  document.querySelectorAll("thead button").forEach((button) =>
    button.addEventListener("click", () => sortBy(button.closest("th"))));
  if (!data.runs.length) return;
  const options = () => data.runs.map((run, index) => element("option", { value: index }, [run.label]));
  byId("run-a").append(...options());
  byId("run-b").append(element("option", { value: "" }, ["none"]), ...options());
  for (const which of ["a", "b"]) {
    byId(`run-${which}`).addEventListener("change", (event) => {
      state[which] = event.target.value === "" ? null : Number(event.target.value);
      redraw();
    });
  }
  document.querySelectorAll("button.show").forEach((button) => button.addEventListener("click", () => {
    state[button.dataset.to] = Number(button.dataset.run);
    byId(`run-${button.dataset.to}`).value = button.dataset.run;
    redraw();
  }));
  for (const norm of data.norms) {
    const radio = element("input", { type: "radio", name: "norm", value: norm });
    radio.checked = norm === state.norm;
    radio.addEventListener("change", () => { state.norm = norm; redraw(); });
    byId("norms").append(element("label", {}, [radio, norm.replaceAll("_", " ")]));
  }
  byId("epoch").addEventListener("input", (event) => { play(false); move(snapped(Number(event.target.value))); });
  byId("log").addEventListener("change", (event) => { state.log = event.target.checked; redraw(); });
  byId("play").addEventListener("click", () => {
    if (state.timer === null && state.epoch >= Number(byId("epoch").max)) move(0);
    play(state.timer === null);
  });
  dark.addEventListener("change", redraw);
  byId("run-a").value = state.a;
  byId("run-b").value = state.b ?? "";
  byId("norms").hidden = data.norms.length < 2;
  byId("controls").hidden = false;
  redraw();
}

begin();
