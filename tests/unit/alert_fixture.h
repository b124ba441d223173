/* alert_fixture.h - small alerts made with the Avro writer, and a listener. */
#ifndef SL_TESTS_ALERT_FIXTURE_H
#define SL_TESTS_ALERT_FIXTURE_H

#include "unit.h"

#include <math.h>
#include <string.h>

#include "alert/avro_write.h"
#include "alert/decoder.h"

static const unsigned char fixture_sync[SL_AVRO_SYNC] = "sync marker, 16.";

#define ZTF_POINT_FIELDS                                                                             \
    "{\"name\":\"jd\",\"type\":\"double\"},{\"name\":\"fid\",\"type\":\"int\"},"                     \
    "{\"name\":\"pid\",\"type\":\"long\"},{\"name\":\"diffmaglim\",\"type\":[\"float\",\"null\"]},"  \
    "{\"name\":\"magpsf\",\"type\":[\"float\",\"null\"]},"                                           \
    "{\"name\":\"sigmapsf\",\"type\":[\"float\",\"null\"]},"                                         \
    "{\"name\":\"isdiffpos\",\"type\":[\"string\",\"null\"]}"

static const char ztf_schema[] =
    "{\"type\":\"record\",\"name\":\"ztf.alert\",\"fields\":["
    "{\"name\":\"schemavsn\",\"type\":\"string\"},{\"name\":\"objectId\",\"type\":\"string\"},"
    "{\"name\":\"candid\",\"type\":\"long\"},"
    "{\"name\":\"candidate\",\"type\":{\"type\":\"record\",\"name\":\"c\",\"fields\":[" ZTF_POINT_FIELDS "]}},"
    "{\"name\":\"prv_candidates\",\"type\":[\"null\",{\"type\":\"array\",\"items\":"
    "{\"type\":\"record\",\"name\":\"p\",\"fields\":[" ZTF_POINT_FIELDS "]}}]},"
    "{\"name\":\"cutout\",\"type\":[\"null\",\"bytes\"]}]}";

static inline void put_ztf_point(sl_avro_out *out, double jd, int fid, bool detected)
{
    sl_avro_put_double(out, jd);
    sl_avro_put_long(out, fid);
    sl_avro_put_long(out, 123456789);
    sl_avro_put_union(out, 0);
    sl_avro_put_float(out, 20.5f);
    sl_avro_put_union(out, !detected);
    if (detected) sl_avro_put_float(out, 18.25f);
    sl_avro_put_union(out, !detected);
    if (detected) sl_avro_put_float(out, 0.125f);
    sl_avro_put_union(out, !detected);
    if (detected) sl_avro_put_text(out, fid == 1 ? "t" : "f");
}

static inline void put_ztf_head(sl_avro_out *out, int64_t candid)
{
    sl_avro_put_text(out, "4.02");
    sl_avro_put_text(out, "ZTF18abcdefg");
    sl_avro_put_long(out, candid);
    put_ztf_point(out, 2459000.5, 2, true);
}

/* n_history < 0: null instead of an array. */
static inline void put_ztf_record(sl_avro_out *out, int64_t candid, int64_t n_history)
{
    put_ztf_head(out, candid);
    sl_avro_put_union(out, n_history >= 0);
    if (n_history > 0) {
        sl_avro_put_block(out, n_history);
        for (int64_t i = 0; i < n_history; i++) put_ztf_point(out, 2458000.5 + (double)i, 1 + (int)(i % 3), i % 2 == 0);
    }
    if (n_history >= 0) sl_avro_put_end(out);
    sl_avro_put_union(out, 1);
    sl_avro_put_bytes(out, "cutout", 6);
}

/* A container of one block; n_records as the block shall say. */
static inline void put_container(sl_avro_out *out, const char *schema, int64_t n_records, const sl_avro_out *records)
{
    sl_error err;
    assert_ok(sl_avro_put_header(out, schema, strlen(schema), SL_AVRO_NULL, fixture_sync, &err), &err);
    assert_ok(sl_avro_put_container_block(out, SL_AVRO_NULL, fixture_sync, n_records, records->bytes, records->len, &err),
              &err);
}

/* What was told. */
typedef struct heard {
    size_t n_good, n_bad, n_calls;
    sl_reason reason; /* of the last failure */
    size_t reasons[SL_N_REASONS];
    sl_alert alert; /* the last; its texts are copied */
    char alert_id[32], object_id[32], version[32];
    sl_point points[8];
    size_t stop_after; /* calls; 0 for never */
} heard;

static inline void copy_text(char to[32], sl_str from)
{
    assert_true(from.len < 32);
    if (from.len > 0) memcpy(to, from.ptr, from.len);
    to[from.len] = '\0';
}

static inline sl_status hear(void *user, sl_status status, const sl_alert *alert, size_t n, const sl_error *err)
{
    heard *h = user;
    if (status == SL_OK) {
        assert_int_equal(n, 1);
        h->n_good++;
        h->alert = *alert;
        copy_text(h->alert_id, alert->alert_id);
        copy_text(h->object_id, alert->object_id);
        copy_text(h->version, alert->schema_version);
        for (size_t i = 0; i < 8 && i < alert->n_points; i++) h->points[i] = alert->points[i];
    } else {
        assert_null(alert);
        assert_true(n > 0);
        assert_int_equal(status, err->status);
        assert_true(sl_reason_is_quarantine(err->reason));
        h->n_bad += n;
        h->reason = err->reason;
        h->reasons[err->reason] += n;
    }
    h->n_calls++;
    return h->n_calls == h->stop_after ? SL_DONE : SL_OK;
}

/* Decode bytes in memory of their exact size, by a decoder of its own. */
static inline heard decode_all(const void *bytes, size_t n)
{
    heard h = {0};
    sl_error err;
    sl_alert_decoder *decoder;
    assert_ok(sl_alert_decoder_new(&decoder, &err), &err);
    assert_ok(sl_alert_decode(decoder, bytes, n, hear, &h, &err), &err);
    sl_alert_decoder_free(decoder);
    return h;
}

#endif
