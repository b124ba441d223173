#include "alert_fixture.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

/* ---- good ones ---- */

static heard decode_ztf(int64_t n_records_said, const sl_avro_out *records)
{
    sl_avro_out out = {0};
    put_container(&out, ztf_schema, n_records_said, records);
    const heard h = decode_all(out.bytes, out.len);
    sl_avro_release(&out);
    return h;
}

static void a_ztf_packet_gives_history_then_the_current_point(void **state)
{
    (void)state;
    sl_avro_out record = {0};
    put_ztf_record(&record, 697251920015010010, 3);
    const heard h = decode_ztf(1, &record);
    assert_int_equal(h.n_good, 1);
    assert_int_equal(h.n_bad, 0);
    assert_int_equal(h.alert.survey, SL_SURVEY_ZTF);
    assert_string_equal(h.alert_id, "697251920015010010");
    assert_string_equal(h.object_id, "ZTF18abcdefg");
    assert_string_equal(h.version, "4.02");
    assert_int_equal(h.alert.source_number, 697251920015010010);
    assert_true(h.alert.time_is_jd);
    assert_true(isnan(h.alert.redshift));
    assert_int_equal(h.alert.n_points, 4);
    const sl_point *p = h.points;
    assert_true(p[0].time == 2458000.5 && p[0].value == 18.25 && p[0].error == 0.125 && p[0].limit_mag == 20.5f);
    assert_int_equal(p[0].kind, SL_POINT_DETECTION);
    assert_int_equal(p[0].band, 'g');
    assert_int_equal(p[0].sign, 1);
    assert_int_equal(p[1].kind, SL_POINT_LIMIT);
    assert_true(isnan(p[1].value) && isnan(p[1].error));
    assert_int_equal(p[1].sign, 0);
    assert_int_equal(p[2].band, 'i');
    assert_int_equal(p[2].sign, -1);
    assert_int_equal(p[3].flags, SL_POINT_CURRENT);
    assert_true(p[3].time == 2459000.5 && p[3].unit == SL_UNIT_MAG && isnan(p[3].zero_point));
    sl_avro_release(&record);
}

static void history_may_be_null_or_empty(void **state)
{
    (void)state;
    sl_avro_out records = {0};
    put_ztf_record(&records, 1, -1);
    put_ztf_record(&records, 2, 0);
    const heard h = decode_ztf(2, &records);
    assert_int_equal(h.n_good, 2);
    assert_int_equal(h.alert.n_points, 1);
    assert_string_equal(h.alert_id, "2");
    sl_avro_release(&records);
}

/* Every kind of type, most of them not wanted, between the fields of an LSST-like alert. */
static const char lsst_schema[] =
    "{\"type\":\"record\",\"name\":\"alert\",\"namespace\":\"lsst.v7_1\",\"fields\":["
    "{\"name\":\"e\",\"type\":{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"a\",\"b\"]}},"
    "{\"name\":\"f\",\"type\":{\"type\":\"fixed\",\"name\":\"F\",\"size\":3}},"
    "{\"name\":\"m\",\"type\":{\"type\":\"map\",\"values\":\"E\"}},"
    "{\"name\":\"a\",\"type\":{\"type\":\"array\",\"items\":[\"null\",\"F\",\"string\"]}},"
    "{\"name\":\"n\",\"type\":{\"type\":\"array\",\"items\":\"double\"}},"
    "{\"name\":\"b\",\"type\":\"boolean\"},{\"name\":\"nothing\",\"type\":\"null\"},"
    "{\"name\":\"d\",\"type\":{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":4}},"
    "{\"name\":\"alertId\",\"type\":{\"type\":\"long\"}},"
    "{\"name\":\"prvDiaForcedSources\",\"type\":[{\"type\":\"array\",\"items\":[\"null\",{\"type\":\"record\","
    "\"name\":\"forced\",\"fields\":[{\"name\":\"psfFlux\",\"type\":[\"null\",\"float\",\"double\"]},"
    "{\"name\":\"midpointMjdTai\",\"type\":\"double\"},"
    "{\"name\":\"band\",\"type\":[\"string\",\"null\"]}]}]},\"null\"]},"
    "{\"name\":\"diaSource\",\"type\":{\"type\":\"record\",\"name\":\"source\",\"fields\":["
    "{\"name\":\"diaSourceId\",\"type\":\"long\"},{\"name\":\"ssObjectId\",\"type\":[\"null\",\"long\"]},"
    "{\"name\":\"self\",\"type\":[\"null\",\"source\"]},"
    "{\"name\":\"psfFlux\",\"type\":[\"null\",\"float\"]},{\"name\":\"psfFluxErr\",\"type\":\"float\"},"
    "{\"name\":\"midpointMjdTai\",\"type\":\"double\"},{\"name\":\"band\",\"type\":\"string\"}]}},"
    "{\"name\":\"prvDiaSources\",\"type\":{\"type\":\"array\",\"items\":\"source\"}}]}";

