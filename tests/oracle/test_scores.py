"""The scores against scikit-learn, and a bootstrap written out in NumPy.

Environment: STARLING_BUILD, the build directory (default: build).
"""
import ctypes
import os
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import rankdata

sklearn_metrics = pytest.importorskip("sklearn.metrics")

BUILD = Path(os.environ.get("STARLING_BUILD", Path(__file__).resolve().parents[2] / "build"))
MAX_CLASSES, BINS = 64, 15
FIGURES = ["log_loss", "log_loss_kaggle", "log_loss_rows", "accuracy", "recall", "f1", "roc_area", "pr_area", "ece",
           "ece_mass", "ece_balanced", "ece_shares"]
CLASS_FIGURES = ["log_loss", "precision", "recall", "f1", "roc_area", "pr_area"]
PLASTICC = [6, 15, 16, 42, 52, 53, 62, 64, 65, 67, 88, 90, 92, 95]


class Class(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char * 32), ("plasticc_id", ctypes.c_int32), ("elasticc_id", ctypes.c_int32)]


class Input(ctypes.Structure):
    _fields_ = [("n", ctypes.c_size_t), ("n_classes", ctypes.c_uint32), ("classes", ctypes.c_void_p),
                ("p", ctypes.c_void_p), ("label", ctypes.c_void_p), ("group", ctypes.c_void_p),
                ("n_groups", ctypes.c_size_t)]


class Options(ctypes.Structure):
    _fields_ = [("resamples", ctypes.c_uint32), ("seed", ctypes.c_uint64)]


class Interval(ctypes.Structure):
    _fields_ = [("value", ctypes.c_double), ("low", ctypes.c_double), ("high", ctypes.c_double)]


class Reliability(ctypes.Structure):
    _fields_ = [("share", ctypes.c_double), ("confidence", ctypes.c_double), ("accuracy", Interval)]


class ClassScores(ctypes.Structure):
    _fields_ = [("n", ctypes.c_uint64), ("answered", ctypes.c_uint64), ("figure", Interval * len(CLASS_FIGURES))]


class Scores(ctypes.Structure):
    _fields_ = [("n", ctypes.c_size_t), ("n_classes", ctypes.c_uint32), ("n_present", ctypes.c_uint32),
                ("figure", Interval * len(FIGURES)), ("of_class", ClassScores * MAX_CLASSES),
                ("confusion", (ctypes.c_uint64 * MAX_CLASSES) * MAX_CLASSES),
                ("reliability", (Reliability * BINS) * 4), ("ece_floor", ctypes.c_double * 4)]


class Difference(ctypes.Structure):
    _fields_ = [("interval", Interval), ("error", ctypes.c_double), ("below", ctypes.c_double)]


@pytest.fixture(scope="module")
def library():
    lib = ctypes.CDLL(str(BUILD / "src" / "libstarling.so"))
    lib.sl_figure_name.restype = lib.sl_class_figure_name.restype = ctypes.c_char_p
    return lib


def make_input(p, label, ids):
    classes = (Class * len(ids))(*[Class(f"c{i}".encode(), i, 0) for i in ids])
    p, label = np.ascontiguousarray(p, np.float32), np.ascontiguousarray(label, np.uint8)
    got = Input(len(label), len(ids), ctypes.addressof(classes), p.ctypes.data, label.ctypes.data, None, 0)
    got.keep = (classes, p, label)
    return got


def compute(lib, p, label, ids, resamples=0, seed=1):
    scores = Scores()
    options = Options(resamples, seed)
    assert lib.sl_scores_compute(ctypes.byref(make_input(p, label, ids)), ctypes.byref(options), ctypes.byref(scores),
                                 None) == 0
    return scores


