"""The classical estimator: text and numbers to the probability of each level; in the model environment only.

The mean of an ordinal logistic regression (text and numbers) and of a forest of extremely randomised trees (numbers and
the main directions of the text). Its state is named arrays of numbers and words, so that a file of it holds nothing
that can run.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import sparse  # pyright: ignore[reportMissingImports]
from sklearn.decomposition import TruncatedSVD  # pyright: ignore[reportMissingImports]
from sklearn.ensemble import ExtraTreesRegressor  # pyright: ignore[reportMissingImports]
from sklearn.feature_extraction.text import TfidfVectorizer  # pyright: ignore[reportMissingImports]
from sklearn.linear_model import LogisticRegression  # pyright: ignore[reportMissingImports]

from contracts.errors import TuningError, TuningFault
from contracts.tuning import Features

Array = NDArray[np.float64]
State = dict[str, NDArray]
Settings = dict[str, float | int | str]
DEFAULTS: Settings = {
    "seed": 1,
    "c": 0.3,  # inverse of the regression's L2 penalty
    "numbers_scale": 0.4,  # weight of a standard deviation beside text of length 1
    "topics": 30,  # directions of the text
    "trees": 200,
    "leaf": 3,  # least rows of a leaf
    "tree_features": 0.3,  # share of numbers that a split looks at
}
"""Chosen on decisions alone, by cross-fitting: docs/judges.md has what was tried."""
VOCABULARIES = {
    "words": {"ngram_range": (1, 2), "min_df": 2, "sublinear_tf": True, "token_pattern": r"\b\w+\b"},
    "pieces": {"analyzer": "char_wb", "ngram_range": (2, 5), "min_df": 3, "sublinear_tf": True},
}
LEAST = 1e-4  # of a probability: nothing here is certain
LEAF = -1


def fit(rows: Sequence[Features], targets: Array, weights: Array, settings: Settings) -> State:
    """Return what these lessons teach: targets (rows, levels), weights (rows,)."""
    texts, names = [row.text for row in rows], sorted(rows[0].numbers)
    state: State = {"names": np.array(names)}
    for kind, options in VOCABULARIES.items():
        learned = TfidfVectorizer(**options).fit(texts)
        state |= {f"{kind}_known": learned.get_feature_names_out().astype(str), f"{kind}_idf": learned.idf_}
    text, numbers = _text(state, rows), _numbers(state, rows)
    state |= _scaling(numbers, settings)
    topics = min(int(settings["topics"]), min(text.shape) - 1)
    state["topics"] = TruncatedSVD(topics, random_state=int(settings["seed"])).fit(text).components_
    state |= _regression(_linear(state, text, numbers), targets, weights, settings)
    return state | _forest(_dense(state, text, numbers), targets, weights, settings)


def probabilities(state: State, rows: Sequence[Features]) -> Array:
    """Return the probability of each level, (rows, levels). Raises TuningError for numbers that were not learned."""
    text, numbers = _text(state, rows), _numbers(state, rows)
    odds = _linear(state, text, numbers) @ state["weights"].T + state["offsets"]
    edge = np.ones((len(rows), 1))
    above = np.minimum.accumulate(np.hstack([edge, 1 / (1 + np.exp(-odds)), 0 * edge]), axis=1)
    told = (above[:, :-1] - above[:, 1:] + _by_trees(state, _dense(state, text, numbers))) / 2
    told = np.clip(told, LEAST, None)
    return told / told.sum(axis=1, keepdims=True)


def save(state: State, file: Path) -> None:
    """Write the state as one file."""
    np.savez(file, allow_pickle=False, **state)


def load(file: Path) -> State:
    """Read what `save` wrote; anything but plain arrays is refused by numpy."""
    with np.load(file, allow_pickle=False) as stored:
        return dict(stored)


def _text(state: State, rows: Sequence[Features]) -> sparse.csr_matrix:
    blocks = []
    for kind, options in VOCABULARIES.items():
        known = TfidfVectorizer(**{**options, "min_df": 1}, vocabulary=list(state[f"{kind}_known"]))
        known.idf_ = state[f"{kind}_idf"]
        blocks.append(known.transform([row.text for row in rows]))
    return sparse.hstack(blocks).tocsr()


def _numbers(state: State, rows: Sequence[Features]) -> Array:
    names = [str(name) for name in state["names"]]
    if any(sorted(row.numbers) != names for row in rows):
        raise TuningError(TuningFault.OTHER_FEATURES, "a row has other numbers than those that were learned")
    return np.array([[np.nan if row.numbers[n] is None else row.numbers[n] for n in names] for row in rows], float)


def _scaling(numbers: Array, settings: Settings) -> State:
    measured = ~np.isnan(numbers).all(axis=0)
    median = np.zeros(numbers.shape[1])
    median[measured] = np.nanmedian(numbers[:, measured], axis=0)
    known = np.where(np.isnan(numbers), median, numbers)
    return {
        "median": median,
        "mean": known.mean(axis=0),
        "deviation": np.where(known.std(axis=0) > 0, known.std(axis=0), 1.0),
        "scale": np.array(float(settings["numbers_scale"])),
    }


def _linear(state: State, text: sparse.csr_matrix, numbers: Array) -> sparse.csr_matrix:
    known = np.where(np.isnan(numbers), state["median"], numbers)
    standard = (known - state["mean"]) / state["deviation"]
    return sparse.hstack([text, sparse.csr_matrix(standard * state["scale"])]).tocsr()


def _dense(state: State, text: sparse.csr_matrix, numbers: Array) -> NDArray[np.float32]:
    # What was not measured stands below all that can be; the trees compare in 32 bits.
    return np.hstack([np.where(np.isnan(numbers), -1.0, numbers), text @ state["topics"].T]).astype(np.float32)


def _regression(values: sparse.csr_matrix, targets: Array, weights: Array, settings: Settings) -> State:
    """One binary regression for each border between levels, on soft targets as weighted pairs of rows."""
    beyond = 1 - np.cumsum(targets, axis=1)[:, :-1]
    fitted = []
    for share in np.clip(beyond, 0, 1).T:
        model = LogisticRegression(C=float(settings["c"]), max_iter=1000)
        twice, sides = sparse.vstack([values, values]), np.repeat([1, 0], len(targets))
        fitted.append(model.fit(twice, sides, np.concatenate([weights * share, weights * (1 - share)])))
    return {
        "weights": np.vstack([model.coef_[0] for model in fitted]),
        "offsets": np.array([model.intercept_[0] for model in fitted]),
    }


def _forest(values: NDArray[np.float32], targets: Array, weights: Array, settings: Settings) -> State:
    forest = ExtraTreesRegressor(
        int(settings["trees"]),
        min_samples_leaf=int(settings["leaf"]),
        max_features=float(settings["tree_features"]),
        random_state=int(settings["seed"]),
        n_jobs=-1,
    ).fit(values, targets, weights)
    trees = [tree.tree_ for tree in forest.estimators_]
    roots = np.cumsum([0, *(tree.node_count for tree in trees)])[:-1]
    moved = list(zip(trees, roots, strict=True))
    return {
        "roots": roots,
        "left": np.concatenate([np.where(t.children_left >= 0, t.children_left + at, LEAF) for t, at in moved]),
        "right": np.concatenate([np.where(t.children_right >= 0, t.children_right + at, LEAF) for t, at in moved]),
        "split_on": np.concatenate([tree.feature for tree in trees]),
        "split_at": np.concatenate([tree.threshold for tree in trees]),
        "leaves": np.concatenate([tree.value[:, :, 0] for tree in trees]),
    }


def _by_trees(state: State, values: NDArray[np.float32]) -> Array:
    rows, total = np.arange(len(values)), np.zeros((len(values), state["leaves"].shape[1]))
    for root in state["roots"]:
        node = np.full(len(values), root)
        while (inner := state["left"][node] != LEAF).any():
            split = np.where(inner, state["split_on"][node], 0)
            goes_left = values[rows, split] <= state["split_at"][node]
            node = np.where(inner, np.where(goes_left, state["left"][node], state["right"][node]), node)
        total += state["leaves"][node]
    return total / len(state["roots"])
