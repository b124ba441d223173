/* Data-set files: written, read back, and broken in every way. */
#include "unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/file.h"
#include "base/half.h"
#include "base/rng.h"
#include "starling/dataset.h"
#include "train/dataset_file.h"
#include "train/robust.h"

enum { N_ROWS = 400, STEPS = 5, N_FEATURES = 3, N_INPUT = 2 * STEPS + N_FEATURES };

static const char path[] = "test_dataset.tmp";

static void make_contract(sl_contract *c)
{
    sl_error err;
    assert_ok(sl_contract_preset("starling", c, &err), &err);
    c->gp.grid_length = STEPS;
    c->n_features = 2;
    c->features[0] = SL_FEATURE_LOG_PEAK;
    c->features[1] = SL_FEATURE_BAND_MEAN;
    for (int i = 0; i < N_FEATURES; i++) c->feature_spread[i] = 1;
}

/* Two or three views of each object; the third feature is missing in every fifth row, the second always the same. */
static void make_row(size_t i, float *input, sl_dataset_row *row, char name[16])
{
    sl_rng rng;
    sl_rng_init(&rng, i, 3);
    for (int k = 0; k < N_INPUT; k++) input[k] = (float)sl_rng_normal(&rng) * 10;
    input[2 * STEPS] = 7 + 2 * (float)sl_rng_normal(&rng);
    input[2 * STEPS + 1] = 3;
    if (i % 5 == 0) input[2 * STEPS + 2] = NAN;
    const size_t object = i * 2 / 5;
    snprintf(name, 16, "object %zu", object);
    *row = (sl_dataset_row){.object_id = {name, strlen(name)},
                            .object = (uint32_t)object,
                            .copy = (uint32_t)(i - (object * 5 + 1) / 2),
                            .label = (int)(object % 15) - 1,
                            .n_points = (uint32_t)i + 2,
                            .days = (float)i / 3,
                            .redshift = i % 2 ? NAN : 0.25f,
                            .redshift_error = i % 2 ? NAN : 0.01f};
}

static void write_file(sl_dataset_storage storage, bool fit, uint32_t n_knots)
{
    sl_error err;
    sl_contract c;
    sl_dataset_writer *w;
    make_contract(&c);
    c.feature_knots = n_knots;
    unlink(path);
    assert_ok(sl_dataset_writer_new(path, &c, storage, fit, &w, &err), &err);
    for (size_t i = 0; i < N_ROWS; i++) {
        float input[N_INPUT];
        sl_dataset_row row;
        char name[16];
        make_row(i, input, &row, name);
        if (!fit && isnan(input[N_INPUT - 1])) {
            assert_int_equal(sl_dataset_writer_add(w, &row, input, &err), SL_ERR_NUMERIC);
            input[N_INPUT - 1] = 0;
        }
        assert_ok(sl_dataset_writer_add(w, &row, input, &err), &err);
    }
    assert_int_not_equal(access(path, F_OK), 0); /* not before it is whole */
    assert_ok(sl_dataset_writer_finish(w, &err), &err);
    sl_dataset_writer_free(w);
}

