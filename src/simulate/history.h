/* simulate/history.h - what a survey saw of one object up to tonight. */
#ifndef SL_SIMULATE_HISTORY_H
#define SL_SIMULATE_HISTORY_H

#include "simulate/sky.h"

enum { SL_BAND_UNKNOWN = SL_SKY_BANDS }; /* beside 0..5 = ugrizy; only of broken packets */

/* One look of the survey. */
typedef struct sl_visit {
    double mjd;        /* middle of the exposure, UTC */
    double flux, error; /* difference flux as measured [nJy] */
    double limit_mag;  /* magnitude of 5 sigma */
    uint8_t band;
    bool detected;
} sl_visit;

/* One alert before it becomes a packet. The current visit is the last one. */
typedef struct sl_history {
    uint64_t index;     /* of the alert in its night, from 0 */
    uint64_t exposure;  /* of the night, from 0 */
    uint64_t place;     /* of the alert in that exposure, from 0 */
    sl_simulate_kind kind;
    sl_simulate_fault fault;
    double ra, dec; /* [deg] */
    size_t n_visits, n_room;
    sl_visit *visits; /* in order of time */
} sl_history;

/* The night that all alerts are of. */
enum { SL_NIGHT_MJD = 60980, SL_NIGHT_EXPOSURES = 864 };

/* Gives room for the visits that the options can ask for; free with
   sl_history_release. */
sl_status sl_history_init(sl_history *history, const sl_simulate_options *options, sl_error *err);
void sl_history_release(sl_history *history);

/* Draw alert `index` of the night; the random numbers are its own. */
void sl_history_draw(sl_history *history, const sl_simulate_options *options, uint64_t index, sl_rng *rng);

/* Break the values as `fault` says; other faults leave them alone. */
void sl_history_spoil(sl_history *history, sl_simulate_fault fault, sl_rng *rng);

/* AB magnitude of a flux [nJy], of its absolute value. */
double sl_history_magnitude(double flux);

#endif
