/*
 * The objects. Each is a light curve in r with a temperature; the other
 * passbands follow by Planck's law, so that colours change as smoothly as the
 * light does. Stars that vary are magnitudes about a steady level,
 * which the survey subtracts. The numbers are rounded from textbooks: near
 * enough to train one's eye on, not to do science with.
 */
#include "simulate/sky.h"

#include <math.h>

static const double two_pi = 6.283185307179586;
static const double wavelength_um[SL_SKY_BANDS] = {0.3685, 0.4802, 0.6231, 0.7542, 0.8690, 0.9736};

/* Planck's law per frequency, over its value in r. */
static double planck(double kelvin, int band)
{
    const double hc_k = 14388; /* [um K] */
    const double um = wavelength_um[band], r = wavelength_um[2];
    const double nu3 = (r / um) * (r / um) * (r / um);
    return nu3 * expm1(hc_k / (r * kelvin)) / expm1(hc_k / (um * kelvin));
}

static double uniform(sl_rng *rng, double low, double high)
{
    return low + (high - low) * sl_rng_uniform(rng);
}

static void draw_flares(sl_sky_object *o, sl_rng *rng)
{
    o->n_flares = 1 + (int)sl_rng_below(rng, 8);
    for (int i = 0; i < o->n_flares; i++) {
        o->flare_time[i] = i == 0 ? -uniform(rng, 0.002, 0.06) : -uniform(rng, 0.5, 300) * sl_rng_uniform(rng);
        o->flare_height[i] = exp(0.8 * sl_rng_normal(rng));
    }
}

void sl_sky_draw(sl_sky_object *o, sl_simulate_kind kind, sl_rng *rng)
{
    *o = (sl_sky_object){.kind = kind, .rng = *rng};
    sl_rng_u64(rng); /* the copy goes its own way */
    switch (kind) {
    case SL_SIMULATE_SNIA:
        o->width = 1 + 0.1 * sl_rng_normal(rng);
        o->t0 = -uniform(rng, -14, 60);
        break;
    case SL_SIMULATE_SNII:
        o->width = uniform(rng, 70, 115); /* end of the plateau */
        o->depth = uniform(rng, 0.001, 0.012); /* its slope [1/d] */
        o->t0 = -uniform(rng, 2, 120);
        break;
    case SL_SIMULATE_KN:
        o->width = uniform(rng, 1.5, 4);
        o->t0 = -uniform(rng, 0.3, 8);
        break;
    case SL_SIMULATE_TDE:
        o->width = uniform(rng, 10, 22);
        o->depth = uniform(rng, 30, 60);
        o->kelvin = uniform(rng, 16000, 30000);
        o->t0 = -uniform(rng, -25, 150);
        break;
    case SL_SIMULATE_SLSN:
        o->width = uniform(rng, 15, 30);
        o->depth = uniform(rng, 35, 80);
        o->t0 = -uniform(rng, -30, 150);
        break;
    case SL_SIMULATE_RRL:
        o->width = uniform(rng, 0.3, 0.8);
        o->depth = uniform(rng, 0.5, 1.3);
        o->kelvin = uniform(rng, 6200, 7400);
        break;
    case SL_SIMULATE_EB:
        o->width = exp(uniform(rng, log(0.25), log(8)));
        o->depth = uniform(rng, 0.2, 1.4);
        o->kelvin = uniform(rng, 4500, 9000);
        break;
    case SL_SIMULATE_MIRA:
        o->width = uniform(rng, 120, 500);
        o->depth = uniform(rng, 1, 2.5);
        o->kelvin = uniform(rng, 2600, 3300);
        break;
    case SL_SIMULATE_AGN:
        o->width = exp(uniform(rng, log(60), log(500)));
        o->depth = uniform(rng, 0.1, 0.35);
        o->walk = sl_rng_normal(rng);
        o->walk_time = -1e9;
        break;
    case SL_SIMULATE_MDWARF: draw_flares(o, rng); break;
    case SL_SIMULATE_MULENS:
        o->width = exp(uniform(rng, log(6), log(60)));
        o->depth = uniform(rng, 0.02, 0.8);
        o->kelvin = uniform(rng, 4000, 7000);
        o->t0 = o->width * uniform(rng, -1.2, 1.2);
        break;
    default: break;
    }
    if (kind == SL_SIMULATE_RRL || kind == SL_SIMULATE_EB || kind == SL_SIMULATE_MIRA) {
        o->t0 = -o->width * sl_rng_uniform(rng);
    }
    for (int band = 0; band < SL_SKY_BANDS; band++) {
        o->color[band] = o->kelvin > 0 ? planck(o->kelvin, band) : 1;
    }
}

static double supernova_ia(const sl_sky_object *o, double t, int band)
{
    const double dt = (t - o->t0) / o->width;
    if (dt < -19) return 0;
    const double light = dt < 0 ? exp(-0.5 * dt * dt / 45) : 0.75 * exp(-0.5 * dt * dt / 170) + 0.25 * exp(-dt / 45);
    const double kelvin = 5000 + 5500 / (1 + exp((dt - 6) / 8));
    /* iron recombines: a second maximum in the red */
    const double bump = band >= 3 ? 0.45 * exp(-0.5 * (dt - 25) * (dt - 25) / 60) : 0;
    return (light + bump) * planck(kelvin, band);
}

