/* Light curves from tables: columns, cells, objects, and what is wrong with them. */
#include "unit.h"

#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "lightcurve/columns.h"
#include "lightcurve/csv.h"
#include "lightcurve/idset.h"
#include "lightcurve/number.h"
#include "starling/lightcurve.h"

static sl_arena arena;
static sl_stream stream;
static sl_csv_reader *reader;
static sl_alert alert;
static sl_error err;

static int begin(void **state)
{
    (void)state;
    sl_arena_init(&arena, (size_t)1 << 22);
    reader = NULL;
    return 0;
}

static int end(void **state)
{
    (void)state;
    sl_csv_close(reader);
    sl_arena_release(&arena);
    return 0;
}

static sl_status open_text(const char *text)
{
    sl_csv_close(reader);
    reader = NULL;
    sl_stream_init_memory(&stream, text, strlen(text));
    return sl_csv_open(&stream, &reader, &err);
}

static sl_status next(void)
{
    return sl_csv_next(reader, &arena, &alert, &err);
}

static void assert_object(const char *name, size_t n)
{
    assert_ok(next(), &err);
    assert_int_equal(alert.object_id.len, strlen(name));
    assert_memory_equal(alert.object_id.ptr, name, strlen(name));
    assert_int_equal(alert.n_points, n);
    assert_int_equal(alert.survey, SL_SURVEY_NONE);
}

static void assert_broken(const char *what)
{
    assert_int_equal(next(), SL_ERR_FORMAT);
    if (strstr(err.message, what) == NULL) print_error("\"%s\" has no \"%s\"\n", err.message, what);
    assert_non_null(strstr(err.message, what));
    assert_int_equal(alert.n_points, 0);
}

static void plasticc_is_read_as_it_is_published(void **state)
{
    (void)state;
    assert_ok(open_text("object_id,mjd,passband,flux,flux_err,detected\n"
                        "615,59750.4229,2,-544.810303,3.622952,1\n"
                        "615,59750.4306,1,-816.434326,5.55337,0\n"
                        "713,59825.26,5,1.5,0.5,1\n"),
              &err);
    assert_object("615", 2);
    const sl_point *p = alert.points;
    assert_false(alert.time_is_jd);
    assert_true(p->time == 59750.4229 && p->value == -544.810303 && p->error == 3.622952 && p->zero_point == 27.5);
    assert_int_equal(p->band, 'r');
    assert_int_equal(p->kind, SL_POINT_FORCED);
    assert_int_equal(p->flags, SL_POINT_DETECTED | SL_POINT_TAI | SL_POINT_MIDDLE_OF_EXPOSURE);
    assert_int_equal(p[1].band, 'g');
    assert_int_equal(p[1].flags, SL_POINT_TAI | SL_POINT_MIDDLE_OF_EXPOSURE);
    assert_object("713", 1);
    assert_int_equal(alert.points->band, 'y');
    assert_int_equal(next(), SL_DONE);
    assert_int_equal(next(), SL_DONE);
}

static void magnitudes_without_an_error_are_limits(void **state)
{
    (void)state;
    assert_ok(open_text("name,filter,mjd,mag,magerr,detected\n"
                        "ZTF17a,r,59848.5,19.748,,0\n"
                        "ZTF17a,g,59849.5,18.25,0.1,1\n"),
              &err);
    assert_object("ZTF17a", 2);
    assert_int_equal(alert.points[0].kind, SL_POINT_LIMIT);
    assert_true(isnan(alert.points[0].value) && alert.points[0].limit_mag == 19.748f);
    assert_int_equal(alert.points[1].unit, SL_UNIT_MAG);
    assert_true(alert.points[1].value == 18.25 && alert.points[1].error == 0.1);
    assert_true(alert.points[1].flags & SL_POINT_DETECTED);
}

static void zero_points_and_redshifts_come_from_their_columns(void **state)
{
    (void)state;
    assert_ok(open_text("ID\tMJD\tBand\tFlux\tFluxErr\tZP\tRedshift\tRedshift_Err\n"
                        "a\t1\tlsstg\t1\t1\t31.4\t\t\n"
                        "a\t2\tztf_r\t1\t1\t\t0.5\t0.1\n"),
              &err);
    assert_object("a", 2);
    assert_true(alert.points[0].zero_point == 31.4 && alert.points[1].zero_point == 27.5);
    assert_true(alert.redshift == 0.5f && alert.redshift_error == 0.1f);
    assert_ok(open_text("diaObjectId;midpointMjdTai;band;psfFlux;psfFluxErr\n7;1;g;1;1\n"), &err);
    assert_object("7", 1);
    assert_true(alert.points[0].zero_point == 31.4);
    assert_true(isnan(alert.redshift));
    assert_ok(open_text("name,jd,band,mag,magerr\n7,2459000.5,g,1,1\n"), &err);
    assert_object("7", 1);
    assert_true(alert.time_is_jd);
}

