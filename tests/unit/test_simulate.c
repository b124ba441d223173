#include "unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "simulate/history.h"
#include "simulate/packet.h"
#include "simulate/ustar.h"
#include "starling/simulate.h"

/* A night in memory. */
typedef struct written {
    char *bytes;
    size_t n_bytes;
    char *truth;
    size_t n_truth;
    sl_simulate_counts counts;
} written;

static written write_night(const sl_simulate_options *options)
{
    written w = {0};
    sl_error err;
    FILE *out = open_memstream(&w.bytes, &w.n_bytes), *truth = open_memstream(&w.truth, &w.n_truth);
    assert_non_null(out);
    assert_non_null(truth);
    assert_ok(sl_simulate_write_truth(options, out, truth, &w.counts, &err), &err);
    fclose(out);
    fclose(truth);
    assert_int_equal(w.n_bytes, w.counts.n_bytes);
    return w;
}

static void release(written *w)
{
    free(w->bytes);
    free(w->truth);
}

static sl_simulate_options small_night(void)
{
    sl_simulate_options options;
    sl_simulate_defaults(&options);
    options.n_alerts = 40;
    return options;
}

/* The entry of the archive at *at: name and bytes; moves *at on. False at the end. */
static bool next_entry(const written *w, size_t *at, sl_str *name, sl_str *bytes)
{
    const char *header = w->bytes + *at;
    assert_true(*at + 512 <= w->n_bytes);
    if (header[0] == 0) return false;
    char size_text[13] = {0}, sum_text[9] = {0};
    memcpy(size_text, header + 124, 12);
    memcpy(sum_text, header + 148, 8);
    unsigned long sum = 0;
    for (int k = 0; k < 512; k++) sum += k >= 148 && k < 156 ? ' ' : (unsigned char)header[k];
    assert_int_equal(sum, strtoul(sum_text, NULL, 8));
    const size_t size = strtoul(size_text, NULL, 8);
    *name = (sl_str){header, strnlen(header, 100)};
    *bytes = (sl_str){header + 512, size};
    *at += sl_ustar_size(size);
    assert_true(*at <= w->n_bytes);
    return true;
}

static void the_same_seed_gives_the_same_bytes(void **state)
{
    for (int survey = 0; survey < 2; survey++) {
        for (int form = 0; form < 2 + survey; form++) {
            sl_simulate_options options = small_night();
            options.survey = (sl_simulate_survey)survey;
            options.form = (sl_simulate_form)form;
            options.hostile_share = 0.3;
            written a = write_night(&options), b = write_night(&options);
            options.seed = 2;
            written c = write_night(&options);
            assert_int_equal(a.n_bytes, b.n_bytes);
            assert_memory_equal(a.bytes, b.bytes, a.n_bytes);
            assert_string_equal(a.truth, b.truth);
            assert_true(a.n_bytes != c.n_bytes || memcmp(a.bytes, c.bytes, a.n_bytes) != 0);
            release(&a);
            release(&b);
            release(&c);
        }
    }
}

static void counts_balance(void **state)
{
    sl_simulate_options options = small_night();
    options.n_alerts = 3000;
    options.cutouts = false;
    options.hostile_share = 0.25;
    written w = write_night(&options);
    uint64_t kinds = 0, faults = 0, entries = 0, lines = 0;
    for (int k = 0; k < SL_SIMULATE_N_KINDS; k++) {
        kinds += w.counts.kind[k];
        assert_true(w.counts.kind[k] > 0);
    }
    for (int k = 0; k < SL_SIMULATE_N_FAULTS; k++) {
        faults += w.counts.fault[k];
        assert_true((w.counts.fault[k] > 0) == (k != SL_FAULT_UNKNOWN_SCHEMA)); /* only framed packets have an id */
    }
    sl_str name, bytes;
    for (size_t at = 0; next_entry(&w, &at, &name, &bytes);) entries++;
    for (const char *p = w.truth; (p = strchr(p, '\n')) != NULL; p++) lines++;
    assert_int_equal(w.counts.n_alerts, 3000);
    assert_int_equal(kinds, 3000);
    assert_int_equal(faults, 3000);
    assert_int_equal(entries, 3000);
    assert_int_equal(lines, 3001);
    release(&w);
}

static void packets_have_true_size(void **state)
{
    for (int survey = 0; survey < 2; survey++) {
        sl_simulate_options options = small_night();
        options.survey = (sl_simulate_survey)survey;
        options.form = survey == SL_SIMULATE_ZTF ? SL_SIMULATE_TAR : SL_SIMULATE_FRAMED_TAR;
        options.n_alerts = 400;
        written w = write_night(&options);
        const double mean = (double)w.n_bytes / 400;
        assert_true(survey == SL_SIMULATE_ZTF ? mean > 66e3 && mean < 78e3 : mean > 75e3 && mean < 90e3);
        sl_str name, bytes;
        for (size_t at = 0; next_entry(&w, &at, &name, &bytes);) {
            assert_true(bytes.len > 60000 || strncmp(name.ptr, "lsst", 4) == 0);
            assert_true(bytes.len < 200000);
        }
        release(&w);
    }
}