static double supernova_ii(const sl_sky_object *o, double t, int band)
{
    const double dt = t - o->t0;
    if (dt <= 0) return 0;
    const double rise = -expm1(-(dt / 4) * (dt / 4));
    const double plateau = exp(-o->depth * dt) / (1 + exp((dt - o->width) / 5));
    const double tail = 0.12 * exp(-dt / 110);
    return rise * (plateau + tail) * planck(5800 + 9000 * exp(-dt / 15), band);
}

static double kilonova(const sl_sky_object *o, double t, int band)
{
    const double dt = t - o->t0;
    if (dt <= 0) return 0;
    return -expm1(-(dt / 0.4) * (dt / 0.4)) * exp(-dt / o->width) * planck(2600 + 6000 * exp(-dt / 1.4), band);
}

static double tidal_disruption(const sl_sky_object *o, double t, int band)
{
    const double dt = t - o->t0;
    const double light = dt < 0 ? exp(-0.5 * (dt / o->width) * (dt / o->width)) : pow(1 + dt / o->depth, -5.0 / 3);
    return light * o->color[band];
}

static double superluminous(const sl_sky_object *o, double t, int band)
{
    const double dt = t - o->t0;
    return 2 / (exp(-dt / o->width) + exp(dt / o->depth)) * planck(6200 + 8500 / (1 + exp((dt - 15) / 25)), band);
}

/* Three terms of a sawtooth: steep rise, slow fall; less in the red. */
static double rr_lyrae(const sl_sky_object *o, double t, int band)
{
    static const double share[SL_SKY_BANDS] = {0.95, 1, 0.72, 0.56, 0.5, 0.48};
    const double phase = two_pi * (t - o->t0) / o->width;
    const double wave = 0.40 * sin(phase) + 0.18 * sin(2 * phase) + 0.10 * sin(3 * phase);
    return o->color[band] * (pow(10, 0.4 * o->depth * share[band] * wave) - 1);
}

/* Two dips a period, wide where the stars are close. */
static double eclipses(const sl_sky_object *o, double t, int band)
{
    const double turns = (t - o->t0) / o->width;
    const double phase = turns - floor(turns + 0.5);        /* -0.5 .. 0.5 about the first eclipse */
    const double opposite = phase < 0 ? phase + 0.5 : phase - 0.5;
    const double w = 0.03 + 0.05 / (1 + o->width);
    const double dip = o->depth * exp(-0.5 * (phase / w) * (phase / w)) +
                       0.6 * o->depth * exp(-0.5 * (opposite / w) * (opposite / w));
    return o->color[band] * (pow(10, -0.4 * dip) - 1);
}

static double mira(const sl_sky_object *o, double t, int band)
{
    static const double share[SL_SKY_BANDS] = {1.3, 1.25, 1, 0.75, 0.6, 0.55};
    return o->color[band] * (pow(10, 0.4 * o->depth * share[band] * sin(two_pi * (t - o->t0) / o->width)) - 1);
}

/* A damped random walk in magnitude, the same in all bands but for its size. */
static double active_nucleus(sl_sky_object *o, double t, int band)
{
    if (t > o->walk_time) {
        const double keep = exp(-(t - o->walk_time) / o->width);
        o->walk = keep * o->walk + sqrt(1 - keep * keep) * sl_rng_normal(&o->rng);
        o->walk_time = t;
    }
    const double size = o->depth * pow(wavelength_um[band] / 0.5, -0.5);
    return sqrt(wavelength_um[band]) * (pow(10, 0.4 * size * o->walk) - 1);
}

static double flares(const sl_sky_object *o, double t, int band)
{
    double light = 0;
    for (int i = 0; i < o->n_flares; i++) {
        const double dt = t - o->flare_time[i];
        if (dt <= 0 || dt > 2) continue;
        light += o->flare_height[i] * -expm1(-dt / 0.001) * (0.65 * exp(-dt / 0.012) + 0.35 * exp(-dt / 0.08));
    }
    return light * planck(9500, band);
}

/* Paczynski's formula for a point lens. */
static double microlens(const sl_sky_object *o, double t, int band)
{
    const double x = (t - o->t0) / o->width;
    const double u2 = o->depth * o->depth + x * x;
    return o->color[band] * ((u2 + 2) / sqrt(u2 * (u2 + 4)) - 1);
}

double sl_sky_flux(sl_sky_object *o, double t, int band)
{
    switch (o->kind) {
    case SL_SIMULATE_SNIA: return supernova_ia(o, t, band);
    case SL_SIMULATE_SNII: return supernova_ii(o, t, band);
    case SL_SIMULATE_KN: return kilonova(o, t, band);
    case SL_SIMULATE_TDE: return tidal_disruption(o, t, band);
    case SL_SIMULATE_SLSN: return superluminous(o, t, band);
    case SL_SIMULATE_RRL: return rr_lyrae(o, t, band);
    case SL_SIMULATE_EB: return eclipses(o, t, band);
    case SL_SIMULATE_MIRA: return mira(o, t, band);
    case SL_SIMULATE_AGN: return active_nucleus(o, t, band);
    case SL_SIMULATE_MDWARF: return flares(o, t, band);
    case SL_SIMULATE_MULENS: return microlens(o, t, band);
    default: return 0;
    }
}
