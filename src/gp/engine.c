/*
 * Many searches side by side: in each lane of the kernels one light curve,
 * all evaluated at once, each at the place that its own search asks for. A
 * lane whose search has ended takes the next light curve. Long light curves
 * go the same way with one lane.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "gp/gp_internal.h"

enum { LINE = 8 /* doubles of a cache line */, N_POINT_ARRAYS = 5, N_LANE_ARRAYS = 9 };

typedef struct loop {
    const sl_gp_way *way;
    const sl_gp_rules *rules;
    sl_gp_problem problem;
    double *point[N_POINT_ARRAYS - 1]; /* time, wavelength, flux, noise: writable */
    double *count, *amplitude, *time_scale;
    size_t rows;
    sl_gp_curve *in[SL_GP_MOST_LANES]; /* NULL: an idle lane */
} loop;

void sl_gp_engine_release(sl_gp_engine *e)
{
    free(e->memory);
    *e = (sl_gp_engine){0};
}

static sl_status reserve(sl_gp_engine *e, size_t n, sl_error *err)
{
    if (n <= e->capacity) return SL_OK;
    free(e->memory);
    e->capacity = 0;
    n = (n + 8 * LINE - 1) / (8 * LINE) * (8 * LINE);
    e->memory = aligned_alloc(LINE * sizeof(double), n * sizeof(double));
    if (e->memory == NULL) return SL_FAIL_NOMEM(err);
    e->capacity = n;
    return SL_OK;
}

/* Lay out the workspace for up to n points a lane, and `more` doubles, a multiple of LINE; all lanes idle. */
static sl_status begin(sl_gp_engine *e, const sl_gp_way *way, const sl_gp_rules *rules, size_t n, size_t more, loop *l,
                       sl_error *err)
{
    const size_t rows = sl_gp_rows(n), array = rows * way->lanes, work = (way->work(n) + LINE - 1) / LINE * LINE;
    SL_TRY(reserve(e, more + work + N_POINT_ARRAYS * array + N_LANE_ARRAYS * LINE, err));
    *l = (loop){.way = way, .rules = rules, .rows = rows};
    double *at = e->memory + more + work;
    for (size_t k = 0; k < N_POINT_ARRAYS - 1; k++, at += array) l->point[k] = at;
    memset(l->point[0], 0, N_POINT_ARRAYS * array * sizeof *at);
    double *alpha = at, *lane = at + array;
    memset(lane, 0, N_LANE_ARRAYS * LINE * sizeof *lane);
    l->count = lane; /* the gradient has two of these arrays, the information three */
    l->amplitude = lane + LINE;
    l->time_scale = lane + 2 * LINE;
    l->problem = (sl_gp_problem){.n = n,
                                 .count = l->count,
                                 .time = l->point[0],
                                 .wavelength = l->point[1],
                                 .flux = l->point[2],
                                 .noise = l->point[3],
                                 .amplitude = l->amplitude,
                                 .time_scale = l->time_scale,
                                 .wavelength_scale = 3 / (rules->wavelength_scale_aa * rules->wavelength_scale_aa),
                                 .work = e->memory + more,
                                 .log_likelihood = lane + 3 * LINE,
                                 .alpha = alpha,
                                 .gradient = lane + 4 * LINE,
                                 .information = lane + 6 * LINE};
    return SL_OK;
}

/* Put a light curve into a lane, or empty it (NULL). */
static void load_lane(loop *l, size_t lane, sl_gp_curve *c)
{
    const size_t lanes = l->way->lanes, n = c == NULL ? 0 : c->n;
    l->in[lane] = c;
    l->count[lane] = (double)n;
    l->amplitude[lane] = l->time_scale[lane] = 0;
    for (size_t k = 0; k < N_POINT_ARRAYS - 1; k++) {
        double *to = l->point[k] + lane;
        if (c != NULL) {
            const double *const from[N_POINT_ARRAYS - 1] = {c->time, c->wavelength, c->flux, c->noise};
            for (size_t i = 0; i < n; i++) to[lanes * i] = from[k][i];
        }
        for (size_t i = n; i < l->rows; i++) to[lanes * i] = 0;
    }
}

static void set_parameters(loop *l, size_t lane, const double p[2])
{
    l->amplitude[lane] = l->rules->amplitude_factor * exp(p[0]);
    l->time_scale[lane] = 3 * exp(-p[1]);
}

static void take_alpha(const loop *l, size_t lane)
{
    sl_gp_curve *c = l->in[lane];
    const double *from = l->problem.alpha + lane;
    for (size_t i = 0; i < c->n; i++) c->alpha[i] = from[l->way->lanes * i];
}

/* Evaluate all lanes; the slopes only where one of the searches will use them. */
static void evaluate(loop *l)
{
    size_t longest = 1;
    bool slopes = false;
    for (size_t lane = 0; lane < l->way->lanes; lane++) {
        if (l->in[lane] == NULL) continue;
        if (l->in[lane]->n > longest) longest = l->in[lane]->n;
        set_parameters(l, lane, l->in[lane]->search.at);
    }
    l->problem.n = longest;
    l->way->value(&l->problem);
    for (size_t lane = 0; lane < l->way->lanes; lane++) {
        if (l->in[lane] == NULL) continue;
        slopes = slopes || sl_gp_search_wants_gradient(&l->in[lane]->search, l->problem.log_likelihood[lane]);
    }
    if (slopes) l->way->slope(&l->problem);
}

