"""libstarling's Gaussian process through ctypes, and the reference beside it."""

import ctypes as c
import os
import pathlib

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
MAX_KNOTS = 17
MAX_BANDS, MAX_CLASSES, MAX_EXTRAS, MAX_FEATURES, MAX_FEATURE_VALUES = 8, 64, 16, 128, 320
WAVELENGTH = {1: 4804.79, 2: 6436.92, 3: 7968.22}
SCALING = {"none": 0, "median_iqr": 1, "fixed": 2, "peak": 3}


class Error(c.Structure):
    _fields_ = [("status", c.c_int), ("reason", c.c_int), ("line", c.c_int), ("file", c.c_char_p),
                ("message", c.c_char * 240)]


class Rules(c.Structure):
    _fields_ = [(name, c.c_double) for name in (
        "amplitude_factor", "wavelength_scale_aa", "jitter", "amplitude_halfwidth", "metric_start", "metric_min",
        "metric_max", "tolerance")] + [("grid_length", c.c_uint32)]


class Band(c.Structure):
    _fields_ = [("name", c.c_char * 8), ("wavelength_aa", c.c_double)]


class Class(c.Structure):
    _fields_ = [("name", c.c_char * 32), ("plasticc_id", c.c_int32), ("elasticc_id", c.c_int32)]


class Contract(c.Structure):
    _fields_ = [
        ("name", c.c_char * 32), ("n_bands", c.c_uint32), ("bands", Band * MAX_BANDS), ("channel_rule", c.c_int),
        ("n_channels", c.c_uint32), ("zero_point", c.c_double), ("time_order", c.c_int),
        ("exposure_moment", c.c_int), ("time_scale", c.c_int), ("use", c.c_uint32), ("one_per_visit", c.c_bool),
        ("signed_flux", c.c_bool), ("drop_bad", c.c_bool), ("window_before_day", c.c_double),
        ("window_after_day", c.c_double), ("min_points", c.c_uint32), ("min_bands", c.c_uint32),
        ("max_points", c.c_uint32), ("gp", Rules), ("scaling", c.c_int), ("center", c.c_float * MAX_BANDS),
        ("spread", c.c_float * MAX_BANDS), ("n_extras", c.c_uint32), ("extras", c.c_int * MAX_EXTRAS),
        ("extra_mode", c.c_int), ("sees", c.c_int), ("max_nights", c.c_uint32), ("planes", c.c_uint32),
        ("asinh_scale", c.c_float), ("grid_wavelengths", c.c_uint32), ("n_features", c.c_uint32),
        ("features", c.c_int * MAX_FEATURES), ("feature_bands", c.c_uint8 * MAX_FEATURES),
        ("feature_center", c.c_float * MAX_FEATURE_VALUES), ("feature_spread", c.c_float * MAX_FEATURE_VALUES),
        ("feature_knots", c.c_uint32), ("feature_table", c.c_uint16 * (MAX_FEATURE_VALUES * MAX_KNOTS)),
        ("n_classes", c.c_uint32), ("classes", Class * MAX_CLASSES),
        ("source", c.c_char * 256), ("created_by", c.c_char * 256)]


class LightCurve(c.Structure):
    _fields_ = [
        ("n", c.c_size_t), ("time", c.c_void_p), ("flux", c.c_void_p), ("error", c.c_void_p),
        ("wavelength", c.c_void_p), ("band", c.c_void_p), ("origin_mjd", c.c_double), ("bands_present", c.c_uint32),
        ("n_bands_present", c.c_uint32), ("n_channels", c.c_uint32), ("channel_wavelength", c.c_double * MAX_BANDS),
        ("redshift", c.c_float), ("redshift_error", c.c_float)]


class FitInfo(c.Structure):
    _fields_ = [("start", c.c_double * 2), ("p", c.c_double * 2), ("log_likelihood", c.c_double),
                ("gradient", c.c_double * 2), ("evaluations", c.c_int), ("converged", c.c_bool),
                ("at_bound", c.c_bool)]


class Refused(Exception):
    def __init__(self, status, error):
        super().__init__(error.message.decode())
        self.status, self.reason = status, error.reason


def light_curve(time, flux, error, wavelength, redshift=np.nan, redshift_error=np.nan):
    """Sorted by time; channels are the wavelengths present."""
    order = np.argsort(time, kind="stable")
    columns = [np.ascontiguousarray(np.asarray(x, np.float64)[order]) for x in (time, flux, error, wavelength)]
    channels = np.unique(columns[3])
    lc = LightCurve(n=len(order), n_channels=len(channels), redshift=redshift, redshift_error=redshift_error)
    for name, column in zip(("time", "flux", "error", "wavelength"), columns):
        setattr(lc, name, column.ctypes.data)
    lc.channel_wavelength[:len(channels)] = list(channels)
    lc.columns, lc.channels = columns, channels  # keeps the memory alive
    return lc


def golden_light_curve(row):
    return light_curve(row.raw_mjd, row.raw_flux, row.raw_fluxerr, [WAVELENGTH[int(b)] for b in row.raw_filter])