/* depth: how many sources sit inside each other. */
static void put_source(sl_avro_out *out, int64_t id, float flux, int depth)
{
    sl_avro_put_long(out, id);
    sl_avro_put_union(out, 1);
    sl_avro_put_long(out, 99);
    sl_avro_put_union(out, depth > 0);
    if (depth > 0) put_source(out, -1, 0, depth - 1);
    sl_avro_put_union(out, 1);
    sl_avro_put_float(out, flux);
    sl_avro_put_float(out, 2.5f);
    sl_avro_put_double(out, 60000.25);
    sl_avro_put_text(out, "y");
}

static void put_lsst_record(sl_avro_out *out, int depth)
{
    sl_avro_put_long(out, 1);
    sl_avro_put_raw(out, "fix", 3);
    sl_avro_put_block(out, 1);
    sl_avro_put_text(out, "key");
    sl_avro_put_long(out, 0);
    sl_avro_put_end(out);
    sl_avro_put_sized_block(out, 3, 9);
    sl_avro_put_raw(out, "\0\2fix\4\4hi", 9); /* null, F, "hi" */
    sl_avro_put_end(out);
    sl_avro_put_sized_block(out, 2, 16);
    sl_avro_put_raw(out, "0123456789abcdef", 16);
    sl_avro_put_end(out);
    sl_avro_put_bool(out, true);
    sl_avro_put_bytes(out, "\1\2", 2);
    sl_avro_put_long(out, 4711);
    sl_avro_put_union(out, 0);
    sl_avro_put_block(out, 1);
    sl_avro_put_union(out, 0); /* an element that is null */
    sl_avro_put_sized_block(out, 1, 19); /* of what follows, up to the end */
    sl_avro_put_union(out, 1);
    sl_avro_put_union(out, 2); /* the flux as a double */
    sl_avro_put_double(out, 1e10);
    sl_avro_put_double(out, 60001.5);
    sl_avro_put_union(out, 1); /* no band */
    sl_avro_put_end(out);
    put_source(out, 815, 7.5f, depth);
    sl_avro_put_block(out, 1);
    put_source(out, 814, NAN, depth);
    sl_avro_put_end(out);
}

static heard decode_lsst(int depth)
{
    sl_avro_out record = {0}, out = {0};
    put_lsst_record(&record, depth);
    put_container(&out, lsst_schema, 1, &record);
    const heard h = decode_all(out.bytes, out.len);
    sl_avro_release(&record);
    sl_avro_release(&out);
    return h;
}

