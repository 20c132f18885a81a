"""The lineage of the whole lake as a script: names, kinds, owners, edges. `graph.js` draws it.

Pure.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from lakeworks.site.graph_view import edges
from lakeworks.site.links import table_path

if TYPE_CHECKING:
    from lakeworks.site.facts import SiteFacts


def graph_script(facts: SiteFacts) -> str:
    """Return the script that gives the page the lake's graph."""
    graph = facts.graph
    names = sorted(graph.nodes)
    place = {name: number for number, name in enumerate(names)}
    nodes = [
        {
            "name": name,
            "kind": graph.nodes[name].kind,
            "owner": graph.nodes[name].owner,
            "page": table_path(name) if name in facts.tables else "",
        }
        for name in names
    ]
    pairs = [[place[source], place[target]] for source, target in edges(graph, names)]
    order = [one.name for one in facts.databases]
    data = {"nodes": nodes, "edges": pairs, "databases": order}
    return f"lakeworks.graph({json.dumps(data, separators=(',', ':'))});\n"