static void marks_quotes_comments_and_line_ends_are_let_pass(void **state)
{
    (void)state;
    assert_ok(open_text("\xef\xbb\xbf# made by hand\r\n\r\n\"object_id\",mjd, \"band\" ,flux,flux_err\r\n"
                        "\"a, \"\"b\"\"\", 1 ,g,\"2\",1\r\n"
                        "# between\r\n  \r\n"
                        "\"a, \"\"b\"\"\",2,r,-1e3,.5"),
              &err);
    assert_object("a, \"b\"", 2);
    assert_true(alert.points[0].value == 2 && alert.points[1].value == -1000 && alert.points[1].error == 0.5);
    assert_int_equal(next(), SL_DONE);
}

static void bands_have_many_spellings(void **state)
{
    (void)state;
    const struct {
        const char *text;
        char letter;
    } cases[] = {{"u", 'u'},    {"y", 'y'},    {"Y", 'y'},    {"0", 'u'},     {"5", 'y'},     {"6", '?'},
                 {"", '?'},     {"R", '?'},    {"ztfg", 'g'}, {"ZTF-r", 'r'}, {"ztf_i", 'i'}, {"lsstY", 'y'},
                 {"lsst", '?'}, {"ztf1", '?'}, {"gr", '?'},   {"clear", '?'}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(sl_band_letter(cases[i].text, strlen(cases[i].text), true), cases[i].letter);
    }
}