static void the_share_of_hostile_packets_is_honoured(void **state)
{
    static const double shares[] = {0, 0.3, 1};
    for (int k = 0; k < 3; k++) {
        for (int form = 0; form < 3; form++) {
            sl_simulate_options options = small_night();
            options.survey = SL_SIMULATE_LSST;
            options.form = (sl_simulate_form)form;
            options.n_alerts = 2000;
            options.cutouts = false;
            options.hostile_share = shares[k];
            written w = write_night(&options);
            const double hostile = (double)(2000 - w.counts.fault[SL_FAULT_NONE]);
            assert_true(fabs(hostile - 2000 * shares[k]) <= 5 * sqrt(2000 * shares[k] * (1 - shares[k])));
            for (int f = 0; f < SL_SIMULATE_N_FAULTS && form == SL_SIMULATE_CONTAINER; f++) {
                assert_true(w.counts.fault[f] == 0 || sl_simulate_fault_fate((sl_simulate_fault)f) == SL_FATE_READ);
            }
            release(&w);
        }
    }
}

static void sound_packets_do_not_depend_on_the_share(void **state)
{
    sl_simulate_options options = small_night();
    options.n_alerts = 200;
    options.cutouts = false;
    written sound = write_night(&options);
    options.hostile_share = 0.5;
    written mixed = write_night(&options);
    sl_str name_a, name_b, a, b;
    size_t at_a = 0, at_b = 0;
    uint64_t same = 0;
    while (next_entry(&sound, &at_a, &name_a, &a)) {
        assert_true(next_entry(&mixed, &at_b, &name_b, &b));
        assert_int_equal(name_a.len, name_b.len);
        assert_memory_equal(name_a.ptr, name_b.ptr, name_a.len);
        same += a.len == b.len && memcmp(a.ptr, b.ptr, a.len) == 0;
    }
    assert_true(same >= mixed.counts.fault[SL_FAULT_NONE]);
    assert_true(same < 200);
    release(&sound);
    release(&mixed);
}

/* Draw `n` histories and look at each; returns how many have detections in one band only. */
static size_t draw_histories(const sl_simulate_options *options, size_t n, size_t *detections)
{
    sl_history h;
    sl_error err;
    size_t one_band = 0;
    assert_ok(sl_history_init(&h, options, &err), &err);
    for (size_t index = 0; index < n; index++) {
        sl_rng rng;
        unsigned bands = 0;
        sl_rng_init(&rng, options->seed, index);
        sl_history_draw(&h, options, index, &rng);
        detections[index] = 0;
        assert_in_range(h.n_visits, 1, h.n_room);
        for (size_t k = 0; k < h.n_visits; k++) {
            const sl_visit *v = &h.visits[k];
            assert_true(isfinite(v->flux) && v->error > 0 && isfinite(v->error));
            assert_true(k == 0 || v->mjd >= h.visits[k - 1].mjd);
            assert_true(v->band < SL_SKY_BANDS);
            assert_true(options->survey == SL_SIMULATE_LSST || (v->band >= 1 && v->band <= 3));
            assert_int_equal(v->detected, fabs(v->flux) >= 5 * v->error);
            if (!v->detected) continue;
            detections[index]++;
            bands |= 1U << v->band;
        }
        assert_true(h.visits[h.n_visits - 1].detected);
        one_band += (bands & (bands - 1)) == 0;
    }
    sl_history_release(&h);
    return one_band;
}

static int by_size(const void *a, const void *b)
{
    const size_t x = *(const size_t *)a, y = *(const size_t *)b;
    return (x > y) - (x < y);
}

static void ztf_histories_look_like_the_survey(void **state)
{
    sl_simulate_options options = small_night();
    static size_t detections[4000];
    options.n_alerts = 4000;
    const size_t one_band = draw_histories(&options, 4000, detections);
    qsort(detections, 4000, sizeof *detections, by_size);
    assert_in_range(detections[2000], 6, 11);
    assert_in_range(detections[3999], 60, 96);
    assert_in_range(one_band, 1000, 1600);
}

static void lsst_histories_look_like_the_survey(void **state)
{
    sl_simulate_options options = small_night();
    static size_t detections[1000];
    options.survey = SL_SIMULATE_LSST;
    options.n_alerts = 1000;
    draw_histories(&options, 1000, detections);
    qsort(detections, 1000, sizeof *detections, by_size);
    assert_true(detections[999] > 150);
}

