/* fuzz_alert.h - a listener that reads everything an alert points to. */
#ifndef SL_FUZZ_ALERT_H
#define SL_FUZZ_ALERT_H

#include "starling/alert.h"

typedef struct sum {
    size_t n_good, n_bad, n_points;
    volatile uint64_t bits;
} sum;

static void read_bytes(sum *s, const void *bytes, size_t n)
{
    const unsigned char *p = bytes;
    for (size_t i = 0; i < n; i++) s->bits += p[i];
}

static sl_status add_up(void *user, sl_status status, const sl_alert *alert, size_t n, const sl_error *err)
{
    sum *s = user;
    if (status != SL_OK) {
        if (n == 0 || alert != NULL || !sl_reason_is_quarantine(err->reason)) __builtin_trap();
        s->n_bad += n;
        return SL_OK;
    }
    s->n_good++;
    s->n_points += alert->n_points;
    read_bytes(s, alert->alert_id.ptr, alert->alert_id.len);
    read_bytes(s, alert->object_id.ptr, alert->object_id.len);
    read_bytes(s, alert->schema_version.ptr, alert->schema_version.len);
    for (size_t i = 0; i < alert->n_points; i++) {
        const sl_point *p = &alert->points[i];
        if (p->kind >= SL_N_POINT_KINDS || p->unit >= SL_N_UNITS || p->sign < -1 || p->sign > 1) __builtin_trap();
        s->bits += (uint64_t)(unsigned char)p->band;
    }
    return SL_OK;
}

#endif