static void rows_come_back_as_they_were_written(void **state)
{
    (void)state;
    for (int storage = 0; storage < SL_N_DATASET_STORAGES; storage++) {
        sl_error err;
        sl_dataset *d;
        write_file((sl_dataset_storage)storage, false, 0);
        assert_ok(sl_dataset_open(path, &d, &err), &err);
        assert_int_equal(sl_dataset_rows(d), N_ROWS);
        assert_int_equal(sl_dataset_objects(d), (N_ROWS - 1) * 2 / 5 + 1);
        assert_int_equal(sl_dataset_stored_as(d), storage);
        assert_int_equal(strlen(sl_dataset_id(d)), 16);
        for (size_t i = 0; i < N_ROWS; i++) {
            float input[N_INPUT], room[N_INPUT];
            sl_dataset_row row, got;
            char name[16];
            make_row(i, input, &row, name);
            if (isnan(input[N_INPUT - 1])) input[N_INPUT - 1] = 0;
            sl_dataset_get(d, i, &got);
            assert_int_equal(got.object_id.len, row.object_id.len);
            assert_memory_equal(got.object_id.ptr, row.object_id.ptr, row.object_id.len);
            assert_true(got.object == row.object && got.copy == row.copy && got.label == row.label);
            assert_true(got.n_points == row.n_points && got.days == row.days);
            assert_true(i % 2 ? isnan(got.redshift) : got.redshift == 0.25f);
            const float *x = sl_dataset_input(d, i, room);
            for (int k = 0; k < N_INPUT; k++) {
                const float bound = storage == SL_DATASET_FLOAT32 ? 0 : fabsf(input[k]) / 2048 + 0x1p-25f;
                assert_true(fabsf(x[k] - input[k]) <= bound);
            }
        }
        sl_dataset_close(d);
    }
    unlink(path);
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* A tenth of the rows between any two knots; all of what is always the same at 0. */
static void features_become_normal_scores(void **state)
{
    (void)state;
    enum { KNOTS = 10 };
    sl_error err;
    sl_dataset *d;
    write_file(SL_DATASET_FLOAT32, true, KNOTS);
    assert_ok(sl_dataset_open(path, &d, &err), &err);
    const sl_contract *c = sl_dataset_contract(d);
    double values[N_ROWS];
    float scaled[N_FEATURES], raw[N_FEATURES];
    for (size_t i = 0; i < N_ROWS; i++) {
        float input[N_INPUT];
        sl_dataset_row row;
        char name[16];
        make_row(i, input, &row, name);
        const float *x = sl_dataset_input(d, i, NULL);
        memcpy(raw, input + 2 * STEPS, sizeof raw);
        sl_contract_scale_features(c, raw, scaled); /* which is what serving does */
        assert_memory_equal(scaled, x + 2 * STEPS, sizeof scaled);
        assert_true(fabsf(scaled[1]) < 1e-6f && (i % 5 != 0 || scaled[2] == 0));
        values[i] = (double)raw[0];
    }
    sl_dataset_close(d);
    uint16_t knots[KNOTS];
    qsort(values, N_ROWS, sizeof values[0], ascending);
    for (size_t k = 0; k < KNOTS; k++) {
        const double expected = values[(size_t)((double)(2 * k + 1) / (2 * KNOTS) * (N_ROWS - 1) + 0.5)];
        knots[k] = sl_half_from_float((float)expected);
    }
    sl_dataset_open(path, &d, &err);
    const uint16_t *table = sl_dataset_contract(d)->feature_table;
    for (size_t k = 0; k < KNOTS; k++) {
        const float exact = sl_half_to_float(knots[k]), moved = fabsf(sl_half_to_float(table[k]) - exact);
        if (k > 0) assert_true(moved <= 0.2f * (exact - sl_half_to_float(knots[k - 1])));
        if (k + 1 < KNOTS) assert_true(moved <= 0.2f * (sl_half_to_float(knots[k + 1]) - exact));
    }
    sl_dataset_close(d);
    sl_knots_fit(0, values, KNOTS, knots);
    for (size_t k = 0; k < KNOTS; k++) assert_int_equal(knots[k], 0);
    unlink(path);
}

static void features_are_centred_on_their_median(void **state)
{
    (void)state;
    sl_error err;
    sl_dataset *d;
    write_file(SL_DATASET_FLOAT32, true, 0);
    assert_ok(sl_dataset_open(path, &d, &err), &err);
    const sl_contract *c = sl_dataset_contract(d);
    assert_true(fabs((double)c->feature_center[0] - 7) < 0.3 && fabs((double)c->feature_spread[0] - 2) < 0.3);
    assert_true(c->feature_center[1] == 3 && c->feature_spread[1] == 1);
    double values[N_ROWS];
    for (size_t i = 0; i < N_ROWS; i++) {
        float input[N_INPUT];
        sl_dataset_row row;
        char name[16];
        make_row(i, input, &row, name);
        const float *x = sl_dataset_input(d, i, NULL);
        assert_memory_equal(x, input, 2 * STEPS * sizeof *x);
        values[i] = (double)x[2 * STEPS];
        assert_true(x[2 * STEPS + 1] == 0);
        assert_true(fabsf(x[2 * STEPS + 2]) <= 6);
        if (i % 5 == 0) assert_true(x[2 * STEPS + 2] == 0);
    }
    qsort(values, N_ROWS, sizeof values[0], ascending);
    assert_true(fabs(values[N_ROWS / 2]) < 1e-6);
    sl_dataset_close(d);
    unlink(path);
}

static void quantiles_are_those_of_sorted_values(void **state)
{
    (void)state;
    enum { MOST = 301 };
    sl_rng rng;
    sl_rng_init(&rng, 5, 0);
    for (size_t n = 1; n <= MOST; n++) {
        double x[MOST], sorted[MOST];
        float center, spread;
        const uint64_t levels = n % 3 == 0 ? 4 : 100000; /* many equal ones, or few */
        for (size_t i = 0; i < n; i++) sorted[i] = x[i] = (double)sl_rng_below(&rng, levels) - 2;
        if (n % 7 == 0) qsort(x, n, sizeof *x, ascending);
        qsort(sorted, n, sizeof *sorted, ascending);
        sl_robust_fit(n, x, &center, &spread);
        assert_true((double)center == sorted[(size_t)(0.5 * (double)(n - 1) + 0.5)]);
        const double iqr = sorted[(size_t)(0.75 * (double)(n - 1) + 0.5)] - sorted[(size_t)(0.25 * (double)(n - 1) + 0.5)];
        assert_true((double)spread >= iqr / 1.349 * (1 - 1e-6) && spread > 0);
    }
    double few[100] = {[99] = 50}; /* no quartiles, no tails */
    float center, spread;
    sl_robust_fit(100, few, &center, &spread);
    assert_true(center == 0 && spread == 5);
}

static void halves_round_to_nearest(void **state)
{
    (void)state;
    for (uint32_t h = 0; h < 0x10000; h++) {
        if ((h & 0x7c00) == 0x7c00) continue;
        const float x = sl_half_to_float((uint16_t)h);
        const int exponent = (int)(h >> 10 & 31);
        const double exact = (h & 0x8000 ? -1 : 1) *
                             ldexp(exponent > 0 ? 1024 + (h & 1023) : h & 1023, (exponent > 0 ? exponent : 1) - 25);
        assert_true((double)x == exact);
        if (h != 0x8000) assert_int_equal(sl_half_from_float(x), h);
        if ((h & 0x7fff) >= 0x7bff) continue;
        const float next = sl_half_to_float((uint16_t)(h + 1)), middle = (x + next) / 2;
        if (x + next == 0) continue;
        assert_int_equal(sl_half_from_float(middle), h % 2 == 0 ? h : h + 1);
        assert_int_equal(sl_half_from_float(nextafterf(middle, x)), h);
    }
    assert_int_equal(sl_half_from_float(1e30f), 0x7bff);
    assert_int_equal(sl_half_from_float(-INFINITY), 0xfbff);
}

/* Each byte of the header and many behind it, changed; and every length. */
static void a_broken_file_is_refused_or_sound(void **state)
{
    (void)state;
    sl_error err;
    sl_file file;
    write_file(SL_DATASET_FLOAT16, true, 0);
    assert_ok(sl_file_open(&file, path, 1 << 30, &err), &err);
    const size_t n = file.n_bytes;
    unsigned char *bytes = aligned_alloc(SL_ARENA_ALIGN, (n + 63) / 64 * 64);
    int refused = 0, tried = 0;
    for (size_t at = 0; at < n; at += at < 256 ? 1 : 97) {
        for (int bit = 0; bit < 8; bit++) {
            memcpy(bytes, file.bytes, n);
            bytes[at] ^= (unsigned char)(1 << bit);
            sl_dataset *d = NULL;
            tried++;
            const sl_status status = sl_dataset_open_memory(bytes, n, &d, &err);
            if (status != SL_OK) {
                assert_true(status == SL_ERR_FORMAT || status == SL_ERR_UNSUPPORTED);
                refused++;
                continue;
            }
            for (size_t i = 0; i < sl_dataset_rows(d); i++) {
                float room[N_INPUT];
                sl_dataset_row row;
                sl_dataset_get(d, i, &row);
                sl_dataset_input(d, i, room);
                for (int k = 0; k < N_INPUT; k++) assert_true(isfinite(room[k]));
            }
            sl_dataset_close(d);
        }
    }
    assert_true(refused > 1000 && refused < tried);
    memcpy(bytes, file.bytes, n);
    for (size_t cut = 0; cut < n; cut += 61) {
        sl_dataset *d = NULL;
        assert_int_equal(sl_dataset_open_memory(bytes, cut, &d, &err), SL_ERR_FORMAT);
        assert_null(d);
    }
    free(bytes);
    sl_file_close(&file);
    unlink(path);
}

static void what_cannot_be_written_is_said(void **state)
{
    (void)state;
    sl_error err;
    sl_contract c;
    sl_dataset_writer *w;
    make_contract(&c);
    assert_int_equal(sl_dataset_writer_new("no/such/folder", &c, SL_DATASET_FLOAT32, false, &w, &err), SL_ERR_IO);
    c.feature_spread[1] = 0;
    assert_int_equal(sl_dataset_writer_new(path, &c, SL_DATASET_FLOAT32, false, &w, &err), SL_ERR_FORMAT);
    c.feature_spread[1] = 1;
    assert_ok(sl_dataset_writer_new(path, &c, SL_DATASET_FLOAT32, false, &w, &err), &err);
    float input[N_INPUT] = {0};
    sl_dataset_row row = {.label = 14};
    assert_int_equal(sl_dataset_writer_add(w, &row, input, &err), SL_ERR_INVAL);
    row = (sl_dataset_row){.label = -1, .copy = 65536};
    assert_int_equal(sl_dataset_writer_add(w, &row, input, &err), SL_ERR_INVAL);
    sl_dataset_writer_free(w); /* nothing is left behind */
    assert_int_not_equal(access(path, F_OK), 0);
    sl_dataset *d;
    assert_int_equal(sl_dataset_open("no_such_file", &d, &err), SL_ERR_IO);
}

static void a_file_without_rows_is_one(void **state)
{
    (void)state;
    sl_error err;
    sl_contract c;
    sl_dataset_writer *w;
    sl_dataset *d;
    make_contract(&c);
    assert_ok(sl_dataset_writer_new(path, &c, SL_DATASET_FLOAT32, true, &w, &err), &err);
    assert_ok(sl_dataset_writer_finish(w, &err), &err);
    sl_dataset_writer_free(w);
    assert_ok(sl_dataset_open(path, &d, &err), &err);
    assert_int_equal(sl_dataset_rows(d), 0);
    sl_dataset_close(d);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_come_back_as_they_were_written),
        cmocka_unit_test(features_become_normal_scores),
        cmocka_unit_test(features_are_centred_on_their_median),
        cmocka_unit_test(quantiles_are_those_of_sorted_values),
        cmocka_unit_test(halves_round_to_nearest),
        cmocka_unit_test(a_broken_file_is_refused_or_sound),
        cmocka_unit_test(what_cannot_be_written_is_said),
        cmocka_unit_test(a_file_without_rows_is_one),
    };
    return cmocka_run_group_tests_name("dataset", tests, NULL, NULL);
}