/* Tell a lane's search what was found; true where it goes on. */
static bool answer(loop *l, size_t lane)
{
    sl_gp_search *s = &l->in[lane]->search;
    const size_t lanes = l->way->lanes;
    const double *g = l->problem.gradient + lane, *i = l->problem.information + lane;
    const double gradient[2] = {g[0], g[lanes]}, information[3] = {i[0], i[lanes], i[2 * lanes]};
    if (sl_gp_search_answer(s, l->problem.log_likelihood[lane], gradient, information)) take_alpha(l, lane);
    return !sl_gp_search_ended(s);
}

static sl_status run(sl_gp_engine *e, const sl_gp_way *way, const sl_gp_rules *rules, size_t n,
                     sl_gp_curve *const *curves, sl_error *err)
{
    loop l;
    if (n == 0) return SL_OK;
    SL_TRY(begin(e, way, rules, curves[0]->n, 0, &l, err));
    size_t next = 0, busy = 0;
    for (; busy < way->lanes && next < n; busy++) load_lane(&l, busy, curves[next++]);
    while (busy > 0) {
        evaluate(&l);
        for (size_t lane = 0; lane < way->lanes; lane++) {
            if (l.in[lane] == NULL || answer(&l, lane)) continue;
            if (next == n) busy--;
            load_lane(&l, lane, next < n ? curves[next++] : NULL);
        }
    }
    return SL_OK;
}

static const sl_gp_way *way_of(size_t n)
{
    const sl_gp_kernels *k = &sl_kernels_select()->gp;
    return n <= SL_GP_LANE_POINTS ? &k->lanes : &k->whole;
}

sl_status sl_gp_engine_fit(sl_gp_engine *e, const sl_gp_rules *rules, size_t n, sl_gp_curve *const *curves,
                           sl_error *err)
{
    size_t n_long = 0;
    while (n_long < n && curves[n_long]->n > SL_GP_LANE_POINTS) n_long++;
    SL_TRY(run(e, way_of(SL_MAX_POINTS), rules, n_long, curves, err));
    return run(e, way_of(1), rules, n - n_long, curves + n_long, err);
}

sl_status sl_gp_engine_evaluate(sl_gp_engine *e, const sl_gp_rules *rules, sl_gp_curve *c, const double p[2],
                                double *value, double gradient[2], sl_error *err)
{
    loop l;
    const sl_gp_way *way = way_of(c->n);
    SL_TRY(begin(e, way, rules, c->n, 0, &l, err));
    load_lane(&l, 0, c);
    set_parameters(&l, 0, p);
    way->value(&l.problem);
    *value = l.problem.log_likelihood[0];
    if (!isfinite(*value)) return SL_OK;
    take_alpha(&l, 0);
    way->slope(&l.problem);
    gradient[0] = l.problem.gradient[0];
    gradient[1] = l.problem.gradient[way->lanes];
    return SL_OK;
}

/*
 * The factor of the covariance at p, which the search found positive definite;
 * but it may have gone another way, with other roundings.
 */
static void factorise(loop *l, sl_gp_curve *c, const double p[2])
{
    load_lane(l, 0, c);
    set_parameters(l, 0, p);
    for (double more = 1e-13; more < 1e-3; more *= 10) {
        l->way->value(&l->problem);
        if (isfinite(l->problem.log_likelihood[0])) return;
        for (size_t i = 0; i < c->n; i++) l->point[3][i] += more * l->amplitude[0];
    }
}

sl_status sl_gp_engine_deviation(sl_gp_engine *e, const sl_gp_rules *rules, sl_gp_curve *c, const double p[2],
                                 size_t n_times, const double *time, size_t n_bands, const double *wavelength,
                                 double *deviation, sl_error *err)
{
    enum { CHUNK = 4 * SL_GP_VARIANCE_WIDTH };
    _Alignas(64) double times[CHUNK], variance[CHUNK];
    const sl_gp_kernels *k = &sl_kernels_select()->gp;
    loop l;
    SL_TRY(begin(e, &k->whole, rules, c->n, sl_gp_rows(c->n) * SL_GP_VARIANCE_WIDTH, &l, err));
    factorise(&l, c, p);
    if (!isfinite(l.problem.log_likelihood[0])) {
        return SL_FAIL(err, SL_ERR_NUMERIC, SL_REASON_NUMERIC, "no error of the prediction: the covariance of %zu points "
                       "is not positive definite", c->n);
    }
    sl_gp_variance v = {.problem = &l.problem, .times = times, .work = e->memory, .variance = variance};
    for (size_t b = 0; b < n_bands; b++) {
        v.at_wavelength = wavelength[b];
        for (size_t at = 0; at < n_times; at += CHUNK) {
            const size_t n = n_times - at < CHUNK ? n_times - at : CHUNK;
            v.n_times = sl_gp_rows(n);
            for (size_t j = 0; j < v.n_times; j++) times[j] = time[at + (j < n ? j : n - 1)];
            k->variance(&v);
            for (size_t j = 0; j < n; j++) deviation[(at + j) * n_bands + b] = sqrt(fmax(variance[j], 0));
        }
    }
    return SL_OK;
}
