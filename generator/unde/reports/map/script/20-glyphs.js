// Shapes that tell what a host is there for, without colour too: a cylinder holds data, a diamond is Redis, a triangle votes.

const cylinder = {
  draw(context) {
    context.moveTo(-5, -4.5);
    context.bezierCurveTo(-5, -7.5, 5, -7.5, 5, -4.5);
    context.lineTo(5, 4.5);
    context.bezierCurveTo(5, 7.5, -5, 7.5, -5, 4.5);
    context.closePath();
  },
};
const SHAPES = {
  other: [d3.symbolCircle, 60], gateway: [d3.symbolCross, 100], service: [d3.symbolCircle, 100], cache: [d3.symbolDiamond, 85],
  watch: [d3.symbolSquare, 100], database: [cylinder, 1], shard: [cylinder, 1], vote: [d3.symbolTriangle, 85],
};
const LID = "M-5,-4.5C-5,-1.8 5,-1.8 5,-4.5";

// Append a glyph of a duty to each element of a selection.
function glyph(selection, duty) {
  const of = typeof duty === "function" ? duty : () => duty;
  const svg = selection.append("svg").attr("class", "glyph").attr("viewBox", "-8 -8 16 16").attr("aria-hidden", "true").attr("data-duty", of);
  svg.append("path").attr("class", "body").attr("d", (datum) => d3.symbol(...SHAPES[of(datum)])());
  svg.filter((datum) => SHAPES[of(datum)][0] === cylinder).append("path").attr("class", "lid").attr("d", LID);
  return svg;
}
