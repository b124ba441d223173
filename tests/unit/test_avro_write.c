#include "unit.h"

#include <string.h>

#include <zlib.h>

#include "alert/avro_write.h"

static void assert_bytes(sl_avro_out *out, const char *expected, size_t n)
{
    assert_false(out->failed);
    assert_int_equal(out->len, n);
    assert_memory_equal(out->bytes, expected, n);
    sl_avro_reset(out);
}

static void numbers_are_encoded_as_the_specification_has_them(void **state)
{
    (void)state;
    sl_avro_out out = {0};
    const int64_t longs[] = {0, -1, 1, -64, 64, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < 7; i++) sl_avro_put_long(&out, longs[i]);
    assert_bytes(&out,
                 "\0\1\2\x7f\x80\1"
                 "\xfe\xff\xff\xff\xff\xff\xff\xff\xff\1"
                 "\xff\xff\xff\xff\xff\xff\xff\xff\xff\1",
                 26);
    sl_avro_put_float(&out, 1.5f);
    sl_avro_put_double(&out, -2.0);
    sl_avro_put_bool(&out, true);
    sl_avro_put_bool(&out, false);
    assert_bytes(&out, "\0\0\xc0\x3f\0\0\0\0\0\0\0\xc0\1\0", 14);
    sl_avro_release(&out);
}

static void texts_and_blocks_carry_their_sizes(void **state)
{
    (void)state;
    sl_avro_out out = {0};
    sl_avro_put_text(&out, "foo");
    sl_avro_put_bytes(&out, NULL, 0);
    sl_avro_put_union(&out, 1);
    sl_avro_put_block(&out, 2);
    sl_avro_put_sized_block(&out, 3, 100);
    sl_avro_put_end(&out);
    assert_bytes(&out, "\6foo\0\2\4\5\xc8\1\0", 11);
    sl_avro_release(&out);
}

static void a_failed_buffer_stays_failed_until_reset(void **state)
{
    (void)state;
    sl_avro_out out = {0};
    sl_avro_put_raw(&out, "x", SIZE_MAX / 2);
    assert_true(out.failed);
    sl_avro_put_long(&out, 1);
    assert_int_equal(out.len, 0);
    sl_error err;
    assert_int_equal(sl_avro_put_header(&out, "{}", 2, SL_AVRO_NULL, (const unsigned char[SL_AVRO_SYNC]){0}, &err),
                     SL_ERR_NOMEM);
    sl_avro_reset(&out);
    sl_avro_put_long(&out, 1);
    assert_bytes(&out, "\2", 1);
    sl_avro_release(&out);
}

static void a_container_has_header_blocks_and_sync(void **state)
{
    (void)state;
    static const unsigned char sync[SL_AVRO_SYNC] = "0123456789abcdef";
    sl_avro_out out = {0};
    sl_error err;
    assert_ok(sl_avro_put_header(&out, "\"int\"", 5, SL_AVRO_NULL, sync, &err), &err);
    assert_ok(sl_avro_put_container_block(&out, SL_AVRO_NULL, sync, 2, "\2\4", 2, &err), &err);
    assert_bytes(&out,
                 "Obj\1\4\x16"
                 "avro.schema\xa\"int\"\x14"
                 "avro.codec\x8null\0000123456789abcdef\4\4\2\4"
                 "0123456789abcdef",
                 76);
    sl_avro_release(&out);
}

static void a_deflate_block_inflates_to_what_went_in(void **state)
{
    (void)state;
    static const unsigned char sync[SL_AVRO_SYNC] = "0123456789abcdef";
    unsigned char records[1000], back[1001];
    memset(records, 7, sizeof records);
    sl_avro_out out = {0};
    sl_error err;
    assert_ok(sl_avro_put_container_block(&out, SL_AVRO_DEFLATE, sync, 1, records, sizeof records, &err), &err);
    assert_in_range(out.len, 18, 100);
    z_stream z = {.next_in = out.bytes + 2, .avail_in = (uInt)out.len - 18, .next_out = back, .avail_out = sizeof back};
    assert_int_equal(out.bytes[1], 2 * (out.len - 18));
    assert_int_equal(inflateInit2(&z, -MAX_WBITS), Z_OK);
    assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
    assert_int_equal(z.total_out, sizeof records);
    assert_memory_equal(back, records, sizeof records);
    inflateEnd(&z);
    sl_avro_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_encoded_as_the_specification_has_them),
        cmocka_unit_test(texts_and_blocks_carry_their_sizes),
        cmocka_unit_test(a_failed_buffer_stays_failed_until_reset),
        cmocka_unit_test(a_container_has_header_blocks_and_sync),
        cmocka_unit_test(a_deflate_block_inflates_to_what_went_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