static void one_broken_row_breaks_its_object_only(void **state)
{
    (void)state;
    const char *head = "object_id,mjd,band,flux,flux_err\na,1,g,1,1\na,2,g,1,1\n";
    const struct {
        const char *row, *what;
    } cases[] = {{"b,2,g,x,1\n", "line 4: not a number: \"x\""},
                 {"b,,g,1,1\n", "not a time"},
                 {"b,inf,g,1,1\n", "not a time"},
                 {"b,2,g,0x10,1\n", "not a number"},
                 {"b,2,g,1\n", "4 cells"},
                 {"b,2,g,1,1e\n", "not a number"},
                 {"b,2,g,\"1,1\n", "line 4: cell 4: a quote"},
                 {"b,2,g,1 2,1\n", "not a number"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[400];
        snprintf(text, sizeof text, "%s%sb,3,g,1,1\nc,1,r,1,1\n", head, cases[i].row);
        assert_ok(open_text(text), &err);
        assert_object("a", 2);
        assert_broken(cases[i].what);
        assert_int_equal(err.reason, SL_REASON_BAD_TABLE);
        assert_object("c", 1);
        assert_int_equal(next(), SL_DONE);
    }
}

static void a_row_without_a_name_breaks_the_object_around_it(void **state)
{
    (void)state;
    assert_ok(open_text("object_id,mjd,band,flux,flux_err\n,1,g,1,1\na,1,g,1,1\n,2,g,1,1\na,3,g,1,1\n"
                        "b,1,g,1,1\n"),
              &err);
    assert_broken("line 2: no object");
    assert_broken("line 4: no object");
    assert_object("b", 1);
    assert_int_equal(next(), SL_DONE);
}

static void an_object_that_comes_back_asks_for_a_sorted_table(void **state)
{
    (void)state;
    assert_ok(open_text("object_id,mjd,band,flux,flux_err\na,1,g,1,1\nb,1,g,1,1\na,2,g,1,1\na,3,g,1,1\n"
                        "c,1,g,1,1\n"),
              &err);
    assert_object("a", 1);
    assert_object("b", 1);
    assert_broken("line 4: object \"a\" comes back after another one; sort the table");
    assert_int_equal(alert.object_id.len, 1);
    assert_object("c", 1);
}

static void a_table_without_its_columns_says_which(void **state)
{
    (void)state;
    const struct {
        const char *head, *what;
    } cases[] = {{"", "without its first line"},
                 {"\n# only this\n", "without its first line"},
                 {"mjd,band,flux,flux_err\n", "line 1: no column for the object"},
                 {"name,band,flux,flux_err\n", "time"},
                 {"name,mjd,flux,flux_err\n", "band"},
                 {"name,mjd,band,flux_err\n", "flux or magnitude"},
                 {"name,mjd,band,flux,magerr\n", "error"},
                 {"name,mjd,band,\"flux\n", "quote"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(open_text(cases[i].head), SL_ERR_FORMAT);
        assert_int_equal(err.reason, SL_REASON_BAD_TABLE);
        assert_non_null(strstr(err.message, cases[i].what));
    }
}

static void endless_lines_and_objects_are_bounded(void **state)
{
    (void)state;
    const char *head = "object_id,mjd,band,flux,flux_err\na,1,g,1,1\n";
    const size_t n_head = strlen(head), n_long = (size_t)3 << 20, n_tail = 11;
    char *text = malloc(n_head + n_long + n_tail);
    assert_non_null(text);
    memcpy(text, head, n_head);
    memset(text + n_head, '1', n_long);
    memcpy(text + n_head + n_long, "\nb,1,g,1,1\n", n_tail);
    sl_stream_init_memory(&stream, text, n_head + n_long + n_tail);
    assert_ok(sl_csv_open(&stream, &reader, &err), &err);
    assert_broken("line 3 is longer than");
    assert_int_equal(err.reason, SL_REASON_TOO_LARGE);
    assert_object("b", 1);
    assert_int_equal(next(), SL_DONE);
    free(text);

    const size_t rows = 200000, row = strlen("a,1,g,1,1\n");
    text = malloc(n_head + rows * row + n_tail);
    assert_non_null(text);
    memcpy(text, head, n_head);
    for (size_t i = 0; i < rows; i++) memcpy(text + n_head + i * row, "a,1,g,1,1\n", row);
    memcpy(text + n_head + rows * row, "b,1,g,1,1\n", row);
    sl_csv_close(reader);
    sl_stream_init_memory(&stream, text, n_head + rows * row + row);
    assert_ok(sl_csv_open(&stream, &reader, &err), &err);
    assert_broken("an object of more than");
    assert_int_equal(err.reason, SL_REASON_TOO_LARGE);
    assert_object("b", 1); /* the arena was given back */
    free(text);
}

/* A stream that gives one byte at a time and then fails. */
typedef struct drip {
    const char *text;
    size_t at, n;
    sl_status end;
} drip;

static ptrdiff_t read_drip(void *user, void *buf, size_t n, sl_error *e)
{
    drip *d = user;
    (void)n, (void)e;
    if (d->at == d->n) return d->end;
    *(char *)buf = d->text[d->at++];
    return 1;
}

static void slow_and_failing_streams_are_read_as_far_as_they_go(void **state)
{
    (void)state;
    const char *text = "object_id,mjd,band,flux,flux_err\na,1,g,1,1\na,2,g,2,1\nb,1,g,1,1\n";
    drip d = {text, 0, strlen(text), SL_ERR_IO};
    stream = (sl_stream){.read = read_drip, .user = &d};
    assert_ok(sl_csv_open(&stream, &reader, &err), &err);
    assert_object("a", 2);
    assert_int_equal(next(), SL_ERR_IO);
}

static void numbers_are_those_of_strtod_in_any_locale(void **state)
{
    (void)state;
    (void)setlocale(LC_ALL, "de_DE.UTF-8"); /* where it is installed */
    locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    sl_rng rng;
    sl_rng_init(&rng, 5, 0);
    for (int i = 0; i < 200000; i++) {
        char text[64];
        const double scale = pow(10, (double)sl_rng_below(&rng, 60) - 30);
        const int digits = 1 + (int)sl_rng_below(&rng, 20);
        locale_t before = uselocale(c);
        const int n =
            snprintf(text, sizeof text, sl_rng_below(&rng, 2) ? "%.*g" : "%.*e", digits, sl_rng_normal(&rng) * scale);
        uselocale(before);
        double x;
        assert_true(sl_number_parse(text, (size_t)n, c, &x));
        assert_true(x == strtod_l(text, NULL, c));
    }
    const char *good[] = {"1",    "+1",       "-1.", ".5",  "1e-300", "1e999",
                          "-inf", "Infinity", "",    "NaN", "null",   "123456789012345678901234"};
    const char *bad[] = {"-",  ".",      "1e",  "e1",    "1e+",     "0x1p3", "1,5",  "1 ",
                         " 1", "nan(1)", "--1", "1.2.3", "infinit", "nanx",  "1e5e5"};
    double x;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(sl_number_parse(good[i], strlen(good[i]), c, &x));
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(sl_number_parse(bad[i], strlen(bad[i]), c, &x));
    }
    assert_false(sl_number_parse("1\0001", 3, c, &x));
    freelocale(c);
    setlocale(LC_ALL, "C");
}

static void a_table_is_known_by_its_first_line(void **state)
{
    (void)state;
    const char *yes[] = {"object_id,mjd,passband,flux,flux_err\n1,2", "# x\n\nname;MJD;x", "\xef\xbb\xbfmjd\tband"};
    const char *no[] = {
        "", "Obj\x01", "{\"mjd\": 1, \"band\": 2}", "SIMPLE  =                    T", "a,b,c\n1,2,3", "mjd\n"};
    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++) assert_true(sl_csv_sniff(yes[i], strlen(yes[i])));
    for (size_t i = 0; i < sizeof no / sizeof no[0]; i++) assert_false(sl_csv_sniff(no[i], strlen(no[i])));
}

