/* Unpacking gzip as it is read: the same as zlib's, however it is cut; and what happens to damage. */
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "base/rng.h"
#include "pipeline/gunzip.h"
#include "unit.h"

enum { SIZE = 300000, PACKED = 2 * SIZE };

/* A stream that gives at most `most` bytes at a time, and fails where it would end, if told to. */
typedef struct drip {
    const unsigned char *at;
    size_t left, most;
    bool fails;
} drip;

static ptrdiff_t read_drip(void *user, void *buf, size_t n, sl_error *err)
{
    drip *d = user;
    if (d->left == 0 && d->fails) {
        *err = (sl_error){.status = SL_ERR_IO, .reason = SL_REASON_UNREADABLE, .message = "no more"};
        return SL_ERR_IO;
    }
    if (n > d->most) n = d->most;
    if (n > d->left) n = d->left;
    memcpy(buf, d->at, n);
    d->at += n;
    d->left -= n;
    return (ptrdiff_t)n;
}

typedef struct unpacked {
    unsigned char *bytes; /* SIZE + 1 */
    size_t n;
    sl_error err;
    uint64_t taken;
} unpacked;

static unsigned char *plain, *packed; /* of the whole program */

static sl_status unpack(const unsigned char *bytes, size_t n, size_t in_most, size_t out_most, bool fails, unpacked *u)
{
    drip d = {bytes, n, in_most, fails};
    sl_stream below = {.read = read_drip, .user = &d, .fd = -1};
    sl_gunzip *g;
    assert_ok(sl_gunzip_new(&g, &below, &u->err), &u->err);
    ptrdiff_t got;
    u->n = 0;
    do {
        size_t want = SIZE + 1 - u->n;
        if (want > out_most) want = out_most;
        got = sl_gunzip_read(g, u->bytes + u->n, want, &u->err);
        if (got > 0) u->n += (size_t)got;
    } while (got > 0 && u->n <= SIZE);
    if (got < 0) { /* and again */
        sl_error same;
        assert_int_equal(sl_gunzip_read(g, u->bytes + u->n, 1, &same), got);
        assert_string_equal(same.message, u->err.message);
    }
    u->taken = sl_gunzip_taken(g);
    sl_gunzip_free(g);
    return got < 0 ? (sl_status)got : SL_OK;
}

/* Some of it repeats, some does not, as in an alert. */
static void make_plain(uint64_t seed, size_t n)
{
    sl_rng rng;
    sl_rng_init(&rng, seed, 0);
    for (size_t i = 0; i < n; i++) {
        const uint64_t r = sl_rng_u64(&rng);
        plain[i] = i > 5000 && r % 8 < 6 ? plain[i - 4321] : (unsigned char)(r >> 32);
    }
}