static void every_avro_type_can_be_stepped_over(void **state)
{
    (void)state;
    const heard h = decode_lsst(0);
    assert_int_equal(h.n_good, 1);
    assert_int_equal(h.alert.survey, SL_SURVEY_LSST);
    assert_string_equal(h.alert_id, "4711");
    assert_string_equal(h.object_id, "99");
    assert_string_equal(h.version, "lsst.v7_1");
    assert_int_equal(h.alert.source_number, 815);
    assert_false(h.alert.time_is_jd);
    assert_int_equal(h.alert.n_points, 3);
    const sl_point *p = h.points;
    assert_true(isnan(p[0].value) && p[0].kind == SL_POINT_DETECTION && p[0].zero_point == 31.4);
    assert_true(p[1].value == 7.5 && p[1].error == 2.5 && p[1].time == 60000.25 && p[1].band == 'y');
    assert_int_equal(p[1].flags, SL_POINT_CURRENT | SL_POINT_MIDDLE_OF_EXPOSURE | SL_POINT_TAI);
    assert_true(p[2].value == 1e10 && isnan(p[2].error) && p[2].band == '?' && p[2].kind == SL_POINT_FORCED);
}

static void a_record_inside_itself_is_followed_to_a_bound(void **state)
{
    (void)state;
    assert_int_equal(decode_lsst(1).n_good, 1);
    assert_int_equal(decode_lsst(60).n_good, 1);
    const heard h = decode_lsst(1000);
    assert_int_equal(h.n_good, 0);
    assert_int_equal(h.reason, SL_REASON_BAD_RECORD);
}

/* ---- bad records ---- */

static void a_record_cut_anywhere_is_bad_and_never_good(void **state)
{
    (void)state;
    sl_avro_out record = {0};
    put_ztf_record(&record, 1, 2);
    const size_t whole = record.len;
    for (record.len = 1; record.len < whole; record.len++) {
        const heard h = decode_ztf(1, &record);
        assert_int_equal(h.n_good, 0);
        assert_int_equal(h.n_bad, 1);
        assert_int_equal(h.reason, SL_REASON_BAD_RECORD);
    }
    sl_avro_release(&record);
}

static void records_behind_a_broken_one_are_counted_once(void **state)
{
    (void)state;
    sl_avro_out records = {0};
    put_ztf_record(&records, 1, 1);
    const size_t second = records.len;
    put_ztf_record(&records, 2, 1);
    for (int64_t i = 3; i <= 5; i++) put_ztf_record(&records, i, 1);
    records.bytes[second] = 1; /* the length of its first text: -1 */
    const heard h = decode_ztf(5, &records);
    assert_int_equal(h.n_good, 1);
    assert_int_equal(h.n_calls, 3);
    assert_int_equal(h.reasons[SL_REASON_BAD_RECORD], 1);
    assert_int_equal(h.reasons[SL_REASON_BEHIND_BROKEN], 3);
    sl_avro_release(&records);
}

static void bytes_behind_the_last_record_make_it_bad(void **state)
{
    (void)state;
    sl_avro_out records = {0};
    put_ztf_record(&records, 1, 1);
    put_ztf_record(&records, 2, 1);
    sl_avro_put_raw(&records, "x", 1);
    heard h = decode_ztf(2, &records);
    assert_int_equal(h.n_good, 1);
    assert_int_equal(h.n_bad, 1);
    assert_int_equal(h.reason, SL_REASON_BAD_RECORD);
    h = decode_ztf(0, &records);
    assert_int_equal(h.n_good, 0);
    assert_int_equal(h.reason, SL_REASON_BAD_CONTAINER);
    sl_avro_release(&records);
}

static void lengths_without_end_are_refused(void **state)
{
    (void)state;
    static const int64_t counts[] = {(int64_t)1 << 62, INT64_MAX, INT64_MIN, -1, -((int64_t)1 << 62), 1000};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        sl_avro_out record = {0};
        put_ztf_head(&record, 1);
        sl_avro_put_union(&record, 1);
        sl_avro_put_long(&record, counts[i]);
        sl_avro_put_long(&record, (int64_t)1 << 62);
        const heard h = decode_ztf(1, &record);
        assert_int_equal(h.reason, SL_REASON_BAD_RECORD);
        assert_int_equal(h.n_bad, 1);
        sl_avro_release(&record);
    }
}

