/* simulate/hostile.h - packets broken on purpose. */
#ifndef SL_SIMULATE_HOSTILE_H
#define SL_SIMULATE_HOSTILE_H

#include "alert/avro_write.h"
#include "base/rng.h"
#include "starling/simulate.h"

/* What a packet is made of. All borrowed. */
typedef struct sl_wrapping {
    bool framed;
    uint32_t schema_id; /* framed */
    sl_str header;      /* container: up to and with its sync marker */
    unsigned char sync[SL_AVRO_SYNC];
} sl_wrapping;

/* One of the faults that the form can have, all alike. */
sl_simulate_fault sl_hostile_draw(sl_simulate_form form, sl_rng *rng);

/* Where SL_FAULT_ENDLESS puts its endless number. */
typedef enum sl_endless {
    SL_ENDLESS_ARRAY = 0,   /* the history's array: the record's encoder has to do it */
    SL_ENDLESS_BLOCK_SIZE,  /* bytes of the container's block */
    SL_ENDLESS_BLOCK_COUNT, /* records in it */
    SL_ENDLESS_SCHEMA,      /* length of the schema in the header */
    SL_N_ENDLESS
} sl_endless;

/* Wrap one encoded record into a packet: sound, or with the bytes broken as
   `fault` says. Replaces what packet holds. */
sl_status sl_hostile_wrap(sl_avro_out *packet, const sl_wrapping *wrapping, const sl_avro_out *record,
                          sl_simulate_fault fault, sl_endless endless, sl_rng *rng, sl_error *err);

#endif
