/*
 * kernels/gp_kernels.h - the arithmetic of the Gaussian process, part of the
 * table of functions of each instruction set.
 *
 * There are two ways to evaluate a likelihood, of the same shape: `lanes`
 * takes one light curve a lane of a vector, `whole` one light curve at a time
 * and vectors inside it. A lane's results depend on that lane's input only,
 * to the last bit: not on the other lanes, its place among them, nor on n as
 * far as it is beyond the lane's own points. What goes wrong in a lane (a
 * covariance that is not positive definite, numbers beyond double) ends as
 * NaN in that lane.
 */
#ifndef SL_KERNELS_GP_KERNELS_H
#define SL_KERNELS_GP_KERNELS_H

#include "starling/base.h"

enum {
    SL_GP_MOST_LANES = 8,
    SL_GP_PAD = 8 /* arrays over points have room for a multiple of it */
};

/* Beyond it exp(-s) would leave the normal numbers; 3e-308 stands for what is there. */
#define SL_GP_MAX_DISTANCE 708.0

/*
 * The covariance of points i and j of a lane is
 *   K_ij = A (1 + s) e^-s + [i = j] noise_i,  s^2 = a (t_i - t_j)^2 + b (w_i - w_j)^2,
 * with amplitude A = factor exp(p0), time_scale a = 3 exp(-p1), b = 3 / scale^2.
 * Each factor (1 + s) e^-s is within 4 units in the last place of what s gives.
 *
 * Arrays over points are [rows][lanes], rows = n rounded up to SL_GP_PAD, and
 * zero behind a lane's last point. All arrays are aligned to 64 bytes.
 */
typedef struct sl_gp_problem {
    size_t n;            /* points of the longest lane, at least 1 */
    const double *count; /* [lanes]: points of each lane; 0 for an idle one */
    const double *time, *wavelength, *flux, *noise; /* [rows][lanes], finite */
    const double *amplitude, *time_scale;           /* [lanes] */
    double wavelength_scale;                        /* b */
    double *work; /* sl_gp_way.work(n) doubles; `slope` reads what `value` left there */
    double *log_likelihood; /* [lanes], normalisation included */
    double *alpha;          /* [rows][lanes]: K^-1 flux */
    double *gradient;       /* [2][lanes]: of the log-likelihood over p0 and p1 */
    double *information;    /* [3][lanes]: 00, 01, 11 */
} sl_gp_problem;

typedef struct sl_gp_way {
    size_t lanes;
    size_t (*work)(size_t n);
    /* log_likelihood and alpha */
    void (*value)(const sl_gp_problem *g);
    /*
     * Behind `value`: gradient and average information. With a = K^-1 y:  dL/dp = (a . K' a - trace(K^-1 K')) / 2. For p0,
     * K' = K - N (N the noise), so K' a = y - N a and the trace is
     * n - trace(K^-1 N). Average information: (K'_i a) . K^-1 (K'_j a) / 2, the
     * mean of the observed and the expected information where K is linear in
     * the parameters; it needs two solutions only and is never negative.
     */
    void (*slope)(const sl_gp_problem *g);
} sl_gp_way;

/*
 * mean[j] = A sum_i alpha_i (1 + s) e^-s,  s^2 = a (times_j - t_i)^2 + b (w - w_i)^2.
 * Place j's result depends on times_j only, not on its place or on n_times.
 */
typedef struct sl_gp_mean {
    size_t n;                                 /* points */
    const double *time, *wavelength, *alpha;  /* [n], any alignment */
    double amplitude, time_scale, wavelength_scale; /* A, a, b */
    double at_wavelength;                     /* w */
    size_t n_times;                           /* a multiple of SL_GP_PAD */
    const double *times;                      /* [n_times], finite, aligned to 64 bytes */
    double *mean;                             /* [n_times], the same */
} sl_gp_mean;

/*
 * variance[j] = A - k . K^-1 k,  k_i = A (1 + s) e^-s,  s^2 = a (times_j - t_i)^2 + b (w - w_i)^2,
 * to within some n roundings of A: it may come out a little below 0. Place
 * j's result depends on times_j only.
 */
enum { SL_GP_VARIANCE_WIDTH = 32 /* times that go through at once, at most */ };
typedef struct sl_gp_variance {
    const sl_gp_problem *problem; /* behind `whole.value`, which did not give NaN; one light curve */
    double at_wavelength;         /* w */
    size_t n_times;               /* a multiple of SL_GP_PAD */
    const double *times;          /* [n_times], finite, aligned to 64 bytes */
    double *work;                 /* sl_gp_rows(problem->n) x SL_GP_VARIANCE_WIDTH, aligned to 64 bytes */
    double *variance;             /* [n_times], aligned to 64 bytes */
} sl_gp_variance;

typedef struct sl_gp_kernels {
    sl_gp_way lanes, whole;
    void (*mean)(const sl_gp_mean *m);
    /*
     * The same where points and times ascend and the times are regular: a
     * place's result may depend, within rounding, on the other places, and
     * counts a time that is off its place by d as s off by root(a) d.
     */
    void (*grid)(const sl_gp_mean *m);
    void (*variance)(const sl_gp_variance *v);
} sl_gp_kernels;

static inline size_t sl_gp_rows(size_t n)
{
    return (n + SL_GP_PAD - 1) / SL_GP_PAD * SL_GP_PAD;
}

#endif
