"use strict";
/* All photos as rows, and what is measured of them by and by. */
(() => {
  const POLL_MS = 1500;

  /** Loads the table; rows are measured later, and `changed` is called as they are. */
  mass13k.loadTable = async (changed) => {
    const found = await mass13k.json("api/samples.json");
    mass13k.rows = found.rows.map((values, number) => {
      const row = Object.fromEntries(found.columns.map((name, place) => [name, values[place]]));
      return { ...row, number, shares: null, mipq: null, boundary: null, wrong: [], error: null };
    });
    mass13k.known = 0;
    measure(changed);
  };

  async function measure(changed) {
    for (;;) {
      const found = await mass13k.json("api/measured.json?after=" + mass13k.known).catch(() => null);
      if (found) {
        for (const values of found.rows) {
          const row = mass13k.rows[mass13k.known++];
          found.columns.forEach((name, place) => { row[name] = values[place]; });
        }
        if (found.rows.length) changed();
        if (found.complete) return;
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  /** Numbers by which photos are sorted, filtered and counted: {id: {label, of(row), digits}}. */
  mass13k.metrics = () => {
    const { classes, predictions, scores } = mass13k.dataset;
    const all = {
      mipq: { label: "mIPQ", of: (row) => row.mipq },
      boundary: { label: "boundary, px per 1000 px", of: (row) => row.boundary },
      diagonal: { label: "diagonal, px", of: (row) => (row.width ? Math.hypot(row.width, row.height) : null) },
    };
    classes.forEach((each, place) => {
      all["share-" + each.id] = { label: `${each.name}, share %`, of: (row) => (row.shares?.length ? 100 * row.shares[place] : null) };
    });
    predictions.forEach((name, place) => {
      all["wrong-" + place] = { label: `${name}: wrong %`, of: (row) => (row.wrong?.[place] == null ? null : 100 * row.wrong[place]) };
    });
    scores.forEach((name, place) => {
      all["score-" + place] = { label: name, of: (row) => row.scores[place] };
    });
    return all;
  };

  /** Rows that an address asks for, in its order. */
  mass13k.chosen = (query) => {
    const words = (query.get("q") || "").toLowerCase().split(/\s+/).filter(Boolean);
    const metrics = mass13k.metrics();
    const place = mass13k.dataset.classes.findIndex((each) => String(each.id) === query.get("class"));
    const ranges = query.getAll("range").flatMap((text) => text.split(",")).map((text) => text.split(":"))
      .filter(([id]) => metrics[id]).map(([id, low, high]) => [metrics[id].of, +low, +high]);
    const rows = mass13k.rows.filter((row) =>
      words.every((word) => row.key.toLowerCase().includes(word)) &&
      (!query.get("split") || row.split === query.get("split")) &&
      (!query.get("city") || row.city === query.get("city")) &&
      (!query.get("date") || row.date === query.get("date")) &&
      (!query.get("size") || `${row.width}x${row.height}` === query.get("size")) &&
      (place < 0 || row.shares?.[place] > 0) &&
      (!query.get("bad") || row.error) &&
      ranges.every(([of, low, high]) => of(row) !== null && of(row) >= low && of(row) <= high));
    const metric = metrics[query.get("sort")];
    if (metric) {
      const sign = query.get("down") === "no" ? 1 : -1;
      const value = (row) => metric.of(row) ?? NaN;
      rows.sort((a, b) => { // photos without the number come last
        const [x, y] = [value(a), value(b)];
        return Number.isNaN(x) - Number.isNaN(y) || sign * (x - y) || a.number - b.number;
      });
    }
    return rows;
  };
})();
