#include "alert_fixture.h"

#include <stdlib.h>

#include <snappy-c.h>
#include <zlib.h>
#include <zstd.h>

#include "alert/unpack.h"
#include "base/rng.h"

/* How a container was read. */
typedef struct reading {
    sl_status status;
    sl_reason reason;
    int n_blocks;
    int64_t n_records, n_lost;
    size_t n_bytes;
} reading;

static void count_block(reading *r, const sl_container_block *block)
{
    r->n_blocks++;
    r->n_records += block->count;
    r->n_bytes += block->n_bytes;
}

/* From a copy of just this length: a sanitizer tells of a byte more. */
static reading read_all(const void *bytes_there, size_t n)
{
    unsigned char *bytes = malloc(n + (n == 0));
    assert_non_null(bytes);
    if (n > 0) memcpy(bytes, bytes_there, n);
    reading r = {0};
    sl_container_header header;
    sl_container_block block = {0};
    sl_error err = {0};
    size_t at = 0;
    r.status = sl_container_read_header(&header, bytes, n, &at, &err);
    if (r.status == SL_OK) {
        while ((r.status = sl_container_next_block(&header, bytes, n, &at, &block, &err)) == SL_OK) {
            count_block(&r, &block);
        }
        if (r.status < 0) r.n_lost = block.count;
    }
    r.reason = r.status < 0 ? err.reason : SL_REASON_NONE;
    free(bytes);
    return r;
}

static sl_avro_out three_blocks(size_t ends[4])
{
    sl_avro_out out = {0};
    sl_error err;
    assert_ok(sl_avro_put_header(&out, "\"int\"", 5, SL_AVRO_NULL, fixture_sync, &err), &err);
    ends[0] = out.len;
    for (int i = 1; i <= 3; i++) {
        assert_ok(sl_avro_put_container_block(&out, SL_AVRO_NULL, fixture_sync, i, "\0\0\0", (size_t)i, &err), &err);
        ends[i] = out.len;
    }
    return out;
}

static void a_container_gives_its_blocks(void **state)
{
    (void)state;
    size_t ends[4];
    sl_avro_out out = three_blocks(ends);
    const reading r = read_all(out.bytes, out.len);
    assert_int_equal(r.status, SL_DONE);
    assert_int_equal(r.n_blocks, 3);
    assert_int_equal(r.n_records, 6);
    assert_int_equal(r.n_bytes, 6);
    sl_avro_release(&out);
}

static void a_container_cut_anywhere_is_truncated(void **state)
{
    (void)state;
    size_t ends[4];
    sl_avro_out out = three_blocks(ends);
    for (size_t n = 0; n < out.len; n++) {
        const reading r = read_all(out.bytes, n);
        const bool whole = n == ends[0] || n == ends[1] || n == ends[2];
        assert_int_equal(r.status, whole ? SL_DONE : SL_ERR_FORMAT);
        assert_int_equal(r.reason, whole ? SL_REASON_NONE : n == 0 ? SL_REASON_EMPTY : SL_REASON_TRUNCATED);
        if (!whole && n > ends[0]) assert_in_range(r.n_lost, 1, 3);
    }
    sl_avro_release(&out);
}

static void assert_reason(const sl_avro_out *out, sl_reason reason)
{
    const reading r = read_all(out->bytes, out->len);
    assert_int_equal(r.status, SL_ERR_FORMAT);
    assert_int_equal(r.reason, reason);
}

static void a_header_that_lies_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t n;
        sl_reason reason;
    } headers[] = {
        {"Obj\2garbage", 11, SL_REASON_UNKNOWN_FORMAT},
        {"\x1f\x8b", 2, SL_REASON_UNKNOWN_FORMAT},
        {"Obj\1\2\1", 6, SL_REASON_BAD_CONTAINER},                                         /* a key of -1 bytes */
        {"Obj\1\2\xfe\xff\xff\xff\xff\xff\xff\xff\x7f", 14, SL_REASON_TOO_LARGE},          /* of 2^62 */
        {"Obj\1\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\1", 15, SL_REASON_BAD_CONTAINER},  /* a number of 71 bits */
        {"Obj\1\xff\xff\xff\xff\xff\xff\xff\xff\xff\1\2", 15, SL_REASON_BAD_CONTAINER},    /* -2^63 entries */
        {"Obj\1\0" "0123456789abcdef", 21, SL_REASON_BAD_CONTAINER},                       /* no schema */
        {"Obj\1\2\x14" "avro.codec\6lzo", 20, SL_REASON_TRUNCATED},
        {"Obj\1\2\x14" "avro.codec\6lzo\0" "0123456789abcdef", 37, SL_REASON_BAD_CODEC},
    };
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        const reading r = read_all(headers[i].bytes, headers[i].n);
        if (r.reason != headers[i].reason) print_error("header %zu: %s\n", i, sl_reason_name(r.reason));
        assert_int_equal(r.reason, headers[i].reason);
    }
}

