/** Fills that distinguish qualities without colour: stripes, dots, hatching. Made for a canvas context. */

const TILE = 8;

const STROKES = {
  estimated: (ctx) =>
    line(
      ctx,
      [0, TILE, TILE, 0],
      [-TILE / 2, TILE / 2, TILE / 2, -TILE / 2],
      [TILE / 2, TILE * 1.5, TILE * 1.5, TILE / 2],
    ),
  "final-estimated": (ctx) => line(ctx, [0, TILE / 2, TILE, TILE / 2]),
  calculated: (ctx) => line(ctx, [TILE / 2, 0, TILE / 2, TILE]),
  temporary: (ctx) => dots(ctx, [TILE / 4, TILE / 4], [(TILE * 3) / 4, (TILE * 3) / 4]),
  missing: (ctx) => line(ctx, [0, 0, TILE, TILE], [0, TILE, TILE, 0]),
};

const tiles = new Map();

/** A fill for a quality; plain colour for what was measured. `ratio` is device pixels per CSS pixel. */
export function fillFor(ctx, quality, look) {
  if (!STROKES[quality]) return look.ink;
  const name = [quality, look.ink, look.ground, look.ratio].join();
  if (!tiles.has(name)) tiles.set(name, tile(quality, look));
  return ctx.createPattern(tiles.get(name), "repeat");
}

function tile(quality, { ink, ground, ratio }) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = TILE * ratio;
  const ctx = canvas.getContext("2d");
  ctx.scale(ratio, ratio);
  ctx.fillStyle = ground;
  ctx.fillRect(0, 0, TILE, TILE);
  ctx.strokeStyle = ctx.fillStyle = ink;
  ctx.lineWidth = quality === "missing" ? 1 : 2.4;
  STROKES[quality](ctx);
  return canvas;
}

function line(ctx, ...segments) {
  ctx.beginPath();
  for (const [x0, y0, x1, y1] of segments) {
    ctx.moveTo(x0, y0);
    ctx.lineTo(x1, y1);
  }
  ctx.stroke();
}

function dots(ctx, ...centres) {
  ctx.beginPath();
  for (const [x, y] of centres) {
    ctx.moveTo(x + 1.6, y);
    ctx.arc(x, y, 1.6, 0, 2 * Math.PI);
  }
  ctx.fill();
}
