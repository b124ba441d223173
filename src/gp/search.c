/*
 * A bounded maximiser for two variables: trust region, a curvature that mixes
 * what was learnt with a fresh guess, and each step the exact optimum of the quadratic model over the
 * box, which in two dimensions is found by looking at its inside, its edges
 * and its corners. docs/decisions/0003-bounded-newton-for-two-parameters.md
 * says why. Model, curvature and promises are those of minus the function.
 */
#include "gp/search.h"

#include <math.h>
#include <string.h>

enum { MAX_EVALUATIONS = 80 };
static const double first_radius = 1.8, largest_radius = 8, smallest_radius = 1e-9;

static double clamp(double x, double low, double high)
{
    return x < low ? low : x > high ? high : x;
}

static double model(const double g[2], const double b[3], const double x[2])
{
    return g[0] * x[0] + g[1] * x[1] + 0.5 * (b[0] * x[0] * x[0] + 2 * b[1] * x[0] * x[1] + b[2] * x[1] * x[1]);
}

double sl_gp_minimise_in_box(const double gradient[2], const double curvature[3], const double low[2],
                             const double high[2], double x[2])
{
    const double *g = gradient, *b = curvature;
    x[0] = x[1] = 0;
    const double det = b[0] * b[2] - b[1] * b[1];
    if (b[0] > 0 && det > 0) {
        const double inside[2] = {(b[1] * g[1] - b[2] * g[0]) / det, (b[1] * g[0] - b[0] * g[1]) / det};
        if (inside[0] >= low[0] && inside[0] <= high[0] && inside[1] >= low[1] && inside[1] <= high[1]) {
            memcpy(x, inside, sizeof inside);
            return model(g, b, x);
        }
    }
    double best = 0;
    for (int i = 0; i < 2; i++) { /* x[i] on its bound, the other free: its own optimum, or a corner */
        const int j = 1 - i;
        const double bjj = j == 0 ? b[0] : b[2];
        for (int side = 0; side < 2; side++) {
            double try[2];
            try[i] = side ? high[i] : low[i];
            const double vertex = bjj > 0 ? clamp(-(g[j] + b[1] * try[i]) / bjj, low[j], high[j]) : low[j];
            const double others[2] = {vertex, high[j]};
            for (int k = 0; k < (bjj > 0 ? 1 : 2); k++) {
                try[j] = others[k];
                const double value = model(g, b, try);
                if (value < best) {
                    best = value;
                    memcpy(x, try, sizeof try);
                }
            }
        }
    }
    return best;
}

/* BFGS: make the curvature agree with the change y of the gradient over step x. */
static void update_curvature(double b[3], const double x[2], const double y[2])
{
    const double xy = x[0] * y[0] + x[1] * y[1];
    if (!(xy > 1e-10 * sqrt(x[0] * x[0] + x[1] * x[1]) * sqrt(y[0] * y[0] + y[1] * y[1]))) return;
    const double bx[2] = {b[0] * x[0] + b[1] * x[1], b[1] * x[0] + b[2] * x[1]};
    const double xbx = x[0] * bx[0] + x[1] * bx[1];
    const double old = xbx > 0 ? 1 / xbx : 0;
    b[0] += y[0] * y[0] / xy - bx[0] * bx[0] * old;
    b[1] += y[0] * y[1] / xy - bx[0] * bx[1] * old;
    b[2] += y[1] * y[1] / xy - bx[1] * bx[1] * old;
}

/* Largest component of the gradient, as far as the bounds let one follow it. */
static double projected_gradient(const sl_gp_search *s)
{
    double largest = 0;
    for (int i = 0; i < 2; i++) {
        largest = fmax(largest, fabs(clamp(s->p[i] + s->gradient[i], s->low[i], s->high[i]) - s->p[i]));
    }
    return largest;
}

static double enough(const sl_gp_search *s)
{
    return s->tolerance * fmax(fabs(s->value), 1);
}

static void end(sl_gp_search *s, bool converged)
{
    s->stage = SL_GP_DONE;
    s->converged = converged;
}

/* To the optimum of the model within the trust region, or to the end where that promises too little. */
static void propose_step(sl_gp_search *s)
{
    if (s->evaluations >= MAX_EVALUATIONS || !(s->radius >= smallest_radius)) {
        end(s, false);
        return;
    }
    if (projected_gradient(s) <= s->tolerance) {
        end(s, true);
        return;
    }
    double from[2], to[2];
    const double slope[2] = {-s->gradient[0], -s->gradient[1]};
    for (int i = 0; i < 2; i++) {
        from[i] = fmax(s->low[i] - s->p[i], -s->radius);
        to[i] = fmin(s->high[i] - s->p[i], s->radius);
    }
    s->promise = -sl_gp_minimise_in_box(slope, s->curvature, from, to, s->x);
    for (int i = 0; i < 2; i++) {
        s->at[i] = s->x[i] <= s->low[i] - s->p[i]    ? s->low[i]
                   : s->x[i] >= s->high[i] - s->p[i] ? s->high[i]
                                                     : clamp(s->p[i] + s->x[i], s->low[i], s->high[i]);
    }
    /* Well below `enough`: the model may be wrong, and the reference may have gone on.
       No success where only the failures before have made the step so short. */
    const double step = fmax(fabs(s->x[0]), fabs(s->x[1]));
    if (s->promise <= 0.05 * enough(s)) end(s, step < s->radius || s->radius >= 0.01);
    else s->stage = SL_GP_AT_STEP;
}