static void a_header_may_come_in_sized_blocks(void **state)
{
    (void)state;
    static const char bytes[] = "Obj\1\1\x24\x16" "avro.schema\xa" "\"int\"\0" "0123456789abcdef"
                                "\2\2\0" "0123456789abcdef";
    const reading r = read_all(bytes, sizeof bytes - 1);
    assert_int_equal(r.status, SL_DONE);
    assert_int_equal(r.n_records, 1);
}

static void every_codec_is_known_by_its_name(void **state)
{
    (void)state;
    static const char *const names[] = {"null", "deflate", "snappy", "zstandard"};
    for (int codec = 0; codec < SL_AVRO_N_CODECS; codec++) {
        sl_avro_out out = {0};
        sl_container_header header;
        size_t used;
        sl_error err;
        sl_avro_put_raw(&out, "Obj\1", 4);
        sl_avro_put_block(&out, 2);
        sl_avro_put_text(&out, "avro.codec");
        sl_avro_put_text(&out, names[codec]);
        sl_avro_put_text(&out, "avro.schema");
        sl_avro_put_text(&out, "\"int\"");
        sl_avro_put_end(&out);
        sl_avro_put_raw(&out, fixture_sync, SL_AVRO_SYNC);
        assert_ok(sl_container_read_header(&header, out.bytes, out.len, &used, &err), &err);
        assert_int_equal(header.codec, codec);
        assert_int_equal(used, out.len);
        sl_avro_release(&out);
    }
}

static void a_header_over_its_bound_is_too_large(void **state)
{
    (void)state;
    const size_t n = 6 << 20; /* three entries, each within the bound */
    char *text = calloc(n, 1);
    assert_non_null(text);
    sl_avro_out out = {0};
    sl_avro_put_raw(&out, "Obj\1", 4);
    sl_avro_put_block(&out, 3);
    for (int i = 0; i < 3; i++) {
        sl_avro_put_text(&out, "note");
        sl_avro_put_bytes(&out, text, n);
    }
    assert_int_equal(read_all(out.bytes, out.len).reason, SL_REASON_TOO_LARGE);
    sl_avro_release(&out);
    free(text);
}

static void a_block_that_lies_is_refused(void **state)
{
    (void)state;
    static const struct {
        int64_t count, size;
        sl_reason reason;
    } blocks[] = {
        {-1, 4, SL_REASON_BAD_CONTAINER},
        {1, -4, SL_REASON_BAD_CONTAINER},
        {5, 4, SL_REASON_BAD_CONTAINER}, /* more records than bytes */
        {INT64_MAX, 4, SL_REASON_BAD_CONTAINER},
        {1, (int64_t)1 << 62, SL_REASON_TOO_LARGE},
        {1, SL_CONTAINER_MAX_BLOCK, SL_REASON_TRUNCATED},
    };
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) {
        size_t ends[4];
        sl_avro_out out = three_blocks(ends);
        out.len = ends[1];
        sl_avro_put_long(&out, blocks[i].count);
        sl_avro_put_long(&out, blocks[i].size);
        sl_avro_put_raw(&out, "\0\0\0\0", 4);
        sl_avro_put_raw(&out, fixture_sync, SL_AVRO_SYNC);
        const reading r = read_all(out.bytes, out.len);
        assert_int_equal(r.reason, blocks[i].reason);
        assert_int_equal(r.n_blocks, 1);
        assert_int_equal(r.n_lost, 1);
        sl_avro_release(&out);
    }
}

static void a_damaged_sync_marker_loses_the_block(void **state)
{
    (void)state;
    size_t ends[4];
    sl_avro_out out = three_blocks(ends);
    out.bytes[ends[2] - 1] ^= 1;
    const reading r = read_all(out.bytes, out.len);
    assert_int_equal(r.reason, SL_REASON_BAD_CONTAINER);
    assert_int_equal(r.n_blocks, 1);
    assert_int_equal(r.n_lost, 2);
    assert_reason(&out, SL_REASON_BAD_CONTAINER);
    sl_avro_release(&out);
}

/* ---- codecs ---- */

enum { N_PLAIN = 100000 };

