"""Draw figures as SVG: how far each is on the right side of its bound. Readable in light and dark mode."""

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


def draw_chart(figures: Sequence[Figure], title: str) -> str:
    """Draw the chart of a run."""
    height = TOP + ROW * len(figures) + 16
    middle = compute_x(1.0)
    rows = "".join(draw_row(figure, TOP + ROW * number + ROW // 2) for number, figure in enumerate(figures))
    attributes = f'viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(title)}"'
    return f"""<svg xmlns="http://www.w3.org/2000/svg" {attributes}>
<style>{STYLE}</style>
<text x="8" y="20">Each figure beside its bound</text><text x="8" y="38" class="small">{escape(title)}</text>
{draw_axis(height)}
<line class="bound" x1="{middle}" x2="{middle}" y1="{TOP - 8}" y2="{height - 8}"/>
{rows}</svg>
"""


def draw_axis(height: int) -> str:
    """Draw the axis: how many times over a figure keeps its bound, or misses it."""
    elements = []
    for factor, label in ((1 / 4, "4 × worse"), (1.0, "bound"), (4.0, "4 × better")):
        x = compute_x(factor)
        elements.append(f'<text class="small" x="{x}" y="{TOP - 14}" text-anchor="middle">{label}</text>')
        elements.append(f'<line x1="{x}" x2="{x}" y1="{TOP - 8}" y2="{height - 8}" stroke-dasharray="2 4"/>')
    return "".join(elements)


def draw_row(figure: Figure, y: int) -> str:
    """Draw a figure's name, the spread of its rounds and their median."""
    low, middle, high = (
        compute_x(compute_margin(figure, value)) for value in (min(figure.ratios), figure.result, max(figure.ratios))
    )
    kind = "kept" if figure.is_within_bound else "missed"
    label = f"{figure.result:.2f} of {figure.bound_text}"
    return (
        f'<text x="8" y="{y + 4}">{escape(figure.name)} <tspan class="small">{escape(figure.flush_mode)}</tspan>'
        f"<title>{escape(f'{figure}')}</title></text>"
        f'<line class="{kind}" x1="{low}" x2="{high}" y1="{y}" y2="{y}" stroke-width="2"/>'
        f'<circle class="{kind}" cx="{middle}" cy="{y}" r="5"><title>{escape(label)}</title></circle>\n'
    )


def compute_margin(figure: Figure, value: float) -> float:
    """Compute how many times over a value keeps the bound; less than 1 when it does not."""
    return figure.bound / value if figure.at_most else value / figure.bound


def compute_x(factor: float) -> float:
    """Compute the x coordinate of a margin, on a logarithmic scale from left to right."""
    share = math.log2(min(EDGE, max(1 / EDGE, factor))) / math.log2(EDGE)
    return round(LABELS + (WIDTH - LABELS - 16) * (share + 1) / 2, 1)
