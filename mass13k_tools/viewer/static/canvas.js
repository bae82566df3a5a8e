"use strict";
/* Draws scenes: which tiles are in sight, at which level, and where they land on the screen. */
(() => {
  const MOST_ZOOM = 64; // screen pixels for a pixel of the photo
  const GRID_FROM = 12;

  /** Where one looks: (x, y) of the photo in the middle, and screen pixels for each of its pixels. */
  mass13k.View = class {
    constructor(size_hw) {
      [this.height, this.width] = size_hw;
      this.x = this.width / 2;
      this.y = this.height / 2;
      this.zoom = 0;
    }

    fitted(frame) {
      return Math.min(frame.clientWidth / this.width, frame.clientHeight / this.height) || 1;
    }

    limit(frame) {
      const least = this.fitted(frame);
      this.zoom = Math.min(Math.max(this.zoom || least, least / 2), MOST_ZOOM);
      this.x = Math.min(Math.max(this.x, 0), this.width);
      this.y = Math.min(Math.max(this.y, 0), this.height);
    }

    /** Zooms so that the point under (px, py) of the frame stays where it is. */
    zoomAt(factor, px, py, frame) {
      if (!Number.isFinite(factor)) return; // two fingers on one point
      const before = this.toPhoto(px, py, frame);
      this.zoom *= factor;
      this.limit(frame);
      const after = this.toPhoto(px, py, frame);
      this.x += before.x - after.x;
      this.y += before.y - after.y;
      this.limit(frame);
    }

    toPhoto(px, py, frame) {
      return { x: this.x + (px - frame.clientWidth / 2) / this.zoom, y: this.y + (py - frame.clientHeight / 2) / this.zoom };
    }
  };

  /** Draws one scene onto a canvas; `part` [from, to] of its width, for swiping. */
  mass13k.draw = (canvas, frame, view, tiles, layers, off, part = [0, 1]) => {
    const ratio = devicePixelRatio || 1;
    const context = canvas.getContext("2d");
    const [width, height] = [frame.clientWidth, frame.clientHeight];
    context.save();
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.beginPath();
    context.rect(part[0] * width, 0, (part[1] - part[0]) * width, height);
    context.clip();
    context.clearRect(0, 0, width, height);
    const level = Math.min(tiles.photo.levels - 1, Math.max(0, Math.floor(-Math.log2(view.zoom * ratio) + 0.01)));
    for (const layer of layers) drawLayer(context, { width, height, view, tiles, layer, level, off });
    context.restore();
  };

  function drawLayer(context, { width, height, view, tiles, layer, level, off }) {
    const { tile: side, size_hw } = tiles.photo;
    const step = side * 2 ** level; // a tile's side in the photo
    const left = view.x - width / 2 / view.zoom;
    const top = view.y - height / 2 / view.zoom;
    const first = (start) => Math.max(0, Math.floor(start / step));
    const last = (end, most) => Math.floor(Math.min(end, most - 1) / step);
    context.globalAlpha = layer.opacity;
    context.imageSmoothingEnabled = layer.name === "image" && view.zoom < 1;
    context.imageSmoothingQuality = "medium";
    for (let row = first(top); row <= last(top + height / view.zoom, size_hw[0]); row++) {
      for (let column = first(left); column <= last(left + width / view.zoom, size_hw[1]); column++) {
        const found = piece(tiles, layer, level, row, column, off) || coarser(tiles, layer, level, row, column, off);
        if (!found) continue;
        const { source, at, level: own } = found;
        const scale = 2 ** own * view.zoom;
        const x = (column * step - left) * view.zoom;
        const y = (row * step - top) * view.zoom;
        const [w, hgt] = [at.width * scale, at.height * scale];
        // Whole screen pixels, or seams show between tiles
        const [x0, y0, x1, y1] = [x, y, x + w, y + hgt].map((value) => Math.round(value * devicePixelRatio) / devicePixelRatio);
        context.drawImage(source, at.x, at.y, at.width, at.height, x0, y0, x1 - x0, y1 - y0);
      }
    }
  }

  /** A tile ready to be drawn, or null. */
  function piece(tiles, layer, level, row, column, off) {
    const source = layer.name === "image" ? tiles.get("image", level, row, column)?.bitmap : painted(tiles, layer, level, row, column, off);
    return source ? { source, at: { x: 0, y: 0, width: source.width, height: source.height }, level } : null;
  }

  /** Until a tile arrives, the part of a coarser one that covers it, if it is there. */
  function coarser(tiles, layer, level, row, column, off) {
    const { tile: side, levels } = tiles.photo;
    for (let up = 1; level + up < levels; up++) {
      const [r, c] = [row >> up, column >> up];
      const held = tiles.held.get(`${layer.name.replace("error", "prediction")}/${level + up}/${r}_${c}`);
      const found = held?.ready && piece(tiles, layer, level + up, r, c, off);
      if (!found) continue;
      const part = side / 2 ** up;
      const x = (column - (c << up)) * part;
      const y = (row - (r << up)) * part;
      const width = Math.min(part, found.source.width - x);
      const height = Math.min(part, found.source.height - y);
      return width > 0 && height > 0 ? { source: found.source, at: { x, y, width, height }, level: level + up } : null;
    }
    return null;
  }

  /** The coloured picture of a tile of numbers; painted again when colours or neighbours change. */
  function painted(tiles, layer, level, row, column, off) {
    const isError = layer.name.startsWith("error");
    const tile = tiles.get(isError ? layer.name.replace("error", "prediction") : layer.name, level, row, column);
    const truth = isError ? tiles.get("labels", level, row, column) : null;
    if (!tile || (isError && !truth)) return null;
    const beside = { left: [0, -1], right: [0, 1], above: [-1, 0], below: [1, 0] };
    const around = layer.lines ? Object.fromEntries(Object.entries(beside).map(([name, [y, x]]) => {
      const next = tiles.held.get(`${layer.name}/${level}/${row + y}_${column + x}`);
      return [name, next?.ready ? next : null];
    })) : null;
    const stamp = [layer.name, mass13k.prefer("palette"), [...off].sort(), around && Object.values(around).map(Boolean)].join(";");
    tile.painted ??= new Map();
    const place = isError ? "error" : "own";
    const held = tile.painted.get(place);
    if (held?.stamp === stamp) return held.canvas;
    const numbers = isError ? { ...tile, ids: mass13k.errors(truth.ids, tile.ids) } : tile;
    const canvas = new OffscreenCanvas(tile.width, tile.height);
    canvas.getContext("2d").putImageData(mass13k.paint(numbers, mass13k.lookup(layer.name, off), around), 0, 0);
    tile.painted.set(place, { stamp, canvas });
    return canvas;
  }

  /** Frames one pixel, and shows the grid of pixels around it where they are large. */
  mass13k.drawProbe = (canvas, frame, view, point) => {
    if (!point || view.zoom < GRID_FROM) return;
    const ratio = devicePixelRatio || 1;
    const context = canvas.getContext("2d");
    context.save();
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    const x = (point.x - view.x) * view.zoom + frame.clientWidth / 2;
    const y = (point.y - view.y) * view.zoom + frame.clientHeight / 2;
    for (const [colour, inset] of [["#000", 0], ["#fff", 1]]) {
      context.strokeStyle = colour;
      context.strokeRect(x + inset + 0.5, y + inset + 0.5, view.zoom - 2 * inset - 1, view.zoom - 2 * inset - 1);
    }
    context.restore();
  };
})();
