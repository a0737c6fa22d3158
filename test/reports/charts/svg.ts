/** Parts of a drawn bar chart or timeline: class and place of each rectangle, in percent of the width. */
export function rectangles(svg: string): { mark: string; x: number; width: number }[] {
  return [...svg.matchAll(/<rect class="(?:m-)?(\w+)" x="([\d.]+)%?" y="[\d.]+" width="([\d.]+)%"/g)].map(([, mark = '', x, width]) => ({ mark, x: Number(x), width: Number(width) }))
}

/** What stands in the picture, without tooltips. */
export function drawnText(svg: string): string[] {
  return [...svg.matchAll(/<text [^>]*>([^<]*)/g)].map(([, text = '']) => text)
}
