/* From a fitted light curve to the network's input: grid, planes, extras, features; or features alone; or nights, without
   a fit. */
#include <math.h>

#include "base/error.h"
#include "gp/gp_internal.h"
#include "lightcurve/nights.h"
#include "lightcurve/statistics.h"

sl_status sl_gp_check_grid(const sl_contract *contract, sl_error *err)
{
    const size_t n = contract->gp.grid_length, n_channels = contract->n_channels;
    SL_REQUIRE(n >= 2 && n <= SL_MAX_GRID_LENGTH && n_channels >= 1 && n_channels <= SL_MAX_BANDS, err);
    SL_REQUIRE(contract->grid_wavelengths <= SL_MAX_CHANNELS && contract->grid_wavelengths != 1, err);
    SL_REQUIRE(contract->n_bands <= SL_MAX_BANDS && contract->n_features <= SL_MAX_FEATURES, err);
    SL_REQUIRE(sl_contract_input_features(contract) <= SL_MAX_FEATURE_VALUES, err);
    SL_REQUIRE(contract->feature_knots == 0 || (contract->feature_knots >= SL_MIN_KNOTS && contract->feature_knots <= SL_MAX_KNOTS),
               err);
    if (contract->sees == SL_SEES_NIGHTS) SL_REQUIRE(contract->max_nights >= 1, err);
    return SL_OK;
}

bool sl_gp_wants_points(const sl_contract *contract)
{
    return contract->sees == SL_SEES_NIGHTS || contract->n_features > 0;
}

sl_status sl_gp_check_wanted(const sl_contract *contract, const sl_lightcurve *lc, sl_error *err)
{
    if (!sl_gp_wants_points(contract)) return SL_OK;
    SL_REQUIRE(lc->error != NULL && lc->band != NULL, err);
    for (size_t i = 0; i < lc->n; i++) SL_REQUIRE(lc->band[i] < contract->n_bands, err);
    return SL_OK;
}

size_t sl_gp_input_scratch(const sl_contract *contract)
{
    const size_t n = contract->gp.grid_length, places = n * sl_contract_grid_channels(contract);
    const size_t deviations = contract->planes & SL_PLANE_ERROR ? places : 0;
    const size_t points = contract->n_features > 0 ? sl_lightcurve_features_scratch(SL_MAX_POINTS) : 0;
    return 2 * n + places + deviations + points;
}

/* n regular times, the first and last exactly as given. */
static void regular_times(double first, double last, size_t n, double *time)
{
    const double step = (last - first) / (double)(n - 1);
    for (size_t i = 0; i < n; i++) time[i] = first + (double)i * step;
    time[n - 1] = last;
}

/* Where the channels are: at the bands, or from the first to the last in even steps. Returns how many. */
static size_t channel_wavelengths(const sl_contract *contract, const sl_lightcurve *lc, double *wavelength)
{
    const size_t n = sl_contract_grid_channels(contract);
    if (contract->grid_wavelengths == 0) {
        for (size_t k = 0; k < n; k++) wavelength[k] = lc->channel_wavelength[k];
    } else {
        regular_times(contract->bands[0].wavelength_aa, contract->bands[contract->n_bands - 1].wavelength_aa, n, wavelength);
    }
    return n;
}

static sl_status nights(const sl_contract *contract, const sl_lightcurve *lc, float *input, sl_error *err)
{
    size_t n_nights;
    SL_TRY(sl_lightcurve_nights(contract, lc, input, &n_nights, err));
    return sl_gp_add_extras(contract, lc, n_nights, input, err);
}

/* scratch: two a step, then the mean (unless the caller has a place for it), then the deviation */
static sl_status grid(sl_gp_engine *e, sl_gp_curve *c, const sl_contract *contract, const sl_lightcurve *lc,
                      double *scratch, float *input, double *mean, sl_error *err)
{
    const size_t n = contract->gp.grid_length;
    double *time = scratch, *sorted = scratch; /* two a step, once the times have served */
    double wavelength[SL_MAX_CHANNELS], *deviation = NULL;
    const size_t n_channels = channel_wavelengths(contract, lc, wavelength);
    regular_times(c->time[0], c->time[c->n - 1], n, time);
    const bool regular = time[n - 1] > time[0]; /* a moment's mean is one number, to the last bit */
    SL_TRY(sl_gp_curve_predict(c, &contract->gp, c->search.p, regular, n, time, n_channels, wavelength, mean, err));
    if (contract->sees == SL_SEES_FEATURES) return SL_OK;
    if (contract->planes & SL_PLANE_ERROR) {
        deviation = scratch + 2 * n + n * n_channels;
        SL_TRY(sl_gp_engine_deviation(e, &contract->gp, c, c->search.p, n, time, n_channels, wavelength, deviation, err));
    }
    return sl_gp_scale_with(contract, lc, mean, deviation, sorted, input, err);
}

sl_status sl_gp_input(sl_gp_engine *e, sl_gp_curve *c, const sl_contract *contract, const sl_lightcurve *lc,
                      double *scratch, float *input, float *raw, double *mean, sl_error *err)
{
    const size_t n = contract->gp.grid_length, places = n * sl_contract_grid_channels(contract);
    const bool fitted = contract->sees != SL_SEES_NIGHTS;
    if (mean == NULL) mean = scratch + 2 * n;
    SL_TRY(fitted ? grid(e, c, contract, lc, scratch, input, mean, err) : nights(contract, lc, input, err));
    if (contract->n_features == 0) return SL_OK;
    double *room = scratch + 2 * n + (contract->planes & SL_PLANE_ERROR ? 2 : 1) * places;
    sl_lightcurve_features(contract, lc, room, raw);
    if (fitted) sl_gp_fit_features(c, contract, lc, mean, scratch, raw);
    float *values = input + (size_t)sl_contract_input_steps(contract) * sl_contract_input_channels(contract);
    sl_contract_scale_features(contract, raw, values);
    return SL_OK;
}
