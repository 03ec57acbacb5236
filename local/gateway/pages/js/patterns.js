/** Fills that tell qualities apart without colour: stripes, dots, hatching. Made for a canvas context. */

const TILE = 8;

const STROKES = {
  estimated: (ctx) => line(ctx, [0, TILE, TILE, 0], [-TILE / 2, TILE / 2, TILE / 2, -TILE / 2], [TILE / 2, TILE * 1.5, TILE * 1.5, TILE / 2]),
  "final-estimated": (ctx) => line(ctx, [0, TILE / 2, TILE, TILE / 2]),
  calculated: (ctx) => line(ctx, [TILE / 2, 0, TILE / 2, TILE]),
  temporary: (ctx) => dots(ctx, [TILE / 4, TILE / 4], [(TILE * 3) / 4, (TILE * 3) / 4]),
  missing: (ctx) => line(ctx, [0, 0, TILE, TILE], [0, TILE, TILE, 0]),
};

/** A fill for a quality; plain colour for what was measured. `ratio` is device pixels per CSS pixel. */
export function fillFor(ctx, quality, { ink, ground, ratio }) {
  const draw = STROKES[quality];
  if (!draw) return ink;
  const tile = document.createElement("canvas");
  tile.width = tile.height = TILE * ratio;
  const small = tile.getContext("2d");
  small.scale(ratio, ratio);
  small.fillStyle = ground;
  small.fillRect(0, 0, TILE, TILE);
  small.strokeStyle = small.fillStyle = ink;
  small.lineWidth = quality === "missing" ? 1 : 2.4;
  draw(small);
  return ctx.createPattern(tile, "repeat");
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
