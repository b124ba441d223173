#include "alert_fixture.h"

#include <stdlib.h>

static sl_reason reason_of_schema(const char *schema)
{
    sl_avro_out out = {0}, record = {0};
    put_ztf_record(&record, 1, 1);
    put_container(&out, schema, 2, &record);
    const heard h = decode_all(out.bytes, out.len);
    assert_int_equal(h.n_good, 0);
    assert_int_equal(h.n_bad, 2);
    assert_int_equal(h.n_calls, 1);
    sl_avro_release(&out);
    sl_avro_release(&record);
    return h.reason;
}

static void what_is_no_schema_is_told_for_all_records(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "", "{", "17", "\"strng\"", "{\"type\":\"record\",\"name\":\"x\"}", "{\"type\":\"record\",\"fields\":[]}",
        "{\"type\":\"array\"}", "{\"type\":\"map\"}", "{\"type\":\"fixed\",\"name\":\"f\"}",
        "{\"type\":\"fixed\",\"name\":\"f\",\"size\":-1}", "{\"type\":\"enum\",\"name\":\"e\"}", "[\"null\",[\"int\"]]",
        "{\"type\":\"record\",\"name\":\"x\",\"fields\":[{\"name\":\"a\"}]}",
        "{\"type\":\"record\",\"name\":\"x\",\"fields\":[{\"type\":\"int\"}]}", "{}", "{\"name\":\"\\ud800\"}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(reason_of_schema(bad[i]), SL_REASON_BAD_SCHEMA);
    }
}

static void a_schema_over_its_bound_is_too_large(void **state)
{
    (void)state;
    const size_t n = 5 << 20;
    char *text = malloc(n + 1);
    assert_non_null(text);
    memset(text, ' ', n);
    memcpy(text, "\"int\"", 5);
    text[n] = '\0';
    assert_int_equal(reason_of_schema(text), SL_REASON_TOO_LARGE);
    free(text);
}

static void a_schema_of_something_else_is_not_an_alert(void **state)
{
    (void)state;
    static const char *const others[] = {
        "\"int\"", "[]", "[\"null\",\"string\"]", "{\"type\":\"array\",\"items\":\"int\"}",
        "{\"type\":\"record\",\"name\":\"x\",\"fields\":[]}",
        "{\"type\":\"record\",\"name\":\"x\",\"fields\":[{\"name\":\"x\",\"type\":\"x\"}]}", /* it is inside itself */
        "{\"type\":\"record\",\"name\":\"ztf.alert\",\"fields\":[{\"name\":\"candidate\",\"type\":\"string\"}]}",
        "{\"type\":\"record\",\"name\":\"ztf.alert\",\"fields\":[{\"name\":\"candidate\",\"type\":"
        "{\"type\":\"record\",\"name\":\"c\",\"fields\":[{\"name\":\"jd\",\"type\":\"string\"},"
        "{\"name\":\"magpsf\",\"type\":\"float\"},{\"name\":\"fid\",\"type\":\"int\"}]}}]}",
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        assert_int_equal(reason_of_schema(others[i]), SL_REASON_NOT_AN_ALERT);
    }
}

static void a_schema_nested_without_end_is_refused(void **state)
{
    (void)state;
    static const char begin[] = "{\"type\":\"array\",\"items\":";
    for (size_t depth = 100; depth <= 100000; depth *= 10) {
        sl_avro_out text = {0};
        for (size_t i = 0; i < depth; i++) sl_avro_put_raw(&text, begin, sizeof begin - 1);
        sl_avro_put_raw(&text, "\"int\"", 5);
        for (size_t i = 0; i < depth; i++) sl_avro_put_raw(&text, "}", 1);
        sl_avro_put_raw(&text, "", 1);
        assert_int_equal(reason_of_schema((const char *)text.bytes), SL_REASON_BAD_SCHEMA);
        sl_avro_release(&text);
    }
}

/* The schema's fields, with one more in front of the record's own. */
static void with_field(sl_avro_out *text, const char *type)
{
    static const char name[] = "\"fields\":[";
    const char *fields = strstr(ztf_schema, name) + sizeof name - 1;
    sl_avro_reset(text);
    sl_avro_put_raw(text, ztf_schema, (size_t)(fields - ztf_schema));
    sl_avro_put_raw(text, "{\"name\":\"more\",\"type\":", 22);
    sl_avro_put_raw(text, type, strlen(type));
    sl_avro_put_raw(text, "},", 2);
    sl_avro_put_raw(text, fields, strlen(fields) + 1);
}

static heard decode_with_field(const char *type, const void *bytes, size_t n)
{
    sl_avro_out text = {0}, record = {0}, out = {0};
    with_field(&text, type);
    sl_avro_put_raw(&record, bytes, n);
    put_ztf_record(&record, 5, 2);
    put_container(&out, (const char *)text.bytes, 1, &record);
    const heard h = decode_all(out.bytes, out.len);
    sl_avro_release(&text);
    sl_avro_release(&record);
    sl_avro_release(&out);
    return h;
}

