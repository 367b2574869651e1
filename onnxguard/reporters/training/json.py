"""What the JSON of cards, evaluations and ablations share."""

from onnxguard.reporters.kit.json import Records

RECORDS: Records = {
    "baselines": ("answer", "iou"),
    "hardware": ("what", "which"),
    "recipe": ("option", "value"),
    "shared": ("held_out", "trained_on"),
    "skipped": ("pair", "why"),
    "versions": ("package", "version"),
}
"""Fields that hold plain tuples in several records, and what their items are called."""
