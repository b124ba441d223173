#include "simulate/hostile.h"

#include <string.h>

#include "base/error.h"

static const int64_t endless_number = INT64_C(1) << 62;

static const struct {
    const char *name;
    sl_simulate_fate fate;
    unsigned forms; /* bits 1 << sl_simulate_form */
} faults[SL_SIMULATE_N_FAULTS] = {
    [SL_FAULT_NONE] = {"none", SL_FATE_READ, 0},
    [SL_FAULT_EMPTY] = {"empty", SL_FATE_QUARANTINED, 5},
    [SL_FAULT_GARBAGE] = {"garbage", SL_FATE_QUARANTINED, 5},
    [SL_FAULT_TRUNCATED] = {"truncated", SL_FATE_QUARANTINED, 5},
    [SL_FAULT_BIT_FLIPS] = {"bit_flips", SL_FATE_EITHER, 5},
    [SL_FAULT_ENDLESS] = {"endless", SL_FATE_EITHER, 5},
    [SL_FAULT_WRONG_SYNC] = {"wrong_sync", SL_FATE_EITHER, 1},
    [SL_FAULT_DEEP_SCHEMA] = {"deep_schema", SL_FATE_QUARANTINED, 1},
    [SL_FAULT_SELF_SCHEMA] = {"self_schema", SL_FATE_QUARANTINED, 1},
    [SL_FAULT_UNKNOWN_SCHEMA] = {"unknown_schema", SL_FATE_QUARANTINED, 4},
    [SL_FAULT_NAN] = {"nan", SL_FATE_READ, 7},
    [SL_FAULT_INFINITE] = {"infinite", SL_FATE_READ, 7},
    [SL_FAULT_NEGATIVE_ERROR] = {"negative_error", SL_FATE_READ, 7},
    [SL_FAULT_UNKNOWN_BAND] = {"unknown_band", SL_FATE_READ, 7},
    [SL_FAULT_DUPLICATES] = {"duplicates", SL_FATE_READ, 7},
    [SL_FAULT_UNSORTED] = {"unsorted", SL_FATE_READ, 7},
    [SL_FAULT_NULLS] = {"nulls", SL_FATE_READ, 7},
};

const char *sl_simulate_fault_name(sl_simulate_fault fault)
{
    return (unsigned)fault < SL_SIMULATE_N_FAULTS ? faults[fault].name : "?";
}

sl_simulate_fate sl_simulate_fault_fate(sl_simulate_fault fault)
{
    return (unsigned)fault < SL_SIMULATE_N_FAULTS ? faults[fault].fate : SL_FATE_EITHER;
}

sl_simulate_fault sl_hostile_draw(sl_simulate_form form, sl_rng *rng)
{
    for (;;) {
        const uint64_t fault = 1 + sl_rng_below(rng, SL_SIMULATE_N_FAULTS - 1);
        if (faults[fault].forms & (1U << form)) return (sl_simulate_fault)fault;
    }
}

static void put_sound(sl_avro_out *packet, const sl_wrapping *w, const sl_avro_out *record)
{
    if (w->framed) {
        const unsigned char head[5] = {0, (unsigned char)(w->schema_id >> 24), (unsigned char)(w->schema_id >> 16),
                                       (unsigned char)(w->schema_id >> 8), (unsigned char)w->schema_id};
        sl_avro_put_raw(packet, head, sizeof head);
        sl_avro_put_raw(packet, record->bytes, record->len);
        return;
    }
    sl_avro_put_raw(packet, w->header.ptr, w->header.len);
    sl_avro_put_long(packet, 1);
    sl_avro_put_bytes(packet, record->bytes, record->len);
    sl_avro_put_raw(packet, w->sync, SL_AVRO_SYNC);
}

/* A container with one number replaced by an endless one. */
static void put_endless(sl_avro_out *packet, const sl_wrapping *w, const sl_avro_out *record, sl_endless where)
{
    if (where == SL_ENDLESS_SCHEMA) {
        sl_avro_put_raw(packet, "Obj\1", 4);
        sl_avro_put_block(packet, 1);
        sl_avro_put_text(packet, "avro.schema");
        sl_avro_put_long(packet, endless_number);
        sl_avro_put_raw(packet, w->header.ptr, w->header.len);
        return;
    }
    sl_avro_put_raw(packet, w->header.ptr, w->header.len);
    sl_avro_put_long(packet, where == SL_ENDLESS_BLOCK_COUNT ? endless_number : 1);
    sl_avro_put_long(packet, where == SL_ENDLESS_BLOCK_SIZE ? endless_number : (int64_t)record->len);
    sl_avro_put_raw(packet, record->bytes, record->len);
    sl_avro_put_raw(packet, w->sync, SL_AVRO_SYNC);
}

