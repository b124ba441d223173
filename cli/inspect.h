/*
 * cli/inspect.h - what `starling inspect` found, and its two ways to tell it.
 */
#ifndef CLI_INSPECT_H
#define CLI_INSPECT_H

#include <stdio.h>

#include "starling/starling.h"

enum {
    TALLY_SIZE = 12,   /* kinds that are counted by name; the rest is "others" */
    TALLY_NAME = 96,
    SHOWN_POINTS = 4096 /* of the light curve that is drawn */
};

/* How often each name came. */
typedef struct tally {
    size_t n;
    char name[TALLY_SIZE][TALLY_NAME];
    uint64_t count[TALLY_SIZE];
    uint64_t others;
} tally;

/* All alerts under some paths, in bounded memory. */
typedef struct night {
    uint64_t read, decoded, by_reason[SL_N_REASONS];
    uint64_t points[SL_N_POINT_KINDS];
    uint64_t with_redshift;
    uint64_t fewest, most;    /* points of an alert */
    double first, last;       /* [d] of all points, as MJD; NaN where there is none */
    tally inputs, schemas, surveys, bands;
    char broken_path[256], broken_message[256]; /* of the first that could not be decoded */
    /* the alert with the most detections, up to SHOWN_POINTS */
    size_t shown_detections, n_shown;
    sl_point shown[SHOWN_POINTS];
    char shown_object[64], shown_alert[64];
} night;

/* The names that people and programs see. */
const char *time_order_name(sl_time_order order);
const char *scaling_name(sl_scaling scaling);
const char *extra_name(sl_extra extra);

void tell_model_text(FILE *to, const char *path, const sl_model *model);
void tell_night_text(FILE *to, const night *n);
/* One JSON object on one line. */
void tell_model_json(FILE *to, const char *path, const sl_model *model);
void tell_night_json(FILE *to, const night *n);

#endif