/* One member behind what is there. */
static size_t add_member(size_t have, const unsigned char *bytes, size_t n, int level, bool with_header)
{
    z_stream z = {0};
    unsigned char extra[] = "extra";
    gz_header header = {.name = (Bytef *)"a name", .comment = (Bytef *)"and more", .extra = extra, .extra_len = 5, .hcrc = 1};
    assert_int_equal(deflateInit2(&z, level, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
    if (with_header) deflateSetHeader(&z, &header);
    z.next_in = (Bytef *)(uintptr_t)bytes;
    z.avail_in = (uInt)n;
    z.next_out = packed + have;
    z.avail_out = (uInt)(PACKED - have);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    have += z.total_out;
    deflateEnd(&z);
    return have;
}

static int set_up(void **state)
{
    unpacked *u = calloc(1, sizeof *u);
    u->bytes = malloc(SIZE + 1);
    plain = malloc(SIZE);
    packed = malloc(PACKED);
    *state = u;
    return 0;
}

static int tear_down(void **state)
{
    unpacked *u = *state;
    free(u->bytes);
    free(u);
    free(plain);
    free(packed);
    return 0;
}

static void members_come_out_as_they_went_in(void **state)
{
    unpacked *u = *state;
    make_plain(1, SIZE);
    for (int level = 0; level <= 9; level += 3) {
        size_t n = add_member(0, plain, 100000, level, true);
        n = add_member(n, plain, 0, level, false);
        n = add_member(n, plain + 100000, 1, level, false);
        n = add_member(n, plain + 100001, SIZE - 100001, level, true);
        static const size_t in[] = {1, 7, 4096, 1 << 20}, out[] = {1 << 20, 4096, 333, 65536};
        for (int i = 0; i < 4; i++) {
            assert_ok(unpack(packed, n, in[i], out[i], false, u), &u->err);
            assert_int_equal(u->n, SIZE);
            assert_memory_equal(u->bytes, plain, SIZE);
            assert_int_equal(u->taken, n);
        }
    }
}

static void what_is_no_member_behind_the_last_is_left_alone(void **state)
{
    unpacked *u = *state;
    make_plain(2, 5000);
    const size_t n = add_member(0, plain, 5000, 6, false);
    static const char *const garbage[] = {"\0\0\0\0\0\0\0\0", "garbage!", "\x1fgarbage", "\x1f"};
    for (int i = 0; i < 4; i++) {
        const size_t more = i == 3 ? 1 : 8;
        memcpy(packed + n, garbage[i], more);
        for (size_t most = 1; most < 10000; most *= 3) {
            assert_ok(unpack(packed, n + more, most, SIZE, false, u), &u->err);
            assert_int_equal(u->n, 5000);
        }
    }
    /* what begins like a member must be one */
    memcpy(packed + n, "\x1f\x8bgarbage", 9);
    assert_int_equal(unpack(packed, n + 9, 100, SIZE, false, u), SL_ERR_FORMAT);
    assert_int_equal(u->err.reason, SL_REASON_BAD_ARCHIVE);
    assert_int_equal(u->n, 5000);
}

static void a_stream_that_ends_early_gives_what_is_there_and_says_so(void **state)
{
    unpacked *u = *state;
    make_plain(3, 20000);
    const size_t n = add_member(0, plain, 20000, 6, true);
    size_t before = 0;
    for (size_t cut = 0; cut < n; cut += cut < 60 || cut + 80 > n ? 1 : 61) {
        const sl_status status = unpack(packed, cut, 64, SIZE, false, u);
        assert_int_equal(status, SL_ERR_FORMAT);
        assert_int_equal(u->err.reason, SL_REASON_BAD_ARCHIVE);
        assert_memory_equal(u->bytes, plain, u->n);
        assert_true(u->n >= before && u->n <= 20000);
        before = u->n;
        /* and where reading fails, that is what is told */
        assert_int_equal(unpack(packed, cut, 64, SIZE, true, u), SL_ERR_IO);
        assert_int_equal(u->n, before);
        assert_string_equal(u->err.message, "no more");
    }
    assert_int_equal(before, 20000); /* only the sum was cut */
}

static void sums_and_lengths_are_checked(void **state)
{
    unpacked *u = *state;
    make_plain(4, 3000);
    const size_t n = add_member(0, plain, 3000, 6, false);
    for (size_t i = 1; i <= 8; i++) {
        packed[n - i] ^= 4;
        assert_int_equal(unpack(packed, n, 100, SIZE, false, u), SL_ERR_FORMAT);
        assert_int_equal(u->n, 3000); /* all of it came before */
        packed[n - i] ^= 4;
    }
    assert_ok(unpack(packed, n, 100, SIZE, false, u), &u->err);
}

/* zlib's answer: how much it unpacks of the one member, and whether all is well. */
static bool zlib_unpacks(size_t n, unsigned char *out, size_t *n_out)
{
    z_stream z = {.next_in = packed, .avail_in = (uInt)n, .next_out = out, .avail_out = SIZE + 1};
    assert_int_equal(inflateInit2(&z, 31), Z_OK);
    const int code = inflate(&z, Z_FINISH);
    *n_out = z.total_out;
    inflateEnd(&z);
    return code == Z_STREAM_END;
}

static void damage_is_found_where_zlib_finds_it(void **state)
{
    unpacked *u = *state;
    sl_rng rng;
    sl_rng_init(&rng, 5, 0);
    unsigned char *expected = malloc(SIZE + 1);
    int found = 0;
    for (int round = 0; round < 3000; round++) {
        const size_t size = 1 + sl_rng_u64(&rng) % 4000;
        make_plain(sl_rng_u64(&rng), size);
        const size_t n = add_member(0, plain, size, (int)(sl_rng_u64(&rng) % 10), round % 3 == 0);
        /* any byte but the first two, and none behind the last */
        for (uint64_t k = 1 + sl_rng_u64(&rng) % 3; k > 0; k--) {
            packed[2 + sl_rng_u64(&rng) % (n - 2)] ^= (unsigned char)(1 << sl_rng_u64(&rng) % 8);
        }
        size_t n_expected;
        const bool well = zlib_unpacks(n, expected, &n_expected);
        const sl_status status = unpack(packed, n, 1 + sl_rng_u64(&rng) % 5000, 1 + sl_rng_u64(&rng) % 5000, false, u);
        if (well != (status == SL_OK)) fail_msg("round %d: zlib says %d, we %d (%s)", round, well, status, u->err.message);
        if (well) {
            assert_int_equal(u->n, n_expected);
            assert_memory_equal(u->bytes, expected, n_expected);
        }
        found += !well;
    }
    assert_in_range(found, 2000, 2999);
    free(expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_come_out_as_they_went_in),
        cmocka_unit_test(what_is_no_member_behind_the_last_is_left_alone),
        cmocka_unit_test(a_stream_that_ends_early_gives_what_is_there_and_says_so),
        cmocka_unit_test(sums_and_lengths_are_checked),
        cmocka_unit_test(damage_is_found_where_zlib_finds_it),
    };
    return cmocka_run_group_tests_name("gunzip", tests, set_up, tear_down);
}