static sl_status put_other_schema(sl_avro_out *packet, const sl_wrapping *w, const sl_avro_out *record,
                                  const sl_avro_out *schema, sl_error *err)
{
    if (schema->failed) return SL_FAIL_NOMEM(err);
    SL_TRY(sl_avro_put_header(packet, (const char *)schema->bytes, schema->len, SL_AVRO_NULL, w->sync, err));
    return sl_avro_put_container_block(packet, SL_AVRO_NULL, w->sync, 1, record->bytes, record->len, err);
}

static sl_status put_deep_schema(sl_avro_out *packet, const sl_wrapping *w, const sl_avro_out *record, sl_rng *rng,
                                 sl_error *err)
{
    static const char open[] = "{\"type\":\"array\",\"items\":";
    const uint64_t depth = 1000 + sl_rng_below(rng, 4000);
    sl_avro_out schema = {0};
    for (uint64_t k = 0; k < depth; k++) sl_avro_put_raw(&schema, open, sizeof open - 1);
    sl_avro_put_raw(&schema, "\"int\"", 5);
    for (uint64_t k = 0; k < depth; k++) sl_avro_put_raw(&schema, "}", 1);
    const sl_status status = put_other_schema(packet, w, record, &schema, err);
    sl_avro_release(&schema);
    return status;
}

static sl_status put_self_schema(sl_avro_out *packet, const sl_wrapping *w, const sl_avro_out *record, sl_error *err)
{
    static const char text[] = "{\"type\":\"record\",\"name\":\"alert\",\"fields\":["
                               "{\"name\":\"candidate\",\"type\":\"alert\"}]}";
    sl_avro_out schema = {0};
    sl_avro_put_raw(&schema, text, sizeof text - 1);
    const sl_status status = put_other_schema(packet, w, record, &schema, err);
    sl_avro_release(&schema);
    return status;
}

/* Anywhere, but never right behind the header: that would be a sound container of none. */
static void truncate_packet(sl_avro_out *packet, const sl_wrapping *w, sl_rng *rng)
{
    packet->len = 1 + (size_t)sl_rng_below(rng, packet->len - 1);
    if (!w->framed && packet->len == w->header.len) packet->len--;
}

/* Half of the flips spare the stamps, which are most of a packet and matter least. */
static void flip_bits(sl_avro_out *packet, const sl_wrapping *w, sl_rng *rng)
{
    size_t within = packet->len;
    if (sl_rng_below(rng, 2) == 0 && within > w->header.len + 2000) within = w->header.len + 2000;
    for (uint64_t n = 1 + sl_rng_below(rng, 8); n > 0; n--) {
        packet->bytes[sl_rng_below(rng, within)] ^= (unsigned char)(1U << sl_rng_below(rng, 8));
    }
}

static void put_garbage(sl_avro_out *packet, sl_rng *rng)
{
    for (uint64_t n = 1 + sl_rng_below(rng, 600); n > 0; n--) {
        const uint64_t bits = sl_rng_u64(rng);
        sl_avro_put_raw(packet, &bits, sizeof bits);
    }
}

sl_status sl_hostile_wrap(sl_avro_out *packet, const sl_wrapping *w, const sl_avro_out *record, sl_simulate_fault fault,
                          sl_endless endless, sl_rng *rng, sl_error *err)
{
    sl_wrapping other = *w;
    sl_avro_reset(packet);
    switch (fault) {
    case SL_FAULT_EMPTY: return SL_OK;
    case SL_FAULT_GARBAGE: put_garbage(packet, rng); break;
    case SL_FAULT_DEEP_SCHEMA: return put_deep_schema(packet, w, record, rng, err);
    case SL_FAULT_SELF_SCHEMA: return put_self_schema(packet, w, record, err);
    case SL_FAULT_WRONG_SYNC: other.sync[sl_rng_below(rng, SL_AVRO_SYNC)] ^= 0x55; break;
    case SL_FAULT_UNKNOWN_SCHEMA: other.schema_id = 1000000 + (uint32_t)sl_rng_below(rng, 1000000); break;
    default: break;
    }
    if (fault == SL_FAULT_ENDLESS && endless != SL_ENDLESS_ARRAY) put_endless(packet, w, record, endless);
    else if (fault != SL_FAULT_GARBAGE) put_sound(packet, &other, record);
    if (packet->failed) return SL_FAIL_NOMEM(err);
    if (fault == SL_FAULT_TRUNCATED) truncate_packet(packet, w, rng);
    if (fault == SL_FAULT_BIT_FLIPS) flip_bits(packet, w, rng);
    return SL_OK;
}
