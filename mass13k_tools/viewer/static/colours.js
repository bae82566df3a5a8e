"use strict";
/* Numbers to colours. All colouring is done here, so nothing is asked of the server for it. */
(() => {
  const SOURCES = [[230, 159, 0], [86, 180, 233], [0, 158, 115], [204, 121, 167], [213, 94, 0], [0, 114, 178], [240, 228, 66]];
  const WRONG = [255, 0, 110];
  const IGNORED = [128, 128, 128];
  const EDGE = [0, 255, 220];

  /** RGB of a class by the palette that is chosen. */
  mass13k.classColour = (id) => {
    const { classes, colour_blind } = mass13k.dataset;
    if (mass13k.prefer("palette") === "colour-blind") return colour_blind[id] || IGNORED;
    return classes.find((row) => row.id === id)?.colour || IGNORED;
  };

  mass13k.sourceColour = (number) => SOURCES[(number - 1) % SOURCES.length];
  mass13k.css = ([r, g, b]) => `rgb(${r} ${g} ${b})`;

  const packed = ([r, g, b], alpha = 255) => ((alpha << 24) | (b << 16) | (g << 8) | r) >>> 0; // little-endian RGBA

  /** Table of 256 colours for a layer; classes in `off` are left out. */
  mass13k.lookup = (layer, off) => {
    const table = new Uint32Array(256);
    if (layer === "edges") for (let v = 1; v < 256; v++) table[v] = packed(EDGE);
    else if (layer === "weights") for (let v = 1; v < 256; v++) table[v] = packed(heat(v / 255), Math.min(255, 64 + v));
    else if (layer === "provenance") for (let v = 1; v < 256; v++) table[v] = packed(mass13k.sourceColour(v));
    else if (layer.startsWith("error")) { table[1] = packed(WRONG); table[2] = packed(IGNORED, 120); }
    else for (const { id } of mass13k.dataset.classes) if (!off.has(id)) table[id] = packed(mass13k.classColour(id));
    return table;
  };

  /** Black over red to light yellow, as `mass13k weights` paints it. */
  function heat(value) {
    const at = (start) => Math.round(255 * Math.min(1, Math.max(0, 3 * value - start)));
    return [at(0), at(1), at(2)];
  }

  /** Where a prediction is wrong: 1 wrong, 2 not judged, 0 right. */
  mass13k.errors = (truth, predicted) => {
    const found = new Uint8Array(truth.length);
    for (let i = 0; i < truth.length; i++) found[i] = truth[i] === 255 ? 2 : truth[i] === predicted[i] ? 0 : 1;
    return found;
  };

  /**
   * Paints the numbers of a tile into an ImageData.
   * @param {{ids: Uint8Array, width: number, height: number}} tile
   * @param {Uint32Array} table Colours by number.
   * @param {?Object} around Ids of the tiles {left, right, above, below} where lines are wanted, else null.
   */
  mass13k.paint = (tile, table, around) => {
    const { ids, width, height } = tile;
    const image = new ImageData(width, height);
    const out = new Uint32Array(image.data.buffer);
    if (!around) {
      for (let i = 0; i < ids.length; i++) out[i] = table[ids[i]];
      return image;
    }
    const outside = (side, x, y, own) => {
      const next = around[side];
      if (!next) return own;
      if (side === "left") return next.ids[y * next.width + next.width - 1];
      if (side === "right") return next.ids[y * next.width];
      if (side === "above") return next.ids[(next.height - 1) * next.width + x];
      return next.ids[x];
    };
    for (let y = 0, i = 0; y < height; y++) {
      for (let x = 0; x < width; x++, i++) {
        const own = ids[i];
        const left = x ? ids[i - 1] : outside("left", x, y, own);
        const right = x + 1 < width ? ids[i + 1] : outside("right", x, y, own);
        const above = y ? ids[i - width] : outside("above", x, y, own);
        const below = y + 1 < height ? ids[i + width] : outside("below", x, y, own);
        if (left !== own || right !== own || above !== own || below !== own) out[i] = table[own];
      }
    }
    return image;
  };
})();