static void a_number_of_points_can_be_asked_for(void **state)
{
    sl_simulate_options options = small_night();
    static size_t detections[50];
    for (int survey = 0; survey < 2; survey++) {
        options.survey = (sl_simulate_survey)survey;
        options.min_points = 2;
        options.max_points = 600;
        draw_histories(&options, 40, detections);
        qsort(detections, 40, sizeof *detections, by_size);
        assert_true(detections[0] >= 2 && detections[39] <= 600 && detections[39] > 300);
        options.min_points = options.max_points = 77;
        draw_histories(&options, 40, detections);
        for (int k = 0; k < 40; k++) assert_int_equal(detections[k], 77);
    }
}

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void no_two_alerts_share_a_name(void **state)
{
    enum { N = 20000 };
    char(*ids)[24] = calloc(N, sizeof *ids), (*objects)[24] = calloc(N, sizeof *objects);
    for (int survey = 0; survey < 2; survey++) {
        sl_simulate_options options = small_night();
        sl_history h;
        sl_error err;
        options.survey = (sl_simulate_survey)survey;
        options.n_alerts = N;
        assert_ok(sl_history_init(&h, &options, &err), &err);
        for (size_t index = 0; index < N; index++) {
            sl_rng rng;
            sl_packet_names names;
            sl_rng_init(&rng, 5, index);
            sl_history_draw(&h, &options, index, &rng);
            if (survey == SL_SIMULATE_ZTF) sl_packet_name_ztf(&names, &h, 5);
            else sl_packet_name_lsst(&names, &h, 5);
            snprintf(ids[index], sizeof ids[index], "%lld", (long long)names.alert);
            memcpy(objects[index], names.object, sizeof names.object);
        }
        qsort(ids, N, sizeof *ids, by_text);
        qsort(objects, N, sizeof *objects, by_text);
        for (int k = 1; k < N; k++) {
            assert_string_not_equal(ids[k - 1], ids[k]);
            assert_string_not_equal(objects[k - 1], objects[k]);
        }
        sl_history_release(&h);
    }
    free(ids);
    free(objects);
}

static void dates_follow_the_calendar(void **state)
{
    assert_int_equal(sl_packet_date(51544), 20000101);
    assert_int_equal(sl_packet_date(51603.9), 20000229);
    assert_int_equal(sl_packet_date(51604), 20000301);
    assert_int_equal(sl_packet_date(60675), 20241231);
    assert_int_equal(sl_packet_date(60980.5), 20251101);
    assert_int_equal(sl_packet_date(88069), 21000101);
}

static void bad_options_are_refused(void **state)
{
    FILE *out = fopen("/dev/null", "w");
    sl_error err;
    sl_simulate_options options = small_night();
    options.hostile_share = NAN;
    assert_int_equal(sl_simulate_write(&options, out, &err), SL_ERR_INVAL);
    options = small_night();
    options.form = SL_SIMULATE_FRAMED_TAR;
    assert_int_equal(sl_simulate_write(&options, out, &err), SL_ERR_INVAL);
    options = small_night();
    options.min_points = 9;
    options.max_points = 8;
    assert_int_equal(sl_simulate_write(&options, out, &err), SL_ERR_INVAL);
    options = small_night();
    options.n_alerts = UINT64_C(1) << 40;
    assert_int_equal(sl_simulate_write(&options, out, &err), SL_ERR_INVAL);
    assert_int_equal(sl_simulate_write(&options, NULL, &err), SL_ERR_INVAL);
    fclose(out);
}

static void a_night_of_none_is_an_empty_archive(void **state)
{
    sl_simulate_options options = small_night();
    options.n_alerts = 0;
    written w = write_night(&options);
    assert_int_equal(w.n_bytes, 1024);
    release(&w);
}

static void a_full_disk_is_told(void **state)
{
    FILE *out = fopen("/dev/full", "w");
    if (out == NULL) skip();
    sl_error err;
    sl_simulate_options options = small_night();
    assert_int_equal(sl_simulate_write(&options, out, &err), SL_ERR_IO);
    assert_non_null(strstr(err.message, "No space"));
    fclose(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_seed_gives_the_same_bytes),
        cmocka_unit_test(counts_balance),
        cmocka_unit_test(packets_have_true_size),
        cmocka_unit_test(the_share_of_hostile_packets_is_honoured),
        cmocka_unit_test(sound_packets_do_not_depend_on_the_share),
        cmocka_unit_test(ztf_histories_look_like_the_survey),
        cmocka_unit_test(lsst_histories_look_like_the_survey),
        cmocka_unit_test(a_number_of_points_can_be_asked_for),
        cmocka_unit_test(no_two_alerts_share_a_name),
        cmocka_unit_test(dates_follow_the_calendar),
        cmocka_unit_test(bad_options_are_refused),
        cmocka_unit_test(a_night_of_none_is_an_empty_archive),
        cmocka_unit_test(a_full_disk_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
