"use strict";
/* Beside a photo: its layers, its classes, and the places worth a look. */
(() => {
  const { h } = mass13k;

  /** Makes the panel of a photo's page; `page` has scene, photo, toggle, look and changed. */
  mass13k.photoPanel = (page) => {
    const { scene, photo } = page;
    const layers = [...scene.layers].map(([name, layer]) => layerRow(page, name, layer));
    const classes = photo.classes.map((each) => classRow(each));
    const facts = h("p", { class: "facts" });
    const updateFacts = () => { // mIPQ may be measured while one looks
      facts.textContent = `${photo.size_hw[1]} × ${photo.size_hw[0]} · ${photo.split}` + (page.row?.mipq ? ` · mIPQ ${mass13k.number(page.row.mipq)}` : "");
    };
    const faults = Object.entries(photo.errors).map(([name, reason]) => h("p", { class: "fault" }, `${mass13k.layerTitle(name)}: ${reason}`));

    function classRow({ id, share, ipq }) {
      const found = mass13k.dataset.classes.find((each) => each.id === id);
      const swatch = h("span", { class: "swatch" });
      const box = h("input", { type: "checkbox", onchange: () => toggleClass(id) });
      const element = h("tr", {}, h("td", {}, h("label", {}, box, swatch, found.name, found.quality === "pseudo" ? h("small", {}, " pseudo") : null)),
        h("td", {}, mass13k.percent(share, share < 0.001 ? 3 : 1)), h("td", {}, mass13k.number(ipq, 1)));
      const update = () => {
        box.checked = !scene.off.has(id);
        swatch.style.background = mass13k.css(mass13k.classColour(id));
      };
      return { element, update };
    }

    function toggleClass(id) {
      if (!scene.off.delete(id)) scene.off.add(id);
      page.changed();
    }

    const sources = photo.sources.length ? section("Provenance", photo.sources.map(({ number, class: name, source }) => {
      const swatch = h("span", { class: "swatch" });
      swatch.style.background = mass13k.css(mass13k.sourceColour(number));
      return h("p", {}, swatch, `${number}: ${name} from ${source}`);
    })) : null;
    const against = predictionChoice(page);
    const windows = Object.entries(photo.windows).filter(([, found]) => found.length).map(([name, found]) =>
      section(name === "labels" ? "Most complex places" : `Worst boundaries of ${mass13k.layerTitle(name).replace("Prediction ", "")}`,
        [h("div", { class: "windows" }, found.map((window, place) => h("button", { type: "button", title: `${mass13k.number(window.wrong, 0)} pixels`,
          onclick: () => page.look(window) }, String(place + 1), h("small", {}, ` ${mass13k.percent(window.wrong / (window.width * window.height), 0)}`))))]));
    const element = h("aside", { class: "panel", "aria-label": "Layers and classes" },
      facts, ...faults,
      section("Layers", layers.map((each) => each.element)), against,
      section("Classes", [h("table", { class: "legend" }, h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Class"), h("th", { scope: "col" }, "Share"), h("th", { scope: "col" }, "IPQ"))),
        h("tbody", {}, classes.map((each) => each.element)))]),
      sources, ...windows);
    return {
      element,
      toggleClass,
      cropLayer: () => [...scene.layers].filter(([name, each]) => each.on && name in photo.layers).map(([name]) => name)[0] || "image",
      update: () => { for (const each of [...layers, ...classes]) each.update(); updateFacts(); },
    };
  };

  const section = (title, children) => h("section", {}, h("h2", {}, title), children);

  function layerRow(page, name, layer) {
    const title = mass13k.layerTitle(name);
    const box = h("input", { type: "checkbox", onchange: () => page.toggle(name, { on: box.checked }) });
    const opacity = h("input", { type: "range", min: 0, max: 100, "aria-label": `Opacity of ${title}`,
      oninput: () => page.toggle(name, { opacity: opacity.value / 100, on: true }) });
    const hasLines = name === "labels" || name.startsWith("prediction");
    const lines = hasLines ? h("button", { type: "button", class: "lines", title: `Only outlines of ${title}`,
      onclick: () => page.toggle(name, { lines: !layer.lines, on: true }) }, "Outline") : null;
    const update = () => {
      box.checked = layer.on;
      opacity.value = 100 * layer.opacity;
      lines?.setAttribute("aria-pressed", layer.lines);
    };
    return { element: h("div", { class: "layer" }, h("label", {}, box, title), lines, opacity), update };
  }

  function predictionChoice(page) {
    const names = [...page.scene.layers.keys()].filter((name) => name.startsWith("prediction"));
    if (names.length < 2) return null;
    const select = h("select", { onchange: () => { page.scene.against = select.value; page.changed(); } },
      names.map((name) => h("option", { value: name, selected: name === page.scene.against }, mass13k.layerTitle(name))));
    return section("Swipe against", [h("label", { class: "against" }, h("span", { class: "hidden" }, "Prediction"), select)]);
  }
})();
