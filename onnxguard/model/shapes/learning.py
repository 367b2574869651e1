"""The operators of ai.onnx.ml and of training (onnx/defs/traditionalml, onnx/defs/training)."""

from __future__ import annotations

from collections.abc import Callable

from onnxguard.model.shapes import dims as d
from onnxguard.model.shapes.dims import Dim
from onnxguard.model.shapes.elementwise import same
from onnxguard.model.shapes.known import UNKNOWN, Outputs, Site, UnknownError, of
from onnxguard.model.shapes.selection import array_feature_extractor


def _rows(site: Site) -> Dim:
    """How many rows come out; a vector is one of them."""
    shape = site.shape(0)
    if len(shape) == 1:
        return 1
    if len(shape) != 2:
        raise UnknownError
    return shape[0]


def _classes(site: Site) -> int | None:
    for name, place in ((b"classlabels_strings", 2), (b"classlabels_ints", 0)):
        found = site.attribute(name)
        if found is not None and found.counts[place]:
            return found.counts[place]
    for name in (b"classlabels_int64s",):
        found = site.attribute(name)
        if found is not None and found.counts[0]:
            return found.counts[0]
    return None


def classifier(site: Site) -> Outputs:
    """A label for each row, and a score for each class; of two classes there may be one score."""
    classes = _classes(site)
    return of((_rows(site),), (_rows(site), classes if classes and classes > 2 else None))


def tree_regressor(site: Site) -> Outputs:
    """A number for each row and target."""
    return of((_rows(site), site.integer(b"n_targets", 0) or None))


def linear_regressor(site: Site) -> Outputs:
    """A number for each row and target."""
    return of((_rows(site), site.integer(b"targets", 1)))


def svm_regressor(site: Site) -> Outputs:
    """A number for each row."""
    return of((_rows(site), 1))


def feature_vectorizer(site: Site) -> Outputs:
    """The columns of all inputs."""
    sizes = site.integers(b"inputdimensions")
    if not sizes:
        raise UnknownError
    return of((_rows(site), d.total(sizes)))


def one_hot_encoder(site: Site) -> Outputs:
    """A new axis, as long as there are categories."""
    for name, place in ((b"cats_int64s", 0), (b"cats_strings", 2)):
        found = site.attribute(name)
        if found is not None:
            return of((*site.shape(0), found.counts[place]))
    raise UnknownError


def tree_ensemble(site: Site) -> Outputs:
    """A number for each row and target."""
    return of((site.shape(0, rank=2)[0], site.integer(b"n_targets", 0) or None))


def optimizer(blocks: int) -> Callable[[Site], Outputs]:
    """Rate, count, then ``blocks`` of tensors: each new one has the shape of the old."""

    def rule(site: Site) -> Outputs:
        size = max(len(site.inputs) - 2, 0) // blocks
        kept = (*site.inputs[2 : 2 + size], *site.inputs[2 + 2 * size :])
        return of(*[known.shape for known in kept])

    return rule


def unknown(_: Site) -> Outputs:
    """What depends on the data, or is no tensor."""
    return (UNKNOWN,)


LEARNING: dict[str, Callable[[Site], Outputs]] = {
    "ArrayFeatureExtractor": array_feature_extractor,
    "Binarizer": same,
    "CategoryMapper": same,
    "FeatureVectorizer": feature_vectorizer,
    "Imputer": same,
    "LabelEncoder": same,
    "LinearClassifier": classifier,
    "LinearRegressor": linear_regressor,
    "Normalizer": same,
    "OneHotEncoder": one_hot_encoder,
    "SVMClassifier": classifier,
    "SVMRegressor": svm_regressor,
    "Scaler": same,
    "TreeEnsemble": tree_ensemble,
    "TreeEnsembleClassifier": classifier,
    "TreeEnsembleRegressor": tree_regressor,
}

TRAINING: dict[str, Callable[[Site], Outputs]] = {
    "Adagrad": optimizer(3),
    "Adam": optimizer(4),
    "Momentum": optimizer(3),
}
