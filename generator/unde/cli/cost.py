"""``unde cost``."""

from __future__ import annotations

from .options import DEFAULT_LAYOUT, Assignments, Format, LayoutFile, OutputFormat, Overlay, load_sound


def cost(layout: LayoutFile = DEFAULT_LAYOUT, output: OutputFormat = Format.table, overlay: Overlay = None, assignments: Assignments = "") -> None:
    """Add up what each size of the estate costs a month, by provider of the local site, beside what the document states; and what 10,000 and 50,000 users cost.

    Example: unde cost --format json
    """
    from ..reports import bills, render

    estate = load_sound(layout, overlay, assignments)
    if output is Format.json:
        render.show(render.as_json(bills.rows(estate)))
        return
    texts = ["\n".join([render.as_table(title, lines), *(f"  · {reason}" for reason in why)]) for title, lines, why in bills.tables(estate)]
    if saved := bills.ways_table(estate):
        texts.append(render.as_table("the layout's way to keep and find vectors, and the document's", saved))
    render.show("\n\n".join(texts) if texts else "no configurations are defined: costs.configurations")