/* Gives what packed says of `plain`; free with free(). */
static unsigned char *pack(sl_avro_codec codec, const unsigned char *plain, size_t n, size_t *n_packed)
{
    const size_t room = snappy_max_compressed_length(n) + ZSTD_compressBound(n) + 64;
    unsigned char *packed = malloc(room);
    assert_non_null(packed);
    if (codec == SL_AVRO_SNAPPY) {
        *n_packed = room;
        assert_int_equal(snappy_compress((const char *)plain, n, (char *)packed, n_packed), SNAPPY_OK);
        const uLong sum = crc32_z(crc32(0, NULL, 0), plain, n);
        for (int i = 0; i < 4; i++) packed[(*n_packed)++] = (unsigned char)(sum >> (24 - 8 * i));
    } else if (codec == SL_AVRO_ZSTANDARD) {
        *n_packed = ZSTD_compress(packed, room, plain, n, 1);
        assert_false(ZSTD_isError(*n_packed));
    } else {
        z_stream z = {.next_in = (Bytef *)(uintptr_t)plain, .avail_in = (uInt)n};
        z.next_out = packed;
        z.avail_out = (uInt)room;
        assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
        assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
        *n_packed = z.total_out;
        deflateEnd(&z);
    }
    return packed;
}

static void every_codec_unpacks_again_and_again(void **state)
{
    (void)state;
    unsigned char *plain = malloc(N_PLAIN);
    assert_non_null(plain);
    for (int i = 0; i < N_PLAIN; i++) plain[i] = (unsigned char)((unsigned)i * (unsigned)i >> 7);
    sl_unpacker unpacker = {0};
    sl_error err;
    for (int round = 0; round < 2; round++) {
        for (int codec = SL_AVRO_DEFLATE; codec <= SL_AVRO_ZSTANDARD; codec++) {
            size_t n_packed, n;
            const unsigned char *out;
            unsigned char *packed = pack((sl_avro_codec)codec, plain, N_PLAIN, &n_packed);
            assert_ok(sl_unpack(&unpacker, (sl_avro_codec)codec, packed, n_packed, N_PLAIN, &out, &n, &err), &err);
            assert_int_equal(n, N_PLAIN);
            assert_memory_equal(out, plain, n);
            /* One byte over the limit is over it. */
            assert_int_equal(sl_unpack(&unpacker, (sl_avro_codec)codec, packed, n_packed, N_PLAIN - 1, &out, &n, &err),
                             SL_ERR_FORMAT);
            assert_int_equal(err.reason, SL_REASON_TOO_LARGE);
            free(packed);
        }
    }
    sl_unpacker_release(&unpacker);
    free(plain);
}

static void damaged_and_cut_data_are_a_bad_codec(void **state)
{
    (void)state;
    unsigned char plain[2000];
    for (int i = 0; i < 2000; i++) plain[i] = (unsigned char)(i * 7919 >> 3);
    sl_unpacker unpacker = {0};
    sl_error err;
    for (int codec = SL_AVRO_DEFLATE; codec <= SL_AVRO_ZSTANDARD; codec++) {
        size_t n_packed, n;
        const unsigned char *out;
        unsigned char *packed = pack((sl_avro_codec)codec, plain, sizeof plain, &n_packed);
        for (size_t cut = 1; cut < n_packed; cut += 7) {
            assert_int_equal(sl_unpack(&unpacker, (sl_avro_codec)codec, packed, cut, 4000, &out, &n, &err),
                             SL_ERR_FORMAT);
            assert_true(err.reason == SL_REASON_BAD_CODEC || err.reason == SL_REASON_TOO_LARGE);
        }
        if (codec == SL_AVRO_SNAPPY) {
            packed[n_packed - 1] ^= 1;
            assert_int_equal(sl_unpack(&unpacker, SL_AVRO_SNAPPY, packed, n_packed, 4000, &out, &n, &err),
                             SL_ERR_FORMAT);
            assert_int_equal(err.reason, SL_REASON_BAD_CODEC);
        }
        assert_int_equal(sl_unpack(&unpacker, (sl_avro_codec)codec, packed, 0, 4000, &out, &n, &err), SL_ERR_FORMAT);
        free(packed);
    }
    sl_unpacker_release(&unpacker);
}

/* zlib's answer about raw deflate, whatever stands behind its end. */
static bool zlib_unpacks(const unsigned char *packed, size_t n, unsigned char *out, size_t room, size_t *n_out)
{
    z_stream z = {.next_in = (Bytef *)(uintptr_t)packed, .avail_in = (uInt)n, .next_out = out, .avail_out = (uInt)room};
    assert_int_equal(inflateInit2(&z, -MAX_WBITS), Z_OK);
    const int code = inflate(&z, Z_FINISH);
    *n_out = z.total_out;
    inflateEnd(&z);
    return code == Z_STREAM_END;
}

/* What zlib unpacks is unpacked the same. A few in a hundred of damaged headers that zlib refuses go through: both let
   far more damage pass, since deflate has no sum. */