static void names_seen_are_remembered(void **state)
{
    (void)state;
    sl_idset set = {0};
    for (int pass = 0; pass < 2; pass++) {
        for (int i = 0; i < 500000; i++) {
            char name[16];
            const sl_str text = {name, (size_t)snprintf(name, sizeof name, "%d", i)};
            assert_int_equal(sl_idset_add(&set, text, &err), pass == 0 ? SL_OK : SL_DONE);
        }
    }
    assert_int_equal(set.count, 500000);
    sl_idset_release(&set);
}

static void points_of_a_file_count_under_both_contracts(void **state)
{
    (void)state;
    sl_lightcurve_buffer *buffer;
    assert_ok(sl_lightcurve_buffer_new(&buffer, &err), &err);
    const char *presets[] = {"reference", "starling"};
    for (int i = 0; i < 2; i++) {
        sl_contract contract;
        sl_lightcurve lc;
        assert_ok(sl_contract_preset(presets[i], &contract, &err), &err);
        assert_ok(open_text("object_id,mjd,passband,flux,flux_err,detected\n"
                            "a,900,1,1,1,0\na,960,1,2,1,0\na,1000,2,30,1,1\na,1040,1,4,1,0\na,1051,1,5,1,0\n"),
                  &err);
        assert_object("a", 5);
        assert_ok(sl_lightcurve_build(&contract, &alert, buffer, &lc, &err), &err);
        assert_int_equal(lc.n, 3); /* within 50 days of the detection */
        assert_ok(open_text("name,filter,mjd,mag,magerr,detected\na,g,1,20,,0\na,g,2,20,1,1\na,r,3,20,1,1\n"), &err);
        assert_object("a", 3);
        assert_ok(sl_lightcurve_build(&contract, &alert, buffer, &lc, &err), &err);
        assert_int_equal(lc.n, 2);
    }
    sl_lightcurve_buffer_free(buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(plasticc_is_read_as_it_is_published, begin, end),
        cmocka_unit_test_setup_teardown(magnitudes_without_an_error_are_limits, begin, end),
        cmocka_unit_test_setup_teardown(zero_points_and_redshifts_come_from_their_columns, begin, end),
        cmocka_unit_test_setup_teardown(marks_quotes_comments_and_line_ends_are_let_pass, begin, end),
        cmocka_unit_test(bands_have_many_spellings),
        cmocka_unit_test_setup_teardown(one_broken_row_breaks_its_object_only, begin, end),
        cmocka_unit_test_setup_teardown(a_row_without_a_name_breaks_the_object_around_it, begin, end),
        cmocka_unit_test_setup_teardown(an_object_that_comes_back_asks_for_a_sorted_table, begin, end),
        cmocka_unit_test_setup_teardown(a_table_without_its_columns_says_which, begin, end),
        cmocka_unit_test_setup_teardown(endless_lines_and_objects_are_bounded, begin, end),
        cmocka_unit_test_setup_teardown(slow_and_failing_streams_are_read_as_far_as_they_go, begin, end),
        cmocka_unit_test(numbers_are_those_of_strtod_in_any_locale),
        cmocka_unit_test(a_table_is_known_by_its_first_line),
        cmocka_unit_test(names_seen_are_remembered),
        cmocka_unit_test_setup_teardown(points_of_a_file_count_under_both_contracts, begin, end),
    };
    return cmocka_run_group_tests_name("csv", tests, NULL, NULL);
}