def rows(seed, n, n_classes, sharp, ties):
    rng = np.random.default_rng(seed)
    label = rng.choice(n_classes, n, p=rng.dirichlet(np.full(n_classes, 1.0)))
    z = sharp * rng.normal(size=(n, n_classes))
    z[np.arange(n), label] += sharp
    p = np.exp(z - z.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    if ties:
        p = np.maximum(np.round(p * 16), 1e-3)
    return p.astype(np.float32), label


def clipped(p):
    p = np.clip(p.astype(float), 1e-15, 1 - 1e-15)
    return p / p.sum(1, keepdims=True)


def kaggle(p, label, ids):
    """The metric as PLAsTiCC defines it."""
    p, total, weights = clipped(p), 0, 0
    for k, i in enumerate(ids):
        if (label == k).any():
            w = 2 if i in (15, 64) else 1
            total += w * -np.log(p[label == k, k]).mean()
            weights += w
    return total / weights


def ece(confidence, right, weight, bins):
    return sum(abs(np.sum(weight[bins == b] * (right[bins == b] - confidence[bins == b]))) for b in range(BINS)) / weight.sum()


def roc_area(p, mine):
    """By the ranks of the class's own rows (Mann and Whitney)."""
    n = mine.sum()
    return (rankdata(p)[mine].sum() - n * (n + 1) / 2) / (n * (len(p) - n))


def check(x, wanted):
    assert np.isclose(x, wanted, rtol=1e-9, atol=1e-12, equal_nan=True), (x, wanted)


CASES = [(1, 500, 14, 2.0, False), (2, 500, 14, 2.0, True), (3, 60, 14, 8.0, False), (4, 2000, 5, 0.5, True),
         (5, 300, 2, 30.0, False)]


def test_the_names_are_those_of_this_file(library):
    assert [library.sl_figure_name(i).decode() for i in range(len(FIGURES))] == FIGURES
    assert [library.sl_class_figure_name(i).decode() for i in range(len(CLASS_FIGURES))] == CLASS_FIGURES


@pytest.mark.parametrize("case", CASES)
def test_figures_are_those_of_scikit_learn(library, case):
    p, label = rows(*case)
    ids = PLASTICC[: p.shape[1]]
    s = compute(library, p, label, ids)
    got = {name: s.figure[i].value for i, name in enumerate(FIGURES)}
    answer = p.argmax(1)
    present = np.unique(label)
    check(got["accuracy"], sklearn_metrics.accuracy_score(label, answer))
    check(got["recall"], sklearn_metrics.recall_score(label, answer, labels=present, average="macro", zero_division=0))
    check(got["f1"], sklearn_metrics.f1_score(label, answer, labels=present, average="macro", zero_division=0))
    check(got["log_loss_rows"], -np.log(clipped(p)[np.arange(len(label)), label]).mean())
    balanced = (1 / np.bincount(label, minlength=len(ids))[label])
    check(got["log_loss"], sklearn_metrics.log_loss(label, clipped(p), labels=range(len(ids)), sample_weight=balanced))
    check(got["log_loss_kaggle"], kaggle(p, label, ids))
    roc, pr = [], []
    for k in range(len(ids)):
        mine = {name: s.of_class[k].figure[i].value for i, name in enumerate(CLASS_FIGURES)}
        assert s.of_class[k].n == (label == k).sum() and s.of_class[k].answered == (answer == k).sum()
        if k not in present:
            assert all(np.isnan(x) for x in mine.values())
            continue
        precision, recall, f1, _ = sklearn_metrics.precision_recall_fscore_support(
            label, answer, labels=[k], zero_division=0)
        check(mine["precision"], precision[0])
        check(mine["recall"], recall[0])
        check(mine["f1"], f1[0])
        roc.append(sklearn_metrics.roc_auc_score(label == k, p[:, k]))
        pr.append(sklearn_metrics.average_precision_score(label == k, p[:, k]))
        check(mine["roc_area"], roc[-1])
        check(mine["pr_area"], pr[-1])
    check(got["roc_area"], np.mean(roc))
    check(got["pr_area"], np.mean(pr))
    wanted = sklearn_metrics.confusion_matrix(label, answer, labels=range(len(ids)))
    assert (np.array(s.confusion)[: len(ids), : len(ids)] == wanted).all()


@pytest.mark.parametrize("case", CASES)
def test_calibration_is_that_of_its_definition(library, case):
    p, label = rows(*case)
    s = compute(library, p, label, PLASTICC[: p.shape[1]])
    confidence = clipped(p).max(1) if not case[4] else clipped(p)[np.arange(len(p)), p.argmax(1)]
    right = (p.argmax(1) == label).astype(float)
    one = np.ones(len(p))
    width = np.clip(np.ceil(confidence * BINS) - 1, 0, BINS - 1).astype(int)
    check(s.figure[FIGURES.index("ece")].value, ece(confidence, right, one, width))
    check(s.figure[FIGURES.index("ece_balanced")].value,
          ece(confidence, right, 1 / np.bincount(label)[label], width))
    at_shares = clipped(p) * np.bincount(label, minlength=p.shape[1])
    at_shares /= at_shares.sum(1, keepdims=True)
    right_there, there = (at_shares.argmax(1) == label).astype(float), at_shares.max(1)
    check(s.figure[FIGURES.index("ece_shares")].value,
          ece(there, right_there, one, np.clip(np.ceil(there * BINS) - 1, 0, BINS - 1).astype(int)))
    for b in range(BINS):
        got = s.reliability[0][b]
        check(got.share, (width == b).mean())
        check(got.accuracy.value, right[width == b].mean() if (width == b).any() else np.nan)
    if not case[4]:  # which of equal rows comes first is anyone's guess
        rank = np.argsort(np.argsort(confidence.astype(np.float32), kind="stable"), kind="stable")
        mass = rank * BINS // len(p)
        assert abs(s.figure[FIGURES.index("ece_mass")].value - ece(confidence, right, one, mass)) < 5e-3
        assert [round(s.reliability[1][b].share * len(p)) for b in range(BINS)] == list(np.bincount(mass, minlength=BINS))


def test_intervals_are_those_of_another_bootstrap(library):
    """Other random numbers: the ends agree within what 4000 resamples leave open."""
    p, label = rows(11, 400, 5, 1.5, False)
    ids = PLASTICC[:5]
    s = compute(library, p, label, ids, resamples=4000)
    rng = np.random.default_rng(12)
    draws = {"log_loss": [], "f1": [], "roc_area": []}
    for _ in range(1000):
        i = rng.integers(0, len(label), len(label))
        draws["log_loss"].append(kaggle(p[i], label[i], [0] * 5))
        answer = p[i].argmax(1)
        draws["f1"].append(np.mean([2 * ((answer == k) & (label[i] == k)).sum() / ((answer == k).sum() + (label[i] == k).sum())
                                    for k in np.unique(label[i])]))
        draws["roc_area"].append(np.mean([roc_area(p[i, k], label[i] == k) for k in np.unique(label[i])]))
    for name, drawn in draws.items():
        got = s.figure[FIGURES.index(name)]
        low, high = np.percentile(drawn, [2.5, 97.5])
        assert abs(got.low - low) < 0.1 * (high - low), name
        assert abs(got.high - high) < 0.1 * (high - low), name


def test_the_paired_bootstrap_is_that_of_numpy(library):
    a, label = rows(21, 600, 5, 1.5, False)
    rng = np.random.default_rng(22)
    b = a * np.exp(0.3 * rng.normal(size=a.shape)).astype(np.float32)
    ids = PLASTICC[:5]
    out, options = (Difference * len(FIGURES))(), Options(4000, 3)
    assert library.sl_scores_compare(ctypes.byref(make_input(a, label, ids)), ctypes.byref(make_input(b, label, ids)),
                                     ctypes.byref(options), out, None) == 0
    drawn = []
    for _ in range(2000):
        i = rng.integers(0, len(label), len(label))
        drawn.append(kaggle(a[i], label[i], [0] * 5) - kaggle(b[i], label[i], [0] * 5))
    got = out[0]
    check(got.interval.value, kaggle(a, label, [0] * 5) - kaggle(b, label, [0] * 5))
    low, high = np.percentile(drawn, [2.5, 97.5])
    assert abs(got.error - np.std(drawn)) < 0.07 * np.std(drawn)
    assert abs(got.interval.low - low) < 0.1 * (high - low)
    assert abs(got.interval.high - high) < 0.1 * (high - low)