static void a_branch_that_is_not_there_is_bad(void **state)
{
    (void)state;
    static const int64_t branches[] = {2, -1, 300, INT64_MAX};
    for (size_t i = 0; i < 4; i++) {
        sl_avro_out record = {0};
        put_ztf_head(&record, 1);
        sl_avro_put_union(&record, branches[i]);
        sl_avro_put_raw(&record, "\0\0\0\0", 4);
        assert_int_equal(decode_ztf(1, &record).reason, SL_REASON_BAD_RECORD);
        sl_avro_release(&record);
    }
}

static void a_million_points_are_decoded_and_five_are_not(void **state)
{
    (void)state;
    sl_avro_out record = {0};
    put_ztf_record(&record, 1, 1000000);
    assert_int_equal(decode_ztf(1, &record).alert.n_points, 1000001);
    sl_avro_reset(&record);
    put_ztf_record(&record, 1, 5000000);
    const heard h = decode_ztf(1, &record);
    assert_int_equal(h.n_bad, 1);
    assert_int_equal(h.reason, SL_REASON_TOO_LARGE);
    sl_avro_release(&record);
}

static void an_endless_id_is_refused_and_the_next_record_is_not(void **state)
{
    (void)state;
    sl_avro_out records = {0}, one = {0};
    char *name = calloc(1, 5001);
    assert_non_null(name);
    memset(name, 'x', 5000);
    sl_avro_put_text(&records, "4.02");
    sl_avro_put_text(&records, name);
    put_ztf_record(&one, 7, -1);
    const size_t head = 5 + 13; /* version and object of `one` */
    sl_avro_put_raw(&records, one.bytes + head, one.len - head);
    sl_avro_put_raw(&records, one.bytes, one.len);
    const heard h = decode_ztf(2, &records);
    assert_int_equal(h.reasons[SL_REASON_TOO_LARGE], 1);
    assert_int_equal(h.n_good, 1);
    free(name);
    sl_avro_release(&one);
    sl_avro_release(&records);
}

static void whoever_listens_can_stop(void **state)
{
    (void)state;
    sl_avro_out records = {0}, out = {0};
    sl_error err;
    for (int i = 1; i <= 3; i++) put_ztf_record(&records, i, 1);
    put_container(&out, ztf_schema, 3, &records);
    sl_alert_decoder *decoder;
    assert_ok(sl_alert_decoder_new(&decoder, &err), &err);
    heard h = {.stop_after = 2};
    assert_int_equal(sl_alert_decode(decoder, out.bytes, out.len, hear, &h, &err), SL_DONE);
    assert_int_equal(h.n_good, 2);
    sl_alert_decoder_free(decoder);
    sl_avro_release(&records);
    sl_avro_release(&out);
}

/* ---- framed messages ---- */

static void write_schema(const char *folder, const char *name, const char *text)
{
    char path[200];
    sl_error err;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_ok(sl_file_write(path, text, strlen(text), &err), &err);
}

static void remove_schema(const char *folder, const char *name)
{
    char path[200];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    unlink(path);
}