class Gp:
    def __init__(self):
        build = pathlib.Path(os.environ.get("STARLING_BUILD", ROOT / "build"))
        self.lib = c.CDLL(str(build / "src" / "libstarling.so"))
        self.error, self.handle = Error(), c.c_void_p()
        self.contract = Contract()
        self._call("sl_contract_preset", b"reference", c.byref(self.contract))
        self._call("sl_contract_check", c.byref(self.contract))
        self._call("sl_gp_new", c.byref(self.handle))

    def _call(self, name, *args):
        status = getattr(self.lib, name)(*args, c.byref(self.error))
        if status < 0:
            raise Refused(status, self.error)

    def fit(self, lc):
        info = FitInfo()
        self._call("sl_gp_fit", self.handle, c.byref(self.contract.gp), c.byref(lc), c.byref(info))
        return info

    def log_likelihood(self, lc, p):
        value, gradient = c.c_double(), (c.c_double * 2)()
        self._call("sl_gp_log_likelihood", self.handle, c.byref(self.contract.gp), c.byref(lc),
                   (c.c_double * 2)(*p), c.byref(value), gradient)
        return value.value, np.array(gradient)

    def predict(self, time, wavelength):
        time, wavelength = np.ascontiguousarray(time, float), np.ascontiguousarray(wavelength, float)
        mean = np.empty((len(time), len(wavelength)))
        self._call("sl_gp_predict", self.handle, c.c_size_t(len(time)), c.c_void_p(time.ctypes.data),
                   c.c_size_t(len(wavelength)), c.c_void_p(wavelength.ctypes.data), c.c_void_p(mean.ctypes.data))
        return mean

    def _input(self, lc):
        self.contract.n_channels = lc.n_channels
        return np.empty((self.lib.sl_contract_input_steps(c.byref(self.contract)),
                         self.lib.sl_contract_input_channels(c.byref(self.contract))), np.float32)

    def grid(self, lc):
        values, info = self._input(lc), FitInfo()
        mean = np.empty((self.contract.gp.grid_length, lc.n_channels))
        self._call("sl_gp_grid", self.handle, c.byref(self.contract), c.byref(lc), c.c_void_p(values.ctypes.data),
                   c.c_void_p(mean.ctypes.data), c.byref(info))
        return values, mean, info

    def scale(self, lc, mean):
        values, mean = self._input(lc), np.ascontiguousarray(mean, float)
        self._call("sl_gp_scale", c.byref(self.contract), c.byref(lc), c.c_void_p(mean.ctypes.data),
                   c.c_void_p(values.ctypes.data))
        return values


class Batch:
    """sl_gp_batch: add light curves, run, take results."""

    def __init__(self, gp, n_channels, capacity=64):
        self.gp, self.contract = gp, Contract.from_buffer_copy(gp.contract)
        self.contract.n_channels = n_channels
        self.shape = [getattr(gp.lib, f"sl_contract_input_{what}")(c.byref(self.contract)) for what in ("steps", "channels")]
        self.handle = c.c_void_p()
        gp._call("sl_gp_batch_new", c.byref(self.contract), c.c_size_t(capacity), c.byref(self.handle))

    def run(self, light_curves):
        self.gp.lib.sl_gp_batch_reset(self.handle)
        for lc in light_curves:
            self.gp._call("sl_gp_batch_add", self.handle, c.byref(lc))
        self.gp._call("sl_gp_batch_run", self.handle)

    def result(self, i):
        values, info = c.POINTER(c.c_float)(), FitInfo()
        self.gp._call("sl_gp_batch_result", self.handle, c.c_size_t(i), c.byref(values), c.byref(info))
        return np.ctypeslib.as_array(values, self.shape).copy(), info

    def close(self):
        self.gp.lib.sl_gp_batch_free(self.handle)


class Reference:
    """The published recipe: george and SciPy's L-BFGS-B, on plain arrays."""

    def __init__(self, lc):
        import george
        time, self.flux, error, wavelength = lc.columns
        self.x = np.column_stack([time, wavelength])
        significance = np.abs(self.flux) / np.sqrt(error**2 + (1e-2 * np.max(self.flux))**2)
        scale = np.abs(self.flux[significance.argmax()])
        kernel = (0.5 * scale)**2 * george.kernels.Matern32Kernel([20.0**2, 6000.0**2], ndim=2)
        kernel.freeze_parameter("k2:metric:log_M_1_1")
        self.gp = george.GP(kernel)
        self.gp.compute(self.x, error)
        self.start = self.gp.get_parameter_vector()

    def value(self, p):
        self.gp.set_parameter_vector(p)
        return self.gp.log_likelihood(self.flux, quiet=True)

    def fit(self):
        from scipy.optimize import minimize

        def cost(p):
            self.gp.set_parameter_vector(p)
            return -self.gp.log_likelihood(self.flux, quiet=True)

        def slope(p):
            self.gp.set_parameter_vector(p)
            return -self.gp.grad_log_likelihood(self.flux, quiet=True)

        bounds = [(self.start[0] - 10, self.start[0] + 10), (0, np.log(1000.0**2))]
        result = minimize(cost, self.start, jac=slope, bounds=bounds, method="L-BFGS-B",
                          options={"ftol": 1e-6, "gtol": 1e-6})
        self.evaluations = result.nfev
        self.p = result.x if result.success else self.start
        return self.p, self.value(self.p)

    def predict(self, time, wavelength):
        return np.column_stack([
            self.gp.predict(self.flux, np.column_stack([time, np.full(len(time), w)]), return_cov=False)
            for w in wavelength])
