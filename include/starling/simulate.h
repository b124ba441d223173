/*
 * starling/simulate.h - a made-up night, for machines without data.
 */
#ifndef STARLING_SIMULATE_H
#define STARLING_SIMULATE_H

#include <stdio.h>

#include "starling/base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum sl_simulate_survey { SL_SIMULATE_ZTF = 0, SL_SIMULATE_LSST } sl_simulate_survey;

typedef enum sl_simulate_form {
    SL_SIMULATE_TAR = 0,   /* a tar of containers, one alert each: how ZTF publishes a night */
    SL_SIMULATE_CONTAINER, /* one Avro container with all alerts */
    SL_SIMULATE_FRAMED_TAR /* a tar of Confluent-framed messages (LSST) and of the schema's container */
} sl_simulate_form;

typedef struct sl_simulate_options {
    sl_simulate_survey survey;
    sl_simulate_form form;
    uint64_t n_alerts;
    uint64_t seed;
    bool cutouts;           /* image stamps inside, for packets of true size */
    double hostile_share;   /* 0..1: share of packets broken on purpose */
    uint32_t min_points, max_points; /* 0: the survey's own distribution */
} sl_simulate_options;

/* Defaults: ZTF, tar, 1000 alerts, seed 1, cutouts, none hostile. */
SL_API void sl_simulate_defaults(sl_simulate_options *options);

/* Write a night to `out` as a stream; the same seed gives the same bytes. Flat memory. */
SL_API sl_status sl_simulate_write(const sl_simulate_options *options, FILE *out, sl_error *err);

#ifdef __cplusplus
}
#endif
#endif
