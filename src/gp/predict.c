/* The predicted mean at any places. */
#include <math.h>

#include "base/error.h"
#include "gp/gp_internal.h"

enum { CHUNK = 128 };

static bool all_finite(size_t n, const double *x)
{
    bool finite = true;
    for (size_t i = 0; i < n; i++) finite = finite && isfinite(x[i]);
    return finite;
}

/* At up to CHUNK times, which may be regular; mean has a stride. */
static bool predict_chunk(sl_gp_mean *m, bool regular, size_t n, const double *time, size_t stride, double *mean)
{
    _Alignas(64) double times[CHUNK], means[CHUNK];
    m->n_times = sl_gp_rows(n);
    for (size_t j = 0; j < m->n_times; j++) times[j] = time[j < n ? j : n - 1];
    m->times = times;
    m->mean = means;
    const sl_gp_kernels *k = &sl_kernels_select()->gp;
    (regular ? k->grid : k->mean)(m);
    for (size_t j = 0; j < n; j++) mean[j * stride] = means[j];
    return all_finite(n, means);
}

sl_status sl_gp_curve_predict(const sl_gp_curve *c, const sl_gp_rules *rules, const double p[2], bool regular,
                              size_t n_times, const double *time, size_t n_bands, const double *wavelength,
                              double *mean, sl_error *err)
{
    sl_gp_mean m = {.n = c->n,
                    .time = c->time,
                    .wavelength = c->wavelength,
                    .alpha = c->alpha,
                    .amplitude = rules->amplitude_factor * exp(p[0]),
                    .time_scale = 3 * exp(-p[1]),
                    .wavelength_scale = 3 / (rules->wavelength_scale_aa * rules->wavelength_scale_aa)};
    /* The clamp in the kernel would hide a NaN. */
    bool finite = all_finite(n_times, time) && all_finite(n_bands, wavelength);
    for (size_t b = 0; finite && b < n_bands; b++) {
        m.at_wavelength = wavelength[b];
        for (size_t at = 0; at < n_times; at += CHUNK) {
            const size_t n = n_times - at < CHUNK ? n_times - at : CHUNK;
            finite = predict_chunk(&m, regular, n, time + at, n_bands, mean + at * n_bands + b) && finite;
        }
    }
    if (finite) return SL_OK;
    return SL_FAIL(err, SL_ERR_NUMERIC, SL_REASON_NUMERIC, "a time, a wavelength or the predicted mean is not finite");
}
