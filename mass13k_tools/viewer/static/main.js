"use strict";
/* Which page an address means, and what all pages share. */
(() => {
  const { h } = mass13k;
  const main = document.getElementById("main");
  let page = null;
  let turn = 0;

  const KEYS = [["← →", "previous and next photo"], ["+ −", "zoom in and out"], ["0", "fit"], ["1 … 9", "classes on and off"],
    ["o", "labels as outlines"], ["l", "labels on and off"], ["i", "photo on and off"], ["e", "errors of the first prediction"],
    ["s", "swipe between ground truth and prediction"], ["d", "side by side"], ["Esc", "back to the gallery"], ["?", "these keys"]];

  mass13k.help = () => {
    const dialog = h("dialog", { "aria-label": "Keys", onclose: () => dialog.remove() }, h("h2", {}, "Keys"),
      h("dl", {}, KEYS.map(([key, what]) => [h("dt", {}, h("kbd", {}, key)), h("dd", {}, what)])),
      h("p", {}, "Drag to move, wheel or pinch to zoom, double click to come closer."),
      h("form", { method: "dialog" }, h("button", {}, "Close")));
    document.body.append(dialog);
    dialog.showModal();
  };

  async function show() {
    const mine = ++turn;
    page?.close();
    page = null;
    const { parts } = mass13k.readAddress();
    for (const [id, is] of [["to-gallery", !parts.length], ["to-statistics", parts[0] === "statistics"]]) {
      if (is) document.getElementById(id).setAttribute("aria-current", "page");
      else document.getElementById(id).removeAttribute("aria-current");
    }
    document.body.dataset.page = parts[0] || "gallery";
    document.title = `${parts[2] || parts[0] || "gallery"} – ${mass13k.dataset.name}`;
    let opened;
    if (parts[0] === "photo" && parts.length === 3) opened = await mass13k.showPhoto(main, parts[1], parts[2]);
    else if (parts[0] === "statistics") opened = mass13k.showStatistics(main);
    else opened = mass13k.showGallery(main);
    if (mine === turn) page = opened;
    else opened.close();
  }

  function measured() {
    const { total } = mass13k.dataset;
    const known = mass13k.known;
    document.getElementById("progress").textContent = known < total ? `measured ${mass13k.number(known)} of ${mass13k.number(total)}` : "";
    page?.measured?.();
  }

  function appearance() {
    const theme = mass13k.prefer("theme");
    if (theme) document.documentElement.dataset.theme = theme;
    document.getElementById("palette").setAttribute("aria-pressed", mass13k.prefer("palette") === "colour-blind");
  }

  document.getElementById("theme").addEventListener("click", () => {
    const dark = document.documentElement.dataset.theme ? document.documentElement.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    mass13k.prefer("theme", dark ? "light" : "dark");
    appearance();
  });
  document.getElementById("palette").addEventListener("click", () => {
    mass13k.prefer("palette", mass13k.prefer("palette") === "colour-blind" ? "" : "colour-blind");
    appearance();
    page?.recolour?.();
  });

  async function start() {
    appearance();
    try {
      mass13k.dataset = await mass13k.json("api/dataset.json");
      document.getElementById("name").textContent = mass13k.dataset.name;
      await mass13k.loadTable(measured);
    } catch (error) {
      main.replaceChildren(h("p", { class: "fault", role: "alert" }, error.message));
      return;
    }
    mass13k.order = mass13k.rows;
    addEventListener("hashchange", show);
    await show();
  }
  start();
})();
