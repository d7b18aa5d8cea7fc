// How dies are named and coloured: a letter each, as colour alone says nothing to many.

const COLOURS = 8;

/** The class that has the colour of a die; colours come again where there are more. */
export function dieClass(die: number): string {
  return `die-${((die - 1) % COLOURS) + 1}`;
}

/** A to Z, then AA. */
export function letterOf(die: number): string {
  const rest = Math.floor((die - 1) / 26);
  return (rest > 0 ? letterOf(rest) : "") + String.fromCharCode(65 + ((die - 1) % 26));
}
