"""The model card: what a model is, in the form that the Hub reads."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from atlas.taxonomy.tree import Taxonomy


def model_card(name: str, recipe: Mapping[str, Any], taxonomy: Taxonomy, training: Mapping[str, Any]) -> str:
    """README.md of a model folder: YAML with a `model-index`, then the facts and how to use the model."""
    accuracy = training["dev_accuracy"]
    return "\n".join(
        [
            "---",
            "library_name: atlas-categorizer",
            "pipeline_tag: image-classification",
            "tags: [product-categorization, taxonomy]",
            *_index(name, training["data"], accuracy),
            "---",
            "",
            f"# {name}",
            "",
            f"Puts a product into one of {len(taxonomy.answers)} categories, by its picture.",
            "",
            "```python",
            "import atlas",
            "",
            f'print(atlas.load("{name}").predict("product.jpg"))',
            "```",
            "",
            *_origin(training),
            "",
            *[f"- first {level} names right: {100 * share:.1f} %" for level, share in enumerate(accuracy, 1)],
            "",
            "## Recipe",
            "",
            "```json",
            json.dumps(recipe, indent=2),
            "```",
            "",
        ]
    )


def _origin(training: Mapping[str, Any]) -> list[str]:
    """On what the model learned, and how its epoch was chosen: the last one where there was no `dev` part."""
    said = f"Trained on {training['pictures']:,} pictures of `{training['data']}`; epoch {training['best_epoch']} was"
    if not training["dev_accuracy"]:
        return [said, "the last one. The data set has no `dev` part, so nothing was measured."]
    return [
        said,
        "chosen on its `dev` part, where the figures below were measured, so expect a little less on new products.",
    ]


def _index(name: str, data: str, accuracy: list[float]) -> list[str]:
    """The `model-index` block; JSON strings are YAML strings, so odd names stay whole."""
    if not accuracy:
        return []
    lines = ["model-index:", f"- name: {json.dumps(name)}", "  results:"]
    lines += [
        "  - task: {type: image-classification}",
        f"    dataset: {{name: {json.dumps(data)}, type: atlas}}",
        "    metrics:",
    ]
    for level, share in enumerate(accuracy, 1):
        lines.append(f"    - {{type: accuracy, name: first {level} names right on dev, value: {share:.4f}}}")
    return lines