static void records_that_double_cost_no_time(void **state)
{
    (void)state;
    /* r0 {}, r1 {r0, r0}, ... r40: 2^40 times nothing; then with a union in r0 at least 2^40 bytes. */
    sl_avro_out type = {0};
    char line[200];
    sl_avro_put_raw(&type, "{\"type\":\"record\",\"name\":\"all\",\"fields\":[", 40);
    for (int i = 0; i <= 40; i++) {
        const int n = i == 0 ? snprintf(line, sizeof line,
                                        "{\"name\":\"a\",\"type\":{\"type\":\"record\",\"name\":\"r0\",\"fields\":[]}}")
                             : snprintf(line, sizeof line,
                                        ",{\"name\":\"a\",\"type\":{\"type\":\"record\",\"name\":\"r%d\",\"fields\":["
                                        "{\"name\":\"x\",\"type\":\"r%d\"},{\"name\":\"y\",\"type\":\"r%d\"}]}}",
                                        i, i - 1, i - 1);
        sl_avro_put_raw(&type, line, (size_t)n);
    }
    sl_avro_put_raw(&type, "]}", 3);
    assert_int_equal(decode_with_field((const char *)type.bytes, "", 0).n_good, 1);
    char *inner = strstr((char *)type.bytes, "\"fields\":[]");
    assert_non_null(inner);
    sl_avro_out other = {0};
    sl_avro_put_raw(&other, type.bytes, (size_t)(inner + 10 - (char *)type.bytes));
    static const char leaf[] = "{\"name\":\"z\",\"type\":[\"null\",\"int\"]}";
    sl_avro_put_raw(&other, leaf, sizeof leaf - 1);
    sl_avro_put_raw(&other, inner + 10, strlen(inner + 10) + 1);
    assert_int_equal(decode_with_field((const char *)other.bytes, "", 0).reason, SL_REASON_BAD_RECORD);
    sl_avro_release(&other);
    sl_avro_release(&type);
}

static void odd_types_in_front_are_stepped_over(void **state)
{
    (void)state;
    static const struct {
        const char *type, *bytes;
        size_t n;
        bool good;
    } cases[] = {
        /* 2^62 nulls */
        {"{\"type\":\"array\",\"items\":\"null\"}", "\xfe\xff\xff\xff\xff\xff\xff\xff\x7f\0", 10, true},
        {"{\"type\":\"fixed\",\"name\":\"f\",\"size\":4611686018427387904}", "abcd", 4, false},
        {"[\"int\"]", "\0\2", 2, true},
        {"[]", "\0", 1, false},
        {"[\"null\",\"int\",\"string\"]", "\4\2x", 3, true},
        {"[\"null\",\"null\"]", "\2", 1, true},
        {"[\"int\",\"string\"]", "\2\2x", 3, true},
        {"{\"type\":\"map\",\"values\":{\"type\":\"array\",\"items\":\"long\"}}", "\2\2k\2\4\0\0", 7, true},
        {"{\"type\":\"array\",\"items\":\"double\"}", "\3\6" "0123456789abcdef\0", 19, false}, /* 16 bytes, not 3 */
        {"{\"type\":\"array\",\"items\":\"string\"}", "\1\4\2x\0", 5, true},
        {"{\"type\":\"array\",\"items\":\"string\"}", "\1\6\2x\0", 5, false},
        {"{\"type\":\"error\",\"name\":\"e\",\"fields\":[{\"name\":\"e\",\"type\":\"boolean\"}]}", "\1", 1, true},
        {"{\"type\":[\"null\",\"bytes\"]}", "\2\2x", 3, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const heard h = decode_with_field(cases[i].type, cases[i].bytes, cases[i].n);
        if ((h.n_good == 1) != cases[i].good) print_error("case %zu: %s\n", i, sl_reason_name(h.reason));
        assert_int_equal(h.n_good, cases[i].good);
        if (!cases[i].good) assert_int_equal(h.reason, SL_REASON_BAD_RECORD);
        if (cases[i].good) assert_int_equal(h.alert.n_points, 3);
    }
}

static void more_schemas_than_the_cache_holds_all_decode(void **state)
{
    (void)state;
    sl_alert_decoder *decoder;
    sl_error err;
    heard h = {0};
    assert_ok(sl_alert_decoder_new(&decoder, &err), &err);
    for (int i = 0; i < 400; i++) {
        char type[64];
        sl_avro_out text = {0}, record = {0}, out = {0};
        const int size = i * 7 % 150; /* some again, some after they were thrown out */
        snprintf(type, sizeof type, "{\"type\":\"fixed\",\"name\":\"f\",\"size\":%d}", size);
        with_field(&text, type);
        for (int k = 0; k < size; k++) sl_avro_put_raw(&record, "x", 1);
        put_ztf_record(&record, i + 1, 1);
        put_container(&out, (const char *)text.bytes, 1, &record);
        assert_ok(sl_alert_decode(decoder, out.bytes, out.len, hear, &h, &err), &err);
        assert_int_equal(h.n_good, i + 1);
        sl_avro_release(&text);
        sl_avro_release(&record);
        sl_avro_release(&out);
    }
    sl_alert_decoder_free(decoder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_schema_is_told_for_all_records),
        cmocka_unit_test(a_schema_over_its_bound_is_too_large),
        cmocka_unit_test(a_schema_of_something_else_is_not_an_alert),
        cmocka_unit_test(a_schema_nested_without_end_is_refused),
        cmocka_unit_test(records_that_double_cost_no_time),
        cmocka_unit_test(odd_types_in_front_are_stepped_over),
        cmocka_unit_test(more_schemas_than_the_cache_holds_all_decode),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
