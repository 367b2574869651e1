"""A repository's manifest: which models it holds, and what each must be."""

from typing import NamedTuple

from onnxguard.base.budget import FULL_CHECK_MEBIBYTES, FULL_CHECK_SECONDS
from onnxguard.base.globs import literal, pattern
from onnxguard.model.facts import Dim
from onnxguard.policy.allowlist import Allowlist, Limit, Range, Waiver
from onnxguard.policy.sizes import Sizes

MANIFEST = "onnxguard.yaml"


class Signature(NamedTuple):
    """What an input or output must be.

    Attributes:
        name: its name.
        kind: ``tensor``, ``sequence(tensor)``, ...
        dtype: ``float32``, ``int64``, ...
        dims: numbers, names of symbolic dimensions, None for any dynamic one; None as a whole lets
            any rank through.
    """

    name: str
    kind: str
    dtype: str
    dims: tuple[Dim, ...] | None


class Contract(NamedTuple):
    """What the program that loads a model counts on; what is empty or None is not asked for.

    Attributes:
        opset: versions by domain; a model may import no other domain where any is named.
        ir_version: of the file.
        inputs: in order.
        outputs: in order.
        max_bytes: of the file and its external data together.
        metadata: required keys, each with its value, or None for any value.
    """

    opset: dict[str, Range]
    ir_version: Range | None
    inputs: tuple[Signature, ...] | None
    outputs: tuple[Signature, ...] | None
    max_bytes: int | None
    metadata: dict[str, str | None]


class ParitySpec(NamedTuple):
    """How the parity check is to be made: the settings that are given, as the check takes them."""

    torch: str | None
    reference: str | None
    weights: str | None
    settings: dict[str, float | int | str | tuple[str, ...] | dict[str, float]]


class FullCheckLimits(NamedTuple):
    """What ONNX's checker may take for one model."""

    seconds: int = FULL_CHECK_SECONDS
    mebibytes: int = FULL_CHECK_MEBIBYTES


class Entry(NamedTuple):
    """Some models, and what they must be.

    Attributes:
        paths: patterns, relative to the manifest's folder.
        policy: the allowlist.
        contract: None where none is given.
        parity: None where none is asked for.
        waivers: of findings in these models.
        place: ``file:line`` of the manifest.
        full_check: None where ONNX's checker is not asked for.
        sizes: shapes of inputs for which costs count.
        limits: on what a run costs, in place of the list's.
    """

    paths: tuple[str, ...]
    policy: Allowlist
    contract: Contract | None
    parity: ParitySpec | None
    waivers: tuple[Waiver, ...]
    place: str
    full_check: FullCheckLimits | None = None
    sizes: Sizes = ()
    limits: tuple[tuple[str, Limit], ...] = ()

    @property
    def judging(self) -> Allowlist:
        """The allowlist with the entry's own sizes and limits."""
        if not self.sizes and not self.limits:
            return self.policy
        limits = self.policy.limits | dict(self.limits)
        return self.policy._replace(sizes=self.sizes, limits=limits)


class Manifest(NamedTuple):
    """A manifest.

    Attributes:
        root: the folder that it lies in; paths are relative to it.
        path: the file itself, as it is shown.
        entries: in order; the first that covers a model counts.
        exclude: patterns of files that are no models to deliver.
        lock: whether a lock must be there.
        digest: SHA-256 of the file.
        lists: the allowlists that it names: ids, and paths of files.
        include_ignored: models that Git ignores are models as others are.
    """

    root: str
    path: str
    entries: tuple[Entry, ...]
    exclude: tuple[str, ...]
    lock: bool
    digest: str
    lists: tuple[str, ...] = ()
    include_ignored: bool = False


class EntryFinder:
    """Finds the first entry of a manifest that covers a path, however many entries there are."""

    def __init__(self, entries: tuple[Entry, ...]) -> None:
        self._exact: dict[str, int] = {}
        self._globs: list[tuple[int, str]] = []
        for index, entry in enumerate(entries):
            for glob in entry.paths:
                if literal(glob) is None:
                    self._globs.append((index, glob))
                else:
                    self._exact.setdefault(glob, index)

    def find(self, path: str) -> int | None:
        """The index of the entry, None where none covers the path."""
        exact = self._exact.get(path)
        for index, glob in self._globs:
            if exact is not None and index > exact:
                break
            if pattern(glob).fullmatch(path):
                return index
        return exact
