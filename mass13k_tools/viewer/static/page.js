"use strict";
/* Elements, addresses of pages, and what a person prefers. */
(() => {
  /** Makes an element: h("a", {href: "#"}, "text", child). Names with "on" are listeners. */
  mass13k.h = (name, attributes = {}, ...children) => {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) {
      if (value === undefined || value === null || value === false) continue;
      if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
      else if (key in element && typeof value !== "string") element[key] = value;
      else element.setAttribute(key, value === true ? "" : value);
    }
    element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
    return element;
  };

  /** Reads the page's address: {parts, query}. Everything a view needs is in it. */
  mass13k.readAddress = () => {
    const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
    return { parts: path.split("/").filter(Boolean).map(decodeURIComponent), query: new URLSearchParams(query || "") };
  };

  /** Writes the query of the page that is open, without a step in the browser's history. */
  mass13k.writeQuery = (entries) => {
    const path = location.hash.replace(/^#\/?/, "").split("?")[0];
    const query = new URLSearchParams(Object.entries(entries).filter(([, value]) => value !== "" && value !== undefined));
    const text = query.toString().replaceAll("%2C", ",").replaceAll("%3A", ":");
    history.replaceState(null, "", "#/" + path + (text ? "?" + text : ""));
  };

  mass13k.photoAddress = (row, query = "") =>
    `#/photo/${mass13k.encode(row.split)}/${mass13k.encode(row.key)}${query ? "?" + query : ""}`;

  /** Keeps a preference on this machine, where the browser lets us. */
  const preferences = {};
  mass13k.prefer = (name, value) => {
    try {
      if (value !== undefined) localStorage.setItem("mass13k-" + name, value);
      else preferences[name] ??= localStorage.getItem("mass13k-" + name);
    } catch { /* private windows keep nothing beyond this page */ }
    if (value !== undefined) preferences[name] = value;
    return preferences[name] ?? null;
  };

  mass13k.percent = (share, digits = 1) => (share === null || share === undefined ? "–" : (100 * share).toFixed(digits) + " %");
  mass13k.number = (value, digits = 1) =>
    value === null || value === undefined ? "–" : value.toLocaleString("en", { maximumFractionDigits: digits });
})();
