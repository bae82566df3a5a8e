"use strict";
/* The numbers of the whole set: tables and histograms; a part of a histogram leads to its photos. */
(() => {
  const { h } = mass13k;
  const [WIDTH, HEIGHT, FOOT] = [420, 180, 26];

  mass13k.showStatistics = (main) => {
    const fill = () => {
      const scroll = scrollY;
      const rows = mass13k.rows.filter((row) => row.width);
      main.replaceChildren(h("div", { class: "statistics" }, h("h1", {}, mass13k.dataset.name),
        h("p", { class: "hint" }, "Drag over a histogram, or press a bar, to see its photos."),
        summary(rows), classTable(rows), h("div", { class: "plots" }, plots(rows))));
      scrollTo(0, scroll);
    };
    fill();
    const measured = () => { if (!main.querySelector("svg:active")) fill(); }; // not under a hand that brushes
    return { measured, recolour: fill, close() {} };
  };

  const mean = (values) => values.reduce((a, b) => a + b, 0) / values.length;
  const spread = (values, middle = mean(values)) => Math.sqrt(mean(values.map((value) => (value - middle) ** 2)));
  const extreme = (values, of) => values.reduce((a, b) => of(a, b)); // spreading a hundred thousand arguments fails
  const meanText = (values, digits = 0) => values.length ? `${mass13k.number(mean(values), digits)} ± ${mass13k.number(spread(values), digits)}` : "–";
  const numbers = (rows, of) => rows.map(of).filter((value) => value !== null && value !== undefined);
  const cells = (name, texts) => h("tr", {}, h("th", { scope: "row" }, name), texts.map((text) => h("td", {}, text)));
  const head = (...names) => h("thead", {}, h("tr", {}, names.map((name) => h("th", { scope: "col" }, name))));

  /** The columns of the paper's Table 1, in all and by split. */
  function summary(rows) {
    const { diagonal, mipq } = mass13k.metrics();
    const line = (name, part) => cells(name, [mass13k.number(part.length), meanText(numbers(part, diagonal.of)), meanText(numbers(part, mipq.of), 1)]);
    const splits = mass13k.dataset.splits.map((split) => line(split, rows.filter((row) => row.split === split)));
    return h("table", {}, h("caption", {}, "Images"), head("", "Images", "Diagonal, px", "mIPQ"), h("tbody", {}, line("all", rows), splits.length > 1 ? splits : []));
  }

  function classTable(rows) {
    const lines = mass13k.dataset.classes.map((each, place) => {
      const present = rows.filter((row) => row.shares[place] > 0);
      const pixels = (part) => part.reduce((sum, row) => sum + row.width * row.height * (row.shares[place] || 0), 0);
      const every = rows.reduce((sum, row) => sum + row.width * row.height, 0);
      const swatch = h("span", { class: "swatch" });
      swatch.style.background = mass13k.css(mass13k.classColour(each.id));
      return cells(h("a", { href: `#/?class=${each.id}` }, swatch, each.name),
        [mass13k.number(present.length), mass13k.percent(every ? pixels(rows) / every : null), meanText(numbers(present, (row) => row.ipqs[place]), 1)]);
    });
    return h("table", {}, h("caption", {}, "Classes"), head("", "Images with it", "Pixels", "IPQ"), h("tbody", {}, lines));
  }

  function plots(rows) {
    return Object.entries(mass13k.metrics()).map(([id, metric]) => {
      const values = numbers(rows, metric.of);
      return values.length > 1 ? histogram(id, metric.label, values) : null;
    });
  }

  const svg = (name, attributes, ...children) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.append(...children);
    return element;
  };

  /** Bars over equal steps; of a logarithm where the largest is a hundred times the smallest. */
  function histogram(id, label, values) {
    const [low, high] = [extreme(values, Math.min), extreme(values, Math.max)];
    const log = low > 0 && high / low > 100;
    const to = log ? Math.log : (value) => value;
    const back = log ? Math.exp : (value) => value;
    const span = to(high) - to(low) || 1;
    const bins = high > low ? Math.min(30, Math.max(8, 2 * Math.ceil(Math.sqrt(values.length)))) : 1;
    const edge = (bin) => back(to(low) + (span * bin) / bins);
    const counts = new Array(bins).fill(0);
    for (const value of values) counts[Math.min(bins - 1, Math.floor(((to(value) - to(low)) / span) * bins))]++;
    const most = Math.max(...counts);
    const step = WIDTH / bins;
    const go = (from, until) => { // the last edge reaches beyond the largest value
      const [a, b] = [edge(Math.min(from, until)), until >= bins || from >= bins ? high : edge(Math.max(from, until))];
      location.hash = `#/?sort=${id}&range=${id}:${a.toPrecision(6) * (1 - 1e-5)}:${b.toPrecision(6) * (1 + 1e-5)}`;
    };
    const bars = counts.map((count, bin) => {
      const height = count ? Math.max(2, (count / most) * (HEIGHT - FOOT - 14)) : 0;
      const text = `${mass13k.number(edge(bin), 2)} to ${mass13k.number(edge(bin + 1), 2)}: ${count} photos`;
      const bar = svg("rect", { class: "bin", x: bin * step + 1, y: HEIGHT - FOOT - height, width: step - 2, height, "data-bin": bin }, svg("title", {}, text));
      if (count) {
        for (const [name, value] of Object.entries({ tabindex: 0, role: "link", "aria-label": text })) bar.setAttribute(name, value);
        bar.addEventListener("keydown", (event) => { if (event.key === "Enter") go(bin, bin + 1); });
      }
      return bar;
    });
    const brush = svg("rect", { class: "brush", y: 0, height: HEIGHT - FOOT, width: 0 });
    const marks = high > low ? [[0, "start", low], [WIDTH / 2, "middle", edge(bins / 2)], [WIDTH, "end", high]] : [[WIDTH / 2, "middle", low]];
    const foot = marks.map(([x, anchor, value]) =>
      svg("text", { x, y: HEIGHT - 8, "text-anchor": anchor }, mass13k.number(value, Math.abs(value) < 10 ? 2 : 0)));
    const plot = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "group", "aria-label": label }, ...bars, brush,
      svg("line", { class: "axis", x1: 0, x2: WIDTH, y1: HEIGHT - FOOT, y2: HEIGHT - FOOT }), ...foot);
    brushing(plot, brush, bins, go);
    return h("figure", {}, h("figcaption", {}, label, h("small", {}, `  ${meanText(values, 1)}${log ? ", logarithmic" : ""}`)), plot);
  }

  function brushing(plot, brush, bins, go) {
    const step = WIDTH / bins;
    let start = null;
    const at = (event) => Math.min(bins, Math.max(0, ((event.clientX - plot.getBoundingClientRect().left) / plot.clientWidth) * bins));
    const span = (event) => [Math.floor(Math.min(start, at(event))), Math.ceil(Math.max(start, at(event)))];
    plot.addEventListener("pointerdown", (event) => { start = at(event); plot.setPointerCapture(event.pointerId); });
    plot.addEventListener("pointermove", (event) => {
      if (start === null) return;
      const [from, until] = span(event);
      brush.setAttribute("x", from * step);
      brush.setAttribute("width", (until - from) * step);
    });
    plot.addEventListener("pointerup", (event) => {
      if (start === null) return;
      const [from, until] = span(event);
      start = null;
      go(from, Math.max(until, from + 1));
    });
  }
})();