/*
 * One jump along the whole gradient, into a corner more often than not. It is
 * what the reference's L-BFGS-B tries first, and decides which of several
 * optima it finds; so that ours is no worse, it is tried here too, and taken
 * under the same condition.
 */
static void propose_jump(sl_gp_search *s)
{
    s->promise = 0;
    for (int i = 0; i < 2; i++) {
        s->at[i] = clamp(s->p[i] + s->gradient[i], s->low[i], s->high[i]);
        s->promise += s->gradient[i] * (s->at[i] - s->p[i]);
    }
    s->stage = SL_GP_AT_JUMP;
    if (memcmp(s->at, s->p, sizeof s->at) == 0) propose_step(s);
}

void sl_gp_search_begin(sl_gp_search *s, const double start[2], const double low[2], const double high[2],
                        double tolerance)
{
    *s = (sl_gp_search){.stage = SL_GP_AT_START, .tolerance = tolerance, .radius = first_radius};
    for (int i = 0; i < 2; i++) {
        s->at[i] = s->start[i] = start[i];
        s->low[i] = low[i];
        s->high[i] = high[i];
    }
}

/* The jump is long: it is taken for a thousandth of what the slope promises. */
bool sl_gp_search_wants_gradient(const sl_gp_search *s, double value)
{
    if (!isfinite(value)) return false;
    switch (s->stage) {
    case SL_GP_AT_START: return true;
    case SL_GP_AT_JUMP: return value > s->value + 1e-3 * s->promise;
    case SL_GP_AT_STEP: return value - s->value > 1e-4 * s->promise;
    default: return false;
    }
}

static bool all_finite(size_t n, const double *x)
{
    bool finite = true;
    for (size_t i = 0; i < n; i++) finite = finite && isfinite(x[i]);
    return finite;
}

static void keep(sl_gp_search *s, double value, const double gradient[2])
{
    memcpy(s->p, s->at, sizeof s->p);
    memcpy(s->gradient, gradient, sizeof s->gradient);
    s->value = value;
}

static bool answer_start(sl_gp_search *s, double value, const double gradient[2], const double curvature[3])
{
    if (!isfinite(value)) {
        s->stage = SL_GP_FAILED;
        return false;
    }
    keep(s, value, gradient);
    if (!all_finite(2, gradient) || !all_finite(3, curvature)) {
        end(s, false);
        return true;
    }
    memcpy(s->curvature, curvature, sizeof s->curvature);
    propose_jump(s);
    return true;
}

static bool answer_jump(sl_gp_search *s, double value, const double gradient[2], const double curvature[3], bool better)
{
    const bool taken = better && all_finite(2, gradient) && all_finite(3, curvature);
    if (taken) {
        keep(s, value, gradient);
        memcpy(s->curvature, curvature, sizeof s->curvature);
    }
    propose_step(s);
    return taken;
}

/* How far to go back from a step that failed: to the top of the parabola through what is known on its line. */
static double backtrack(const sl_gp_search *s, double value)
{
    const double slope = s->gradient[0] * s->x[0] + s->gradient[1] * s->x[1];
    if (!isfinite(value) || !(slope > 0)) return 0.25;
    return clamp(slope / (2 * (slope - (value - s->value))), 0.1, 0.5);
}

/*
 * The curvature behind a step: half from the secants so far, half the fresh
 * guess, then made to agree with the newest secant. The guess alone converges
 * slowly where the model fits badly, the secants alone need many steps to
 * forget where they came from.
 */
static void renew_curvature(sl_gp_search *s, const double gradient[2], const double curvature[3])
{
    const double y[2] = {s->gradient[0] - gradient[0], s->gradient[1] - gradient[1]};
    if (all_finite(3, curvature)) {
        for (int i = 0; i < 3; i++) s->curvature[i] = 0.5 * (s->curvature[i] + curvature[i]);
    }
    update_curvature(s->curvature, s->x, y);
}

static bool answer_step(sl_gp_search *s, double value, const double gradient[2], const double curvature[3], bool better)
{
    const double step = fmax(fabs(s->x[0]), fabs(s->x[1]));
    const bool taken = better && all_finite(2, gradient);
    if (!taken) {
        s->radius = backtrack(s, value) * step;
        propose_step(s);
        return false;
    }
    const double gain = value - s->value, kept = gain / s->promise, gained_enough = 0.1 * enough(s);
    renew_curvature(s, gradient, curvature);
    if (kept < 0.25) s->radius = 0.5 * step;
    else if (kept > 0.75 && step >= 0.99 * s->radius) s->radius = fmin(2.5 * s->radius, largest_radius);
    keep(s, value, gradient);
    if (kept > 0.5 && gain <= gained_enough) end(s, true);
    else propose_step(s);
    return true;
}

bool sl_gp_search_answer(sl_gp_search *s, double value, const double gradient[2], const double curvature[3])
{
    const bool better = sl_gp_search_wants_gradient(s, value);
    s->evaluations++;
    switch (s->stage) {
    case SL_GP_AT_START: return answer_start(s, value, gradient, curvature);
    case SL_GP_AT_JUMP: return answer_jump(s, value, gradient, curvature, better);
    case SL_GP_AT_STEP: return answer_step(s, value, gradient, curvature, better);
    default: return false;
    }
}
