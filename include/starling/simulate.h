/*
 * starling/simulate.h - a made-up night, for machines without data.
 *
 * Objects of eleven kinds with smooth light curves, looked at with a survey's
 * cadence and noise, in packets of the survey's layout and size. The same
 * options give the same bytes on the same build (zlib and libm have a word in
 * the last bits of stamps and light curves).
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
    SL_SIMULATE_CONTAINER, /* one Avro container with all alerts, in blocks of about 1 MB */
    SL_SIMULATE_FRAMED_TAR /* LSST only: a tar of Confluent-framed messages, behind a container without records
                              that brings their schema (id 1000) */
} sl_simulate_form;

/* What an object is. Names are the class names of PLAsTiCC. */
typedef enum sl_simulate_kind {
    SL_SIMULATE_SNIA = 0,
    SL_SIMULATE_SNII,
    SL_SIMULATE_KN,
    SL_SIMULATE_TDE,
    SL_SIMULATE_SLSN,
    SL_SIMULATE_RRL,
    SL_SIMULATE_EB,
    SL_SIMULATE_MIRA,
    SL_SIMULATE_AGN,
    SL_SIMULATE_MDWARF,
    SL_SIMULATE_MULENS,
    SL_SIMULATE_N_KINDS
} sl_simulate_kind;

/* How a hostile packet is broken. */
typedef enum sl_simulate_fault {
    SL_FAULT_NONE = 0,
    /* the bytes: not in SL_SIMULATE_CONTAINER, where one would take the whole night with it */
    SL_FAULT_EMPTY,          /* no bytes at all */
    SL_FAULT_GARBAGE,        /* random bytes */
    SL_FAULT_TRUNCATED,      /* cut off somewhere */
    SL_FAULT_BIT_FLIPS,      /* one to eight bits flipped */
    SL_FAULT_ENDLESS,        /* a length or count of 2^62 */
    SL_FAULT_WRONG_SYNC,     /* the block's marker differs from the header's (containers) */
    SL_FAULT_DEEP_SCHEMA,    /* a schema of thousands of nested arrays (containers) */
    SL_FAULT_SELF_SCHEMA,    /* a schema whose record holds itself (containers) */
    SL_FAULT_UNKNOWN_SCHEMA, /* a schema id that nobody knows (framed) */
    /* the values: the packet follows its schema */
    SL_FAULT_NAN,            /* some or all values and errors are not a number */
    SL_FAULT_INFINITE,       /* some or all are infinite */
    SL_FAULT_NEGATIVE_ERROR, /* some or all errors are negative or zero */
    SL_FAULT_UNKNOWN_BAND,   /* some or all points in a band that does not exist */
    SL_FAULT_DUPLICATES,     /* points that repeat exactly */
    SL_FAULT_UNSORTED,       /* points in no order */
    SL_FAULT_NULLS,          /* null wherever the schema allows it */
    SL_SIMULATE_N_FAULTS
} sl_simulate_fault;

/* What a reader has to make of a fault. */
typedef enum sl_simulate_fate {
    SL_FATE_READ = 0,    /* it decodes: classified, or refused with a reason */
    SL_FATE_QUARANTINED, /* it cannot be decoded */
    SL_FATE_EITHER       /* depends on the bits hit, or on how strict the reader is */
} sl_simulate_fate;

typedef struct sl_simulate_options {
    sl_simulate_survey survey;
    sl_simulate_form form;
    uint64_t n_alerts;    /* at most 16 million */
    uint64_t seed;
    bool cutouts;         /* image stamps inside, for packets of true size */
    double hostile_share; /* 0..1: chance of each packet to be broken on purpose */
    /* 0: the survey's own distribution. Otherwise each alert has a number of
       points in between, all of them detections; at most 100 000. */
    uint32_t min_points, max_points;
} sl_simulate_options;

/* What was written. Alerts: the sum over fault, which is the sum over kind. */
typedef struct sl_simulate_counts {
    uint64_t n_alerts;
    uint64_t n_bytes;
    uint64_t kind[SL_SIMULATE_N_KINDS];
    uint64_t fault[SL_SIMULATE_N_FAULTS]; /* fault[SL_FAULT_NONE]: the sound ones */
} sl_simulate_counts;

/* Defaults: ZTF, tar, 1000 alerts, seed 1, cutouts, none hostile. */
SL_API void sl_simulate_defaults(sl_simulate_options *options);

/* Write a night to `out` as a stream. Borrows out, and does not close it.
   Flat memory. SL_ERR_IO where out took no more. */
SL_API sl_status sl_simulate_write(const sl_simulate_options *options, FILE *out, sl_error *err);

/*
 * The same, with its truth. `truth`, unless NULL, gets a CSV with a header:
 * alert_id,object_id,kind,fault for each alert in the order written (ids as a
 * sound packet has them). `counts`, unless NULL, is filled, also on failure.
 */
SL_API sl_status sl_simulate_write_truth(const sl_simulate_options *options, FILE *out, FILE *truth,
                                         sl_simulate_counts *counts, sl_error *err);

/* The schema of the packets, JSON text. Borrowed for good. */
SL_API sl_str sl_simulate_schema(sl_simulate_survey survey);

/* Names ("SNIa", "wrong_sync"); "?" outside the enum. Never NULL. */
SL_API const char *sl_simulate_kind_name(sl_simulate_kind kind);
SL_API const char *sl_simulate_fault_name(sl_simulate_fault fault);
SL_API sl_simulate_fate sl_simulate_fault_fate(sl_simulate_fault fault);

#ifdef __cplusplus
}
#endif
#endif
