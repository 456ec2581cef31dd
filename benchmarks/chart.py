"""Draws figures as SVG: how far each is on the right side of its bound, readable in light and dark."""

import math
from collections.abc import Sequence
from html import escape

from benchmarks.figure import Figure

WIDTH, ROW, TOP, LABELS, EDGE = 960, 24, 64, 520, 8.0  # EDGE: what is further off is drawn at the edge
STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #1f2328 } .small { font-size: 12px; fill: #59636e }
  line { stroke: #8c959f } .bound { stroke: #1f2328; stroke-width: 1.5 } .kept { fill: #0969da; stroke: #0969da }
  .missed { fill: #cf222e; stroke: #cf222e }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc } .small { fill: #9198a1 } line { stroke: #656c76 } .bound { stroke: #f0f6fc }
    .kept { fill: #4493f8; stroke: #4493f8 } .missed { fill: #f85149; stroke: #f85149 }
  }
"""


def drawn(figures: Sequence[Figure], about: str) -> str:
    """The picture of a run."""
    height = TOP + ROW * len(figures) + 16
    middle = place(1.0)
    rows = "".join(row(figure, TOP + ROW * number + ROW // 2) for number, figure in enumerate(figures))
    box = f'viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(about)}"'
    return f"""<svg xmlns="http://www.w3.org/2000/svg" {box}>
<style>{STYLE}</style>
<text x="8" y="20">Each figure beside its bound</text><text x="8" y="38" class="small">{escape(about)}</text>
{axis(height)}
<line class="bound" x1="{middle}" x2="{middle}" y1="{TOP - 8}" y2="{height - 8}"/>
{rows}</svg>
"""


def axis(height: int) -> str:
    """Where a figure would be that keeps its bound so many times over, or misses it."""
    parts = []
    for factor, said in ((1 / 4, "4 × worse"), (1.0, "bound"), (4.0, "4 × better")):
        x = place(factor)
        parts.append(f'<text class="small" x="{x}" y="{TOP - 14}" text-anchor="middle">{said}</text>')
        parts.append(f'<line x1="{x}" x2="{x}" y1="{TOP - 8}" y2="{height - 8}" stroke-dasharray="2 4"/>')
    return "".join(parts)


def row(figure: Figure, y: int) -> str:
    """A figure's name, the spread of its rounds and their median."""
    low, middle, high = (place(margin(figure, value)) for value in (min(figure.each), figure.reached, max(figure.each)))
    kind = "kept" if figure.holds else "missed"
    said = f"{figure.reached:.2f} of {figure.wanted}"
    return (
        f'<text x="8" y="{y + 4}">{escape(figure.name)} <tspan class="small">{escape(figure.where)}</tspan>'
        f"<title>{escape(f'{figure}')}</title></text>"
        f'<line class="{kind}" x1="{low}" x2="{high}" y1="{y}" y2="{y}" stroke-width="2"/>'
        f'<circle class="{kind}" cx="{middle}" cy="{y}" r="5"><title>{escape(said)}</title></circle>\n'
    )


def margin(figure: Figure, value: float) -> float:
    """How many times over a value keeps the bound; less than one when it does not."""
    return figure.bound / value if figure.at_most else value / figure.bound


def place(factor: float) -> float:
    """Where a margin is drawn, left to right in powers of two."""
    share = math.log2(min(EDGE, max(1 / EDGE, factor))) / math.log2(EDGE)
    return round(LABELS + (WIDTH - LABELS - 16) * (share + 1) / 2, 1)
