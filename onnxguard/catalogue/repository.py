"""OG81x to OG83x: what a repository's manifest, lock and baseline say of its models."""

from __future__ import annotations

from functools import partial

from onnxguard.base.findings import Severity
from onnxguard.catalogue.rule import Rule

_Own = partial(Rule, waivable=False, baselinable=False)
_Unwaivable = partial(Rule, waivable=False)

REPOSITORY = (
    _Own(
        "OG811",
        "model-uncovered",
        Severity.ERROR,
        "No entry of the manifest covers the model.",
        "Nothing judged it. A model that was added beside the others, or whose pattern has a slip, "
        "would go on to the runtime because nobody looked at it.",
        "Add a pattern to an entry of onnxguard.yaml, or name the folder under 'exclude' if "
        "its models are never delivered.",
    ),
    _Unwaivable(
        "OG812",
        "entry-unused",
        Severity.ERROR,
        "An entry of the manifest, or a path in it, covers no model.",
        "The model was renamed, moved or lost, and what the entry asks for is asked of nothing. An "
        "earlier entry that covers the same models has the same effect: the first one counts. A "
        "path beside others that matches nothing hides the same slip.",
        "Correct the pattern, put the entry before the one that takes its models, or delete it.",
    ),
    _Unwaivable(
        "OG813",
        "contract-broken",
        Severity.ERROR,
        "The model is not what the manifest's contract says.",
        "The program that loads the model was written for these inputs, outputs, versions or "
        "sizes. With others it fails when it is started, or feeds one tensor where another "
        "belongs.",
        "Export the model as agreed, or change the contract in onnxguard.yaml and the program that "
        "relies on it.",
    ),
    _Unwaivable(
        "OG814",
        "parity-failed",
        Severity.ERROR,
        "The graph does not compute what its PyTorch module does.",
        "Every operator is allowed and the signature is right, but the answers differ, or the "
        "comparison says nothing. Nothing but a comparison shows that.",
        "Run onnxguard parity on the model: it names the node, and --save keeps the evidence.",
    ),
    _Own(
        "OG821",
        "changed-since-lock",
        Severity.ERROR,
        "The file is not the one that was locked.",
        "Its bytes differ from those that were reviewed: weights changed without their review, a "
        "transfer was cut, or somebody put another file there. The graph may look as it did.",
        "If the change is meant, review it with onnxguard diff, then run onnxguard lock and commit "
        "onnxguard.lock with the model. Otherwise restore the file.",
    ),
    _Own(
        "OG822",
        "not-locked",
        Severity.ERROR,
        "The lock does not know the file.",
        "A model or its data was added without its checksum, so that a later change of it would "
        "not be noticed.",
        "Run onnxguard lock and commit onnxguard.lock with the file.",
    ),
    _Own(
        "OG823",
        "locked-file-missing",
        Severity.ERROR,
        "A file that the lock names is not there.",
        "It was deleted or renamed without the lock. What was reviewed under this name is no "
        "longer what is delivered.",
        "Restore the file, or run onnxguard lock and commit onnxguard.lock with the deletion.",
    ),
    _Own(
        "OG831",
        "baseline-stale",
        Severity.WARNING,
        "The baseline accepts findings that are gone.",
        "What it still accepts could come back without anybody noticing. A baseline is there to "
        "become shorter.",
        "Run the same command with --update-baseline, and commit the file.",
    ),
)
