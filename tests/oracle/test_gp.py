"""The Gaussian process against the recorded reference and against george.

Environment: STARLING_BUILD, the build directory (default ./build);
STARLING_SHARED, the folder with golden/ (default ../shared).
"""

import os
import pathlib
import sys

import numpy as np
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from gp_library import MAX_BANDS, SCALING, Batch, Gp, Reference, Refused, golden_light_curve, light_curve  # noqa: E402

SHARED = pathlib.Path(os.environ.get("STARLING_SHARED", pathlib.Path(__file__).resolve().parents[3] / "shared"))


@pytest.fixture(scope="module")
def gp():
    return Gp()


@pytest.fixture(scope="module")
def golden():
    path = SHARED / "golden" / "golden.parquet"
    if not path.exists():
        pytest.skip(f"no recorded answers at {path}; set STARLING_SHARED")
    table = pytest.importorskip("pandas").read_parquet(path)
    rows = list(table[table.status == "ok"].itertuples())
    assert len(rows) == 281
    return [(golden_light_curve(row), row) for row in rows]


@pytest.fixture
def george():
    return pytest.importorskip("george")


def table(cell):
    return np.array([np.asarray(step, float) for step in cell]).reshape(100, 2)


def test_every_golden_fit_starts_where_the_reference_does(gp, golden):
    for lc, row in golden:
        assert np.allclose(gp.fit(lc).start, row.gp_p0, rtol=1e-14, atol=0)


def test_no_golden_fit_is_worse_than_the_reference(gp, golden):
    for lc, row in golden:
        info = gp.fit(lc)
        assert info.converged
        assert info.log_likelihood >= row.gp_loglike - 1e-6 * abs(row.gp_loglike), row.candid
        assert np.all(np.abs(np.array(info.p) - row.gp_p0)[:1] <= 10 + 1e-12)
        assert 0 <= info.p[1] <= np.log(1e6)


def test_likelihood_at_the_golden_parameters(gp, golden):
    for lc, row in golden:
        value, _ = gp.log_likelihood(lc, row.gp_p)
        assert value == pytest.approx(row.gp_loglike, rel=1e-9)


def test_grid_at_the_golden_parameters(gp, golden):
    """To 1e-9 of the largest value: each solves an ill-conditioned system in its own order."""
    for lc, row in golden:
        gp.log_likelihood(lc, row.gp_p)
        expected = table(row.interp_flux)
        assert np.abs(gp.predict(row.interp_t, lc.channels) - expected).max() <= 1e-9 * np.abs(expected).max()


def test_golden_grids_are_scaled_to_the_last_bit(gp, golden):
    for lc, row in golden:
        assert np.array_equal(gp.scale(lc, table(row.interp_flux)), table(row.X).astype(np.float32))


def test_whole_way_from_golden_points_to_input(gp, golden):
    """The grid sums up in another order than the prediction at single places, and weights of both signs cancel."""
    for lc, row in golden:
        values, mean, info = gp.grid(lc)
        expected = gp.predict(np.linspace(lc.columns[0][0], lc.columns[0][-1], 100), lc.channels)
        assert np.abs(mean - expected).max() <= 1e-10 * np.abs(expected).max()
        assert np.array_equal(values, gp.scale(lc, mean))
        if abs(info.log_likelihood - row.gp_loglike) < 1e-9 * abs(row.gp_loglike):
            assert np.allclose(values, table(row.X), atol=0.05)


def test_golden_light_curves_together_come_out_as_each_alone(gp, golden):
    batch = Batch(gp, 2, len(golden))
    batch.run([lc for lc, _ in golden])
    for i, (lc, _) in enumerate(golden):
        (values, info), (expected, _, single) = batch.result(i), gp.grid(lc)
        assert np.array_equal(values, expected)
        assert bytes(info) == bytes(single)
    batch.close()


def random_light_curve(rng, n, kind):
    time = np.sort(rng.random(n) * rng.choice([3.0, 60.0, 900.0]))
    wavelength = rng.choice([4804.79, 6436.92, 7968.22][:1 + kind % 3], n)
    size = 10.0 ** rng.uniform(-2, 6)
    phase = (time - time.mean()) / (np.ptp(time) / 5 + 1)
    flux = size * np.exp(-phase**2) * (wavelength / 5000) + size * 0.05 * rng.normal(size=n)
    error = size * rng.uniform(0.01, 0.1, n)
    if kind >= 3:  # times twice, errors of very different size, negative fluxes
        time = np.repeat(time[::2], 2)[:n]
        error *= 10.0 ** rng.uniform(-1, 1, n)
        flux = flux - size / 2
    return light_curve(time, flux, error, wavelength)


