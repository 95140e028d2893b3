/** Colours and weights of text (SGR, ECMA-48 8.3.117), packed into one number. */

/** 0 is plain text. */
export type Style = number;

const BOLD = 1;
const DIM = 2;
const ITALIC = 4;
const UNDERLINE = 8;
const INVERSE = 16;
/** Colour + 1 of the foreground and background: 0 is the default, 1–256 the palette. */
const FG_SHIFT = 5;
const BG_SHIFT = 14;
const COLOUR = 511;

/** The parts of a style that the page shows. */
export interface IStyleParts {
  bold: boolean;
  dim: boolean;
  italic: boolean;
  underline: boolean;
  /** 0–255, or -1 for the theme's own. */
  fg: number;
  bg: number;
}

export function styleParts(style: Style): IStyleParts {
  const fg = ((style >> FG_SHIFT) & COLOUR) - 1;
  const bg = ((style >> BG_SHIFT) & COLOUR) - 1;
  const inverse = (style & INVERSE) !== 0;
  return {
    bold: (style & BOLD) !== 0,
    dim: (style & DIM) !== 0,
    italic: (style & ITALIC) !== 0,
    underline: (style & UNDERLINE) !== 0,
    fg: inverse ? (bg < 0 ? 0 : bg) : fg,
    bg: inverse ? (fg < 0 ? 7 : fg) : bg
  };
}

/** Return the style after the parameters of one SGR sequence. */
export function applySgr(style: Style, parameters: number[]): Style {
  const codes = parameters.length ? parameters : [0];
  for (let i = 0; i < codes.length; i++) {
    const code = codes[i];
    if (code === 38 || code === 48) {
      const [colour, used] = extended(codes.slice(i + 1));
      i += used;
      if (colour >= 0) {
        style = withColour(style, code === 38 ? FG_SHIFT : BG_SHIFT, colour);
      }
    } else {
      style = applyCode(style, code);
    }
  }
  return style;
}

/** #rrggbb of a palette entry from 16 on; the first sixteen are the theme's. */
export function paletteColour(n: number): string {
  if (n >= 232) {
    const grey = 8 + (n - 232) * 10;
    return `rgb(${grey},${grey},${grey})`;
  }
  const level = (v: number) => (v ? 55 + v * 40 : 0);
  const k = n - 16;
  return `rgb(${level(Math.floor(k / 36))},${level(Math.floor(k / 6) % 6)},${level(k % 6)})`;
}

function applyCode(style: Style, code: number): Style {
  switch (code) {
    case 0:
      return 0;
    case 1:
      return style | BOLD;
    case 2:
      return style | DIM;
    case 3:
      return style | ITALIC;
    case 4:
      return style | UNDERLINE;
    case 7:
      return style | INVERSE;
    case 22:
      return style & ~(BOLD | DIM);
    case 23:
      return style & ~ITALIC;
    case 24:
      return style & ~UNDERLINE;
    case 27:
      return style & ~INVERSE;
    case 39:
      return withColour(style, FG_SHIFT, -1);
    case 49:
      return withColour(style, BG_SHIFT, -1);
  }
  for (const [from, shift, add] of [
    [30, FG_SHIFT, 0],
    [90, FG_SHIFT, 8],
    [40, BG_SHIFT, 0],
    [100, BG_SHIFT, 8]
  ]) {
    if (code >= from && code < from + 8) {
      return withColour(style, shift, code - from + add);
    }
  }
  return style;
}

function withColour(style: Style, shift: number, colour: number): Style {
  return (style & ~(COLOUR << shift)) | ((colour + 1) << shift);
}

/** The palette's nearest colour for `5;n` and `2;r;g;b`, and how many codes that took. */
function extended(codes: number[]): [number, number] {
  if (codes[0] === 5) {
    const n = codes[1] ?? -1;
    return [n >= 0 && n < 256 ? n : -1, 2];
  }
  if (codes[0] === 2) {
    const [r, g, b] = codes
      .slice(1, 4)
      .map(v => Math.round((Math.min(255, Math.max(0, v)) / 255) * 5));
    return [Number.isNaN(r + g + b) ? -1 : 16 + 36 * r + 6 * g + b, 4];
  }
  return [-1, 0];
}