static void framed_messages_find_their_schema(void **state)
{
    (void)state;
    char folder[] = "/tmp/starling-schemas-XXXXXX";
    assert_non_null(mkdtemp(folder));
    sl_alert_decoder *decoder, *other;
    sl_error err;
    assert_ok(sl_alert_decoder_new(&decoder, &err), &err);
    assert_ok(sl_alert_decoder_new(&other, &err), &err);
    assert_int_equal(sl_alert_decoder_load_schemas(decoder, folder, &err), SL_ERR_FORMAT);
    assert_int_equal(sl_alert_decoder_load_schemas(decoder, "/nowhere/at/all", &err), SL_ERR_IO);
    write_schema(folder, "lsst.avsc", lsst_schema);
    write_schema(folder, "100_ztf.avsc", ztf_schema);
    write_schema(folder, "note.txt", "not looked at");
    assert_ok(sl_alert_decoder_load_schemas(decoder, folder, &err), &err);
    sl_alert_decoder_share_schemas(other, decoder);
    sl_alert_decoder_free(decoder);

    sl_avro_out message = {0};
    sl_avro_put_raw(&message, "\0\0\0\2\xbd", 5); /* 701 */
    put_lsst_record(&message, 0);
    assert_true(sl_alert_is_framed(message.bytes, message.len));
    heard h = {0};
    assert_ok(sl_alert_decode(other, message.bytes, message.len, hear, &h, &err), &err);
    assert_int_equal(h.n_good, 1);
    assert_string_equal(h.version, "lsst.v7_1");
    for (size_t n = 5; n < message.len; n++) {
        assert_ok(sl_alert_decode(other, message.bytes, n, hear, &h, &err), &err);
        assert_int_equal(h.n_good, 1);
    }
    assert_int_equal(h.reason, SL_REASON_TRUNCATED);
    sl_avro_put_raw(&message, "x", 1);
    assert_ok(sl_alert_decode(other, message.bytes, message.len, hear, &h, &err), &err);
    assert_int_equal(h.reason, SL_REASON_BAD_RECORD);
    message.bytes[4] ^= 1;
    assert_ok(sl_alert_decode(other, message.bytes, message.len, hear, &h, &err), &err);
    assert_int_equal(h.reason, SL_REASON_UNKNOWN_SCHEMA);

    sl_avro_reset(&message);
    sl_avro_put_raw(&message, "\0\0\0\0\x64", 5);
    put_ztf_record(&message, 8, 1);
    assert_ok(sl_alert_decode(other, message.bytes, message.len, hear, &h, &err), &err);
    assert_int_equal(h.n_good, 2);
    assert_string_equal(h.alert_id, "8");

    write_schema(folder, "broken.avsc", "{");
    assert_int_equal(sl_alert_decoder_load_schemas(other, folder, &err), SL_ERR_FORMAT);
    assert_non_null(strstr(err.message, "broken.avsc"));
    remove_schema(folder, "lsst.avsc");
    remove_schema(folder, "100_ztf.avsc");
    remove_schema(folder, "note.txt");
    remove_schema(folder, "broken.avsc");
    rmdir(folder);
    sl_avro_release(&message);
    sl_alert_decoder_free(other);
}

static void what_is_neither_is_an_unknown_format(void **state)
{
    (void)state;
    assert_int_equal(decode_all(NULL, 0).reason, SL_REASON_EMPTY);
    assert_int_equal(decode_all("hello", 5).reason, SL_REASON_UNKNOWN_FORMAT);
    assert_int_equal(decode_all("\0\0\0\0", 4).reason, SL_REASON_UNKNOWN_FORMAT);
    assert_int_equal(decode_all("\0\0\0\0\1", 5).reason, SL_REASON_UNKNOWN_SCHEMA);
    assert_int_equal(decode_all("Obj", 3).reason, SL_REASON_TRUNCATED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_ztf_packet_gives_history_then_the_current_point),
        cmocka_unit_test(history_may_be_null_or_empty),
        cmocka_unit_test(every_avro_type_can_be_stepped_over),
        cmocka_unit_test(a_record_inside_itself_is_followed_to_a_bound),
        cmocka_unit_test(a_record_cut_anywhere_is_bad_and_never_good),
        cmocka_unit_test(records_behind_a_broken_one_are_counted_once),
        cmocka_unit_test(bytes_behind_the_last_record_make_it_bad),
        cmocka_unit_test(lengths_without_end_are_refused),
        cmocka_unit_test(a_branch_that_is_not_there_is_bad),
        cmocka_unit_test(a_million_points_are_decoded_and_five_are_not),
        cmocka_unit_test(an_endless_id_is_refused_and_the_next_record_is_not),
        cmocka_unit_test(whoever_listens_can_stop),
        cmocka_unit_test(framed_messages_find_their_schema),
        cmocka_unit_test(what_is_neither_is_an_unknown_format),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
