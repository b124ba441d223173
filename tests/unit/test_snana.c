/* SNANA's pairs of FITS files: what they say, and what hostile ones are told. */
#include "unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "fits_make.h"
#include "lightcurve/snana.h"

static fits_file head, phot;
static sl_arena arena;
static sl_snana_reader *reader;
static sl_alert alert;
static sl_error err;

static int begin(void **state)
{
    (void)state;
    sl_arena_init(&arena, (size_t)1 << 22);
    make_head(&head);
    make_phot(&phot, "COMMENT   nothing said about the zero point");
    reader = NULL;
    return 0;
}

static int end(void **state)
{
    (void)state;
    sl_snana_close(reader);
    sl_arena_release(&arena);
    return 0;
}

static sl_status open_pair(void)
{
    sl_snana_close(reader);
    reader = NULL;
    return sl_snana_open(head.bytes, head.n, phot.bytes, phot.n, &reader, &err);
}

static sl_status next(void)
{
    return sl_snana_next(reader, &arena, &alert, &err);
}

static void a_pair_is_read_object_by_object(void **state)
{
    (void)state;
    assert_ok(open_pair(), &err);
    assert_ok(next(), &err);
    assert_int_equal(alert.object_id.len, 3);
    assert_memory_equal(alert.object_id.ptr, "123", 3);
    assert_int_equal(alert.n_points, 2);
    const sl_point *p = alert.points;
    assert_true(p->time == 60000.25 && p->value == 1.5 && p->error == 0.5 && p->zero_point == 27.5);
    assert_int_equal(p->band, 'g');
    assert_int_equal(p->kind, SL_POINT_FORCED);
    assert_int_equal(p[0].flags, SL_POINT_TAI | SL_POINT_MIDDLE_OF_EXPOSURE);
    assert_int_equal(p[1].flags, SL_POINT_TAI | SL_POINT_MIDDLE_OF_EXPOSURE | SL_POINT_DETECTED);
    assert_true(alert.redshift == 0.5f && alert.redshift_error == 0.01f);
    assert_ok(next(), &err);
    assert_int_equal(alert.n_points, 3);
    assert_int_equal(alert.points[0].band, 'y');
    assert_true(alert.points[0].flags & SL_POINT_DETECTED);
    assert_false(alert.points[1].flags & SL_POINT_DETECTED);
    assert_false(alert.points[2].flags & SL_POINT_DETECTED); /* -9 is no set of bits */
    assert_true(alert.points[1].value == -10);
    assert_true(alert.redshift == 0.25f && alert.redshift_error == 0.1f); /* the final one was -9 */
    assert_int_equal(next(), SL_DONE);
    assert_int_equal(next(), SL_DONE);
}

static void keys_set_zero_point_and_the_bit_of_detection(void **state)
{
    (void)state;
    make_phot(&phot, "HIERARCH ZP_FLUXCAL = 31.4 / nJy");
    assert_ok(open_pair(), &err);
    assert_ok(next(), &err);
    assert_true(alert.points[0].zero_point == 31.4);
    make_phot(&phot, "HIERARCH PHOTFLAG_DETECT = 1 / mask");
    assert_ok(open_pair(), &err);
    assert_ok(next(), &err);
    assert_false(alert.points[1].flags & SL_POINT_DETECTED);
    make_phot(&phot, "HIERARCH ZP_FLUXCAL = 'high'");
    assert_int_equal(open_pair(), SL_ERR_FORMAT);
    assert_non_null(strstr(err.message, "ZP_FLUXCAL"));
}

/* Overwrite the first `from` behind the first header by `to`, of the same length. */
static void patch(fits_file *f, const char *from, const char *to)
{
    const size_t n = strlen(from);
    assert_int_equal(n, strlen(to));
    unsigned char *at = memmem(f->bytes, f->n, from, n);
    assert_non_null(at);
    memcpy(at, to, n);
}

