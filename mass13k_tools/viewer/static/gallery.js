"use strict";
/* The gallery: filters beside a grid of which only the visible rows exist. */
(() => {
  const { h } = mass13k;
  const LEAST_CARD_PX = 210;
  const GAP_PX = 14;
  const CAPTION_PX = 44;

  mass13k.showGallery = (main) => {
    const query = mass13k.readAddress().query;
    const state = { query, rows: [], cards: new Map() };
    const count = h("p", { class: "count", role: "status" });
    const grid = h("ul", { class: "grid", "aria-label": "Photos" });
    const filters = h("details", { class: "filters", open: innerWidth > 760 }, h("summary", {}, "Filter and sort"), form(state, refresh));
    main.replaceChildren(h("div", { class: "gallery" }, filters, h("section", { "aria-label": "Gallery" }, count, grid)));

    function refresh() {
      state.rows = mass13k.chosen(query);
      mass13k.order = state.rows; // what "next" means on the page of a photo
      mass13k.galleryQuery = location.hash.split("?")[1] || "";
      count.replaceChildren(`${mass13k.number(state.rows.length)} of ${mass13k.number(mass13k.rows.length)} photos`, ranges(query));
      for (const card of state.cards.values()) card.remove();
      state.cards.clear();
      place();
    }

    function ranges(query) {
      const text = query.get("range");
      if (!text) return "";
      const names = text.split(",").map((each) => {
        const [id, low, high] = each.split(":");
        return `${mass13k.metrics()[id]?.label}: ${mass13k.number(+low, 2)} to ${mass13k.number(+high, 2)}`;
      });
      return h("button", { type: "button", class: "chip", title: "Remove this filter", onclick: () => change(state, "range", "", refresh) }, names.join(", "), " ✕");
    }

    /** Puts the cards of visible rows where they belong; others are removed. */
    function place() {
      const width = grid.clientWidth;
      const columns = Math.max(2, Math.floor((width + GAP_PX) / (LEAST_CARD_PX + GAP_PX)));
      const cardWidth = (width - GAP_PX * (columns - 1)) / columns;
      const cardHeight = cardWidth * 0.75 + CAPTION_PX;
      const rowHeight = cardHeight + GAP_PX;
      grid.style.height = `${Math.ceil(state.rows.length / columns) * rowHeight}px`;
      const top = -grid.getBoundingClientRect().top;
      const first = Math.max(0, Math.floor(top / rowHeight) - 1) * columns;
      const last = Math.min(state.rows.length, (Math.ceil((top + innerHeight) / rowHeight) + 1) * columns);
      for (const [number, card] of state.cards) {
        if (number < first || number >= last) { card.remove(); state.cards.delete(number); }
      }
      for (let number = first; number < last; number++) {
        let card = state.cards.get(number);
        if (!card) {
          card = photoCard(state.rows[number], query.get("show") || "overlay");
          state.cards.set(number, card);
          const next = [...state.cards.keys()].filter((each) => each > number).sort((a, b) => a - b)[0];
          grid.insertBefore(card, next === undefined ? null : state.cards.get(next)); // Tab follows the grid
        }
        card.style.width = `${cardWidth}px`;
        card.style.height = `${cardHeight}px`;
        card.style.transform = `translate(${(number % columns) * (cardWidth + GAP_PX)}px, ${Math.floor(number / columns) * rowHeight}px)`;
      }
    }

    addEventListener("scroll", place, { passive: true });
    const resized = new ResizeObserver(place);
    resized.observe(grid);
    refresh();
    return {
      measured: () => (query.get("sort") || query.get("class") || query.get("range") || query.get("bad") ? refresh() : captions(state)),
      close: () => { removeEventListener("scroll", place); resized.disconnect(); },
    };
  };

  function captions(state) {
    for (const [number, card] of state.cards) card.querySelector(".facts").textContent = facts(state.rows[number]);
  }

  const facts = (row) => row.error ? "cannot be read" : row.mipq === null ? row.split : `${row.split} · mIPQ ${mass13k.number(row.mipq, row.mipq < 100 ? 1 : 0)}`;

  function photoCard(row, show) {
    const image = h("img", { alt: "", width: 320, height: 240 });
    const frame = h("span", { class: "frame" }, image);
    const wanted = show.startsWith("prediction") && !row.predicted[+show.slice(10)] ? "overlay" : show;
    mass13k.picture(image, `thumb/${mass13k.encode(row.split)}/${mass13k.encode(row.key)}/${wanted}.jpg`)
      .catch(async (error) => {
        if (!frame.isConnected) return; // it scrolled away before it was there
        const reason = row.error || (error.name === "EncodingError" ? await reasonOf(row) : error.message);
        frame.replaceChildren(h("span", { class: "fault" }, reason));
      });
    return h("li", { class: "card" }, h("a", { href: mass13k.photoAddress(row), title: row.key },
      frame, h("span", { class: "key" }, row.key), h("span", { class: "facts" }, facts(row))));
  }

  const reasonOf = (row) => mass13k.json(`api/sample/${mass13k.encode(row.split)}/${mass13k.encode(row.key)}.json`)
    .then((found) => Object.values(found.errors)[0] || "cannot be shown", (error) => error.message);

  function change(state, name, value, refresh) {
    if (value) state.query.set(name, value);
    else state.query.delete(name);
    mass13k.writeQuery(Object.fromEntries(state.query));
    scrollTo(0, 0);
    refresh();
  }

  /** The filters; each is one word of the address. */
  function form(state, refresh) {
    const { dataset, rows } = mass13k;
    const distinct = (of) => [...new Set(rows.map(of).filter(Boolean))].sort();
    const select = (name, label, options, empty) => h("label", {}, label,
      h("select", { name, onchange: (event) => change(state, name, event.target.value, refresh) },
        empty === undefined ? null : h("option", { value: "" }, empty),
        options.map(([value, text]) => h("option", { value, selected: state.query.get(name) === value }, text))));
    const plain = (values) => values.map((value) => [value, value]);
    const cities = distinct((row) => row.city);
    const dates = distinct((row) => row.date);
    const sizes = () => plain(distinct((row) => row.width && `${row.width}x${row.height}`));
    const shows = [["overlay", "labels over photo"], ["image", "photo"],
      ...dataset.predictions.map((name, place) => [`prediction${place}`, `${name} over photo`])];
    const size = select("size", "Size", sizes(), "any");
    size.addEventListener("focusin", (event) => { // sizes become known by and by
      const known = new Set([...event.target.options].map((option) => option.value));
      for (const [value, text] of sizes()) if (!known.has(value)) event.target.append(h("option", { value }, text));
    });
    return h("form", { onsubmit: (event) => event.preventDefault() },
      h("label", {}, "Search", h("input", { type: "search", name: "q", placeholder: "part of a name", value: state.query.get("q") || "",
        oninput: (event) => change(state, "q", event.target.value, refresh) })),
      select("sort", "Sort by", Object.entries(mass13k.metrics()).map(([id, each]) => [id, each.label]), "name"),
      select("down", "Order", [["", "largest first"], ["no", "smallest first"]]),
      select("split", "Split", plain(dataset.splits), "all"),
      select("class", "With class", dataset.classes.map((each) => [String(each.id), each.name]), "any"),
      cities.length ? select("city", "City or group", plain(cities), "all") : null,
      dates.length ? select("date", "Date", plain(dates), "all") : null,
      size,
      select("bad", "Readable", [["yes", "only faulty ones"]], "all"),
      select("show", "Show", shows));
  }
})();
