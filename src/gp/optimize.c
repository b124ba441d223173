/*
 * A bounded maximiser for two variables: trust region, secant curvature
 * (BFGS), and each step the exact optimum of the quadratic model over the
 * box, which in two dimensions is found by looking at its inside, its edges
 * and its corners. docs/decisions/0003-bounded-newton-for-two-parameters.md
 * says why. Inside, everything is a minimisation of minus the function.
 */
#include <math.h>
#include <string.h>

#include "gp/gp_internal.h"

enum { MAX_EVALUATIONS = 80 };
static const double first_radius = 2, largest_radius = 8, smallest_radius = 1e-9;

typedef struct place {
    double p[2];
    double cost; /* minus the function */
    double gradient[2];
} place;

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

/* False, and the cost infinite, where the function is not defined. */
static bool evaluate(const sl_gp_objective *objective, place *at, int *evaluations)
{
    double value = 0;
    (*evaluations)++;
    const bool defined = objective->value(objective->user, at->p, &value);
    at->cost = defined ? -value : INFINITY;
    return defined;
}

/* Gradient, and the curvature where it is asked for; false where something is not finite. */
static bool differentiate(const sl_gp_objective *objective, place *at, double curvature[3])
{
    double gradient[2];
    objective->gradient(objective->user, gradient, curvature);
    for (int i = 0; i < 2; i++) at->gradient[i] = -gradient[i];
    bool finite = isfinite(gradient[0]) && isfinite(gradient[1]);
    for (int i = 0; curvature != NULL && i < 3; i++) finite = finite && isfinite(curvature[i]);
    return finite;
}

/* BFGS: make the curvature agree with the change of the gradient over step x. */
static void update_curvature(double b[3], const double x[2], const double y[2])
{
    const double xy = x[0] * y[0] + x[1] * y[1];
    if (!(xy > 1e-10 * hypot(x[0], x[1]) * hypot(y[0], y[1]))) return;
    const double bx[2] = {b[0] * x[0] + b[1] * x[1], b[1] * x[0] + b[2] * x[1]};
    const double xbx = x[0] * bx[0] + x[1] * bx[1];
    const double old = xbx > 0 ? 1 / xbx : 0;
    b[0] += y[0] * y[0] / xy - bx[0] * bx[0] * old;
    b[1] += y[0] * y[1] / xy - bx[0] * bx[1] * old;
    b[2] += y[1] * y[1] / xy - bx[1] * bx[1] * old;
}

/* Largest component of the gradient, as far as the bounds let one follow it. */
static double projected_gradient(const place *at, const double low[2], const double high[2])
{
    double largest = 0;
    for (int i = 0; i < 2; i++) {
        largest = fmax(largest, fabs(clamp(at->p[i] - at->gradient[i], low[i], high[i]) - at->p[i]));
    }
    return largest;
}

/*
 * One jump along the whole gradient, into a corner more often than not. It is
 * what the reference's L-BFGS-B tries first, and decides which of several
 * optima it finds; so that ours is no worse, it is tried here too, and taken
 * under the same condition.
 */
static bool jump(const sl_gp_objective *objective, const double low[2], const double high[2], place *at,
                 double curvature[3], int *evaluations)
{
    place far;
    double promise = 0;
    for (int i = 0; i < 2; i++) {
        far.p[i] = clamp(at->p[i] - at->gradient[i], low[i], high[i]);
        promise += at->gradient[i] * (far.p[i] - at->p[i]);
    }
    if (!evaluate(objective, &far, evaluations) || !(far.cost < at->cost + 1e-3 * promise)) return false;
    double there[3];
    if (!differentiate(objective, &far, there)) return false;
    objective->keep(objective->user, far.p);
    *at = far;
    memcpy(curvature, there, sizeof there);
    return true;
}

/* The next place to try; x is the step there, the return value the model's change. */
static double propose(const place *at, const double b[3], double radius, const double low[2], const double high[2],
                      place *next, double x[2])
{
    double from[2], to[2];
    for (int i = 0; i < 2; i++) {
        from[i] = fmax(low[i] - at->p[i], -radius);
        to[i] = fmin(high[i] - at->p[i], radius);
    }
    const double change = sl_gp_minimise_in_box(at->gradient, b, from, to, x);
    for (int i = 0; i < 2; i++) {
        next->p[i] = x[i] <= low[i] - at->p[i]    ? low[i]
                     : x[i] >= high[i] - at->p[i] ? high[i]
                                                  : clamp(at->p[i] + x[i], low[i], high[i]);
    }
    return change;
}

/* Climb from `at`. True once a step, done or foreseen, is too small to matter. */
static bool climb(const sl_gp_objective *objective, const double low[2], const double high[2], double tolerance,
                  place *at, double b[3], int *evaluations)
{
    double radius = first_radius;
    while (*evaluations < MAX_EVALUATIONS && radius >= smallest_radius) {
        const double enough = tolerance * fmax(fabs(at->cost), 1);
        if (projected_gradient(at, low, high) <= tolerance) return true;
        place next;
        double x[2];
        const double promise = -propose(at, b, radius, low, high, &next, x);
        const double step = fmax(fabs(x[0]), fabs(x[1]));
        /* Far below `enough`: the model may be wrong by an order, and the reference may have gone on.
           No success where only the failures before have made the step so short. */
        if (promise <= 0.01 * enough) return step < radius || radius >= 0.01;
        evaluate(objective, &next, evaluations);
        const double gain = at->cost - next.cost, kept = gain / promise;
        if (kept <= 1e-4 || !differentiate(objective, &next, NULL)) {
            radius = 0.25 * step;
            continue;
        }
        const double y[2] = {next.gradient[0] - at->gradient[0], next.gradient[1] - at->gradient[1]};
        update_curvature(b, x, y);
        if (kept < 0.25) radius = 0.5 * step;
        else if (kept > 0.75 && step >= 0.99 * radius) radius = fmin(2.5 * radius, largest_radius);
        objective->keep(objective->user, next.p);
        *at = next;
        if (kept > 0.5 && gain <= 0.1 * enough) return true;
    }
    return false;
}

bool sl_gp_search(const sl_gp_objective *objective, const double start[2], const double low[2], const double high[2],
                  double tolerance, sl_gp_search_result *out)
{
    memset(out, 0, sizeof *out);
    place at = {.p = {start[0], start[1]}};
    double curvature[3];
    if (!evaluate(objective, &at, &out->evaluations)) return false;
    objective->keep(objective->user, at.p);
    if (differentiate(objective, &at, curvature)) {
        jump(objective, low, high, &at, curvature, &out->evaluations);
        out->converged = climb(objective, low, high, tolerance, &at, curvature, &out->evaluations);
    }
    memcpy(out->p, at.p, sizeof at.p);
    for (int i = 0; i < 2; i++) out->gradient[i] = -at.gradient[i];
    out->value = -at.cost;
    return true;
}
