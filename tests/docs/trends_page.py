"""The tables of docs/reference/trends.md, made from the code: `python -m tests.docs.trends_page` writes them anew."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from circadia.api.arguments import query_name
from circadia.domain.analyses import ANALYSES
from circadia.domain.analyses.analysis import Analysis, Parameter
from circadia.domain.trends import DAY_METRICS

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "trends.md"
BEGIN = "## Figures of a day\n"
_POLARITY = {"up": "higher", "down": "lower", "near": "near one's own", "none": ""}


def tables() -> str:
    """From the heading of the figures to the end of the page."""
    return "\n".join([*_figures(), *(line for each in ANALYSES for line in _analysis(each))]) + "\n"


def _figures() -> Iterator[str]:
    yield BEGIN
    yield "| Name | Label | Unit | Good is | Told in | Days needed | What it is |"
    yield "|---|---|---|---|---|---|---|"
    for each in DAY_METRICS:
        about = f"{each.about}. Derived by Circadia" if each.derived else each.about
        yield (
            f"| `{each.name}` | {each.label} | {each.unit} | {_POLARITY[each.polarity]} | {each.part} "
            f"| {each.minimum} | {about} |"
        )
    yield "\n## Analyses"


def _analysis(analysis: Analysis) -> Iterator[str]:
    arguments = ", ".join(["user_id", *(each.name for each in analysis.parameters)])
    yield f"\n### `{analysis.name}`\n"
    yield f"{analysis.title}. {analysis.about}\n"
    yield f"- **Formula:** {analysis.formula}"
    yield f"- **Source:** {analysis.source}"
    yield f"- **Days needed:** {analysis.minimum}"
    yield f"- **SQL:** `reporting.{analysis.function}({arguments})`\n"
    yield "| Parameter | Meaning |"
    yield "|---|---|"
    yield from (f"| `{query_name(each)}` | {_parameter(each)} |" for each in analysis.parameters)
    yield "\n| Column | Unit | Meaning |"
    yield "|---|---|---|"
    for column in analysis.columns:
        unit = "of the metric" if column.unit == "metric" else column.unit
        yield f"| `{column.name}` | {unit} | {_cell(column.about)} |"


def _parameter(parameter: Parameter) -> str:
    words = [parameter.about]
    if parameter.choices:
        words.append(f"one of {', '.join(f'`{each}`' for each in parameter.choices)}")
    if parameter.default is not None:
        words.append(f"without it `{parameter.default}`")
    return _cell("; ".join(words))


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def main() -> None:
    """Write the tables anew, under whatever stands before them."""
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(text[: text.index(BEGIN)] + tables(), encoding="utf-8")


if __name__ == "__main__":
    main()