static void deflated_data_are_read_as_zlib_reads_them(void **state)
{
    (void)state;
    enum { MOST = 6000, ROUNDS = 4000 };
    static unsigned char plain[MOST], expected[1 << 18];
    sl_unpacker unpacker = {0};
    sl_rng rng;
    sl_rng_init(&rng, 3, 0);
    int refused = 0, let_pass = 0;
    for (int round = 0; round < ROUNDS; round++) {
        const size_t size = 1 + sl_rng_below(&rng, MOST);
        for (size_t i = 0; i < size; i++) {
            plain[i] = i > 100 && sl_rng_below(&rng, 4) > 0 ? plain[i - 97] : (unsigned char)sl_rng_below(&rng, 80);
        }
        size_t n_packed, n, n_expected;
        unsigned char *packed = pack(SL_AVRO_DEFLATE, plain, size, &n_packed);
        const size_t behind = sl_rng_below(&rng, 5);
        for (size_t i = 0; i < behind; i++) packed[n_packed++] = (unsigned char)sl_rng_u64(&rng);
        if (round % 4 > 0) packed[sl_rng_below(&rng, round % 2 ? n_packed : 1 + n_packed / 20)] ^= 1 << sl_rng_below(&rng, 8);
        const bool well = zlib_unpacks(packed, n_packed, expected, sizeof expected, &n_expected);
        const unsigned char *out;
        sl_error err;
        const sl_status status =
            sl_unpack(&unpacker, SL_AVRO_DEFLATE, packed, n_packed, sizeof expected, &out, &n, &err);
        if (well) {
            assert_ok(status, &err);
            assert_int_equal(n, n_expected);
            assert_memory_equal(out, expected, n);
        }
        refused += !well;
        let_pass += !well && status == SL_OK;
        free(packed);
    }
    assert_true(refused > ROUNDS / 10 && let_pass < refused / 20);
    sl_unpacker_release(&unpacker);
}

static void a_deflate_bomb_is_too_large_and_takes_no_memory(void **state)
{
    (void)state;
    const size_t size = 64 << 20;
    unsigned char *plain = calloc(size, 1);
    assert_non_null(plain);
    sl_unpacker unpacker = {0};
    sl_error err;
    for (int codec = SL_AVRO_DEFLATE; codec <= SL_AVRO_ZSTANDARD; codec++) {
        size_t n_packed, n;
        const unsigned char *out;
        unsigned char *packed = pack((sl_avro_codec)codec, plain, size, &n_packed);
        assert_int_equal(sl_unpack(&unpacker, (sl_avro_codec)codec, packed, n_packed, 1 << 20, &out, &n, &err),
                         SL_ERR_FORMAT);
        assert_int_equal(err.reason, SL_REASON_TOO_LARGE);
        assert_in_range(unpacker.size, 0, (1 << 20) + 1);
        free(packed);
    }
    sl_unpacker_release(&unpacker);
    free(plain);
}

static void snappy_cannot_claim_more_than_its_bytes_hold(void **state)
{
    (void)state;
    sl_unpacker unpacker = {0};
    sl_error err;
    const unsigned char *out;
    size_t n;
    /* 200 MiB said by five bytes. */
    assert_int_equal(sl_unpack(&unpacker, SL_AVRO_SNAPPY, (const unsigned char *)"\x80\x80\x80\x64" "x0000", 9,
                               SL_CONTAINER_MAX_BLOCK, &out, &n, &err),
                     SL_ERR_FORMAT);
    assert_int_equal(err.reason, SL_REASON_BAD_CODEC);
    assert_int_equal(unpacker.size, 0);
    sl_unpacker_release(&unpacker);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_container_gives_its_blocks),
        cmocka_unit_test(a_container_cut_anywhere_is_truncated),
        cmocka_unit_test(a_header_that_lies_is_refused),
        cmocka_unit_test(a_header_may_come_in_sized_blocks),
        cmocka_unit_test(every_codec_is_known_by_its_name),
        cmocka_unit_test(a_header_over_its_bound_is_too_large),
        cmocka_unit_test(a_block_that_lies_is_refused),
        cmocka_unit_test(a_damaged_sync_marker_loses_the_block),
        cmocka_unit_test(every_codec_unpacks_again_and_again),
        cmocka_unit_test(damaged_and_cut_data_are_a_bad_codec),
        cmocka_unit_test(deflated_data_are_read_as_zlib_reads_them),
        cmocka_unit_test(a_deflate_bomb_is_too_large_and_takes_no_memory),
        cmocka_unit_test(snappy_cannot_claim_more_than_its_bytes_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