static void broken_headers_are_told_apart(void **state)
{
    (void)state;
    const struct {
        const char *from, *to, *what;
    } cases[] = {{"SIMPLE ", "SIMPEL ", "SIMPLE = T"},
                 {"NAXIS1  =                    0", "NAXIS1  =  4611686018427387904", "NAXIS1"},
                 {"NAXIS   =                    1", "NAXIS   =                   -1", "NAXIS"},
                 {"'BINTABLE'", "'IMAGE   '", "no binary table"},
                 {"NAXIS2  =                    2", "NAXIS2  =               200000", "do not fit"},
                 {"NAXIS2  =                    2", "NAXIS2  =                   -2", "NAXIS2"},
                 {"NAXIS2  =                    2", "NAXIS2  =  4611686018427387904", "NAXIS2"},
                 {"NAXIS1  =                   40", "NAXIS1  =                   41", "the columns fill 40 bytes"},
                 {"PCOUNT  =                    0", "PCOUNT  =                  999", "PCOUNT"},
                 {"TFIELDS =                    7", "TFIELDS =                 9999", "TFIELDS"},
                 {"TFIELDS =                    7", "TFIELDS =                    3", "TTYPE4 of 3 columns"},
                 {"TFORM1  = '16A", "TFORM1  = '1PA", "no plain column"},
                 {"TFORM1  = '16A     '", "TFORM1  = '9999999A'", "no plain column"},
                 {"TFORM2  = '1J", "TFORM2  = '4A", "PTROBS_MIN is of type 4A"},
                 {"TFORM2  ", "TNULL2  ", "column 2 has no TFORM"},
                 {"'SNID    '", "'SNUD    '", "no column SNID"},
                 {"TFORM2  = '1J      '", "TZERO2  =      32768", "scaled or compressed"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        make_head(&head);
        patch(&head, cases[i].from, cases[i].to);
        assert_int_equal(open_pair(), SL_ERR_FORMAT);
        if (strstr(err.message, cases[i].what) == NULL) print_error("%s\n", err.message);
        assert_non_null(strstr(err.message, cases[i].what));
        assert_non_null(strstr(err.message, "HEAD file"));
    }
}

static void rows_that_do_not_exist_break_their_object_only(void **state)
{
    (void)state;
    static const char *const columns[] = {"SNID", "16A", "PTROBS_MIN", "1J", "PTROBS_MAX", "1J", NULL};
    static const char *const none[] = {NULL};
    const struct {
        int first, last;
        bool good;
    } rows[] = {{0, 2, false},
                {1, 2, true},
                {2, 3, false},
                {3, 2, true},
                {5, 3, false},
                {4, 8, false},
                {-2147483647, 2147483647, false},
                {4, 7, true}};
    const int n = sizeof rows / sizeof rows[0];
    fits_begin(&head, none, columns, 24, n);
    for (int i = 0; i < n; i++) {
        fits_text(&head, "x", 16);
        fits_number(&head, (uint32_t)rows[i].first, 4);
        fits_number(&head, (uint32_t)rows[i].last, 4);
    }
    fits_pad(&head, 0);
    assert_ok(open_pair(), &err);
    for (int i = 0; i < n; i++) {
        assert_int_equal(next(), rows[i].good ? SL_OK : SL_ERR_FORMAT);
        assert_int_equal(alert.object_id.len, 1);
        if (!rows[i].good) assert_int_equal(err.reason, SL_REASON_BAD_TABLE);
    }
    assert_int_equal(alert.n_points, 3); /* the separator does not count */
    assert_true(isnan(alert.redshift));
    assert_int_equal(next(), SL_DONE);
}

static void every_cut_and_every_flipped_byte_is_survived(void **state)
{
    (void)state;
    for (size_t n = 0; n < head.n; n += 40) {
        unsigned char *copy = malloc(n + 1);
        assert_non_null(copy);
        memcpy(copy, head.bytes, n);
        sl_snana_reader *r;
        if (sl_snana_open(copy, n, phot.bytes, phot.n, &r, &err) == SL_OK) sl_snana_close(r);
        free(copy);
    }
    sl_rng rng;
    sl_rng_init(&rng, 3, 0);
    int opened = 0;
    for (int i = 0; i < 3000; i++) {
        fits_file *f = i % 2 ? &head : &phot;
        const size_t at = sl_rng_below(&rng, f->n);
        const unsigned char before = f->bytes[at];
        f->bytes[at] = (unsigned char)sl_rng_below(&rng, 256);
        if (open_pair() == SL_OK) {
            opened++;
            sl_status status;
            while ((status = next()) != SL_DONE) assert_true(status == SL_OK || status == SL_ERR_FORMAT);
        }
        f->bytes[at] = before;
        sl_arena_reset(&arena);
    }
    assert_in_range(opened, 1000, 3000);
}

static void the_two_files_find_each_other(void **state)
{
    (void)state;
    char name[64];
    assert_int_equal(sl_snana_sniff(head.bytes, head.n), SL_SNANA_HEAD);
    assert_int_equal(sl_snana_sniff(phot.bytes, phot.n), SL_SNANA_PHOT);
    assert_int_equal(sl_snana_sniff(phot.bytes, 2880), SL_SNANA_NONE);
    assert_int_equal(sl_snana_sniff(NULL, 0), SL_SNANA_NONE);
    assert_true(sl_snana_phot_of(head.bytes, head.n, name, sizeof name));
    assert_string_equal(name, "MADE_PHOT.FITS");
    patch(&head, "MADE_PHOT", "../tc/pas");
    assert_false(sl_snana_phot_of(head.bytes, head.n, name, sizeof name));
    assert_false(sl_snana_phot_of(phot.bytes, phot.n, name, sizeof name));
    assert_true(sl_snana_pair("a_HEAD.FITS/b_HEAD.FITS.gz", name, sizeof name));
    assert_string_equal(name, "a_HEAD.FITS/b_PHOT.FITS.gz");
    assert_true(sl_snana_pair("b_head.fits", name, sizeof name));
    assert_string_equal(name, "b_phot.fits");
    assert_false(sl_snana_pair("a_HEAD.FITS/b_PHOT.FITS", name, sizeof name));
    assert_false(sl_snana_pair("b_HEAD.FITS", name, 11));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_pair_is_read_object_by_object, begin, end),
        cmocka_unit_test_setup_teardown(keys_set_zero_point_and_the_bit_of_detection, begin, end),
        cmocka_unit_test_setup_teardown(broken_headers_are_told_apart, begin, end),
        cmocka_unit_test_setup_teardown(rows_that_do_not_exist_break_their_object_only, begin, end),
        cmocka_unit_test_setup_teardown(every_cut_and_every_flipped_byte_is_survived, begin, end),
        cmocka_unit_test_setup_teardown(the_two_files_find_each_other, begin, end),
    };
    return cmocka_run_group_tests_name("snana", tests, NULL, NULL);
}