@pytest.mark.parametrize("n", [2, 3, 5, 8, 13, 30, 64, 100, 200])
def test_random_light_curves_against_george(gp, george, n):
    rng = np.random.default_rng(n)
    for kind in range(6):
        lc = random_light_curve(rng, n, kind)
        reference = Reference(lc)
        info = gp.fit(lc)
        assert np.allclose(info.start, reference.start, rtol=1e-13)
        value, gradient = gp.log_likelihood(lc, info.start)
        assert value == pytest.approx(reference.value(reference.start), rel=1e-8)
        assert np.allclose(gradient, reference.gp.grad_log_likelihood(lc.columns[1]), rtol=1e-6, atol=1e-6)
        p, best = reference.fit()
        # Several optima: ours may be another than the reference's, as the reference's may be another than ours.
        if np.allclose(info.p, p, atol=0.1):
            assert info.log_likelihood >= best - 1e-6 * abs(best)
        assert info.log_likelihood == pytest.approx(reference.value(np.array(info.p)), rel=1e-7)
        gp.fit(lc)
        at = np.linspace(lc.columns[0][0], lc.columns[0][-1], 40)
        expected = reference.predict(at, lc.channels)
        assert np.abs(gp.predict(at, lc.channels) - expected).max() <= 1e-6 * np.abs(expected).max()


def test_fewer_than_one_random_optimum_in_twenty_is_below_george(gp, george):
    rng = np.random.default_rng(77)
    below = total = 0
    for i in range(200):
        lc = random_light_curve(rng, int(rng.integers(2, 40)), i % 6)
        best = Reference(lc).fit()[1]
        below += gp.fit(lc).log_likelihood < best - 1e-6 * abs(best)
        total += 1
    assert below * 20 < total


def test_degenerate_light_curves_against_george(gp, george):
    cases = {
        "one point": ([5.0], [100.0], [3.0], [4804.79]),
        "one moment": ([2.0] * 3, [10.0, 20.0, 15.0], [1.0, 2.0, 3.0], [4804.79, 6436.92, 4804.79]),
        "one band": ([0, 1, 4.0], [10, 12, 3.0], [1, 1, 1.0], [4804.79] * 3),
        "constant": (np.arange(20.0), np.full(20, 7.0), np.full(20, 0.1), [4804.79, 6436.92] * 10),
        "huge errors": (np.arange(10.0), np.arange(10.0), np.full(10, 1e9), [4804.79, 6436.92] * 5),
        "tiny fluxes": (np.arange(10.0), np.arange(1, 11) * 1e-10, np.full(10, 1e-11), [4804.79, 6436.92] * 5),
        "huge fluxes": (np.arange(10.0), np.arange(1, 11) * 1e15, np.full(10, 1e14), [4804.79, 6436.92] * 5),
    }
    for name, columns in cases.items():
        lc = light_curve(*columns)
        info, best = gp.fit(lc), Reference(lc).fit()[1]
        assert info.log_likelihood >= best - 1e-6 * abs(best), name
        values, mean, _ = gp.grid(lc)
        assert np.isfinite(values).all() and np.isfinite(mean).all(), name


@pytest.mark.parametrize("length", [2, 3, 7, 100, 101, 1000])
def test_scaling_against_numpy(gp, length):
    rng = np.random.default_rng(length)
    lc = light_curve([0, 1, 2], [5, -9, 3], [1, 1, 1], [4000, 5000, 6000])
    contract, old = gp.contract, (gp.contract.gp.grid_length, gp.contract.scaling)
    contract.gp.grid_length = length
    try:
        for grid in (rng.normal(size=(length, 3)), np.round(rng.normal(size=(length, 3))), np.ones((length, 3)),
                     10.0 ** rng.uniform(-30, 30, (length, 3))):
            contract.scaling = SCALING["median_iqr"]
            spread = np.percentile(grid, 75, axis=0) - np.percentile(grid, 25, axis=0)
            spread[spread < 10 * np.finfo(float).eps] = 1
            with np.errstate(over="ignore"):
                expected = ((grid - np.median(grid, axis=0)) / spread).astype(np.float32)
            if np.isinf(expected).any():
                with pytest.raises(Refused):
                    gp.scale(lc, grid)
            else:
                assert np.array_equal(gp.scale(lc, grid), expected)
            contract.scaling = SCALING["peak"]
            assert np.array_equal(gp.scale(lc, grid), (grid / 9).astype(np.float32))
            contract.scaling = SCALING["fixed"]
            center, spread = rng.normal(size=3).astype(np.float32), rng.uniform(1, 2, 3).astype(np.float32)
            contract.center[:], contract.spread[:] = [*center, *[0] * (MAX_BANDS - 3)], [*spread, *[1] * (MAX_BANDS - 3)]
            assert np.array_equal(gp.scale(lc, grid), ((grid - center) / spread).astype(np.float32))
    finally:
        contract.gp.grid_length, contract.scaling = old
