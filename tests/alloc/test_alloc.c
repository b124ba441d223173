/*
 * Every allocation fails once, alone and with all behind it: each call gives
 * its answer or says that memory ran out, and loses nothing. And on the path
 * of an alert there is no allocation at all.
 */
#include "../unit/night.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "alert/avro_write.h"
#include "base/error.h"
#include "fail_each.h"
#include "model/model_write.h"
#include "model/open_model.h"
#include "model/packed.h"
#include "random_model.h"
#include "starling/starling.h"

enum { N_CURVE = 40, WARM = 200, NIGHT = 6 * 64 }; /* NIGHT: the items of one worker, full */

static char *night; /* a container of simulated alerts */
static size_t n_night;
static sl_avro_out packed; /* the same, deflated */
static void *model_bytes;
static size_t n_model_bytes;
static sl_model *model;
static sl_point points[N_CURVE];
static sl_alert alert;

static void simulate(uint64_t n_alerts, uint64_t seed, char **bytes, size_t *n_bytes)
{
    sl_simulate_options options;
    sl_simulate_defaults(&options);
    options.form = SL_SIMULATE_CONTAINER;
    options.n_alerts = n_alerts;
    options.seed = seed;
    options.cutouts = false;
    sl_error err;
    FILE *out = open_memstream(bytes, n_bytes);
    assert_non_null(out);
    assert_ok(sl_simulate_write(&options, out, &err), &err);
    fclose(out);
}

static const char *find(const char *what, size_t n)
{
    const char *at = memmem(night, n_night, what, n);
    assert_non_null(at);
    return at + n;
}

/* An Avro long: seven bits a byte, the sign in the lowest. */
static long read_long(const char **at)
{
    unsigned long value = 0;
    for (unsigned shift = 0;; shift += 7) {
        const unsigned char byte = (unsigned char)*(*at)++;
        value |= (unsigned long)(byte & 127) << shift;
        if (byte < 128) return (long)(value >> 1);
    }
}

/* The night's schema and its only block go into a container with another codec. */
static void deflate_night(void)
{
    sl_error err;
    const unsigned char *sync = (const unsigned char *)night + n_night - SL_AVRO_SYNC;
    const char *schema = find("avro.schema", 11);
    const size_t n_schema = (size_t)read_long(&schema);
    const char *block = find((const char *)sync, SL_AVRO_SYNC);
    const long count = read_long(&block);
    const size_t size = (size_t)read_long(&block);
    assert_int_equal(block + size - night, n_night - SL_AVRO_SYNC);
    assert_ok(sl_avro_put_header(&packed, schema, n_schema, SL_AVRO_DEFLATE, sync, &err), &err);
    assert_ok(sl_avro_put_container_block(&packed, SL_AVRO_DEFLATE, sync, count, block, size, &err), &err);
}

static int set_up(void **state)
{
    (void)state;
    sl_error err;
    simulate(3, 1, &night, &n_night);
    deflate_night();
    assert_ok(random_model("starling", &model_bytes, &n_model_bytes, &err), &err);
    assert_ok(sl_model_open_memory(model_bytes, n_model_bytes, &model, &err), &err);
    for (int i = 0; i < N_CURVE; i++) {
        points[i] = (sl_point){.time = 58000 + 1.5 * i,
                               .value = 1000 * exp(-0.01 * (i - 12) * (i - 12)),
                               .error = 30,
                               .zero_point = 27.5,
                               .limit_mag = NAN,
                               .exposure_s = NAN,
                               .band = i % 2 ? 'g' : 'r',
                               .kind = SL_POINT_DETECTION,
                               .unit = SL_UNIT_FLUX};
    }
    alert = (sl_alert){.n_points = N_CURVE, .points = points, .redshift = NAN, .redshift_error = NAN};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    sl_model_close(model);
    free(model_bytes);
    free(night);
    sl_avro_release(&packed);
    return 0;
}

static sl_status count_alerts(void *user, sl_status status, const sl_alert *a, size_t n, const sl_error *err)
{
    /* Short memory is no fault of the packet. */
    (void)a;
    (void)n;
    if (status < 0) return fprintf(stderr, "a good record was told to be bad: %s\n", err->message), SL_ERR_INTERNAL;
    ++*(int *)user;
    return SL_OK;
}

/* Twice: the second time with the plan at hand. */
static sl_status decode(sl_error *err)
{
    sl_alert_decoder *decoder = NULL;
    int n = 0;
    sl_status status = sl_alert_decoder_new(&decoder, err);
    if (status == SL_OK) status = sl_alert_decode(decoder, night, n_night, count_alerts, &n, err);
    if (status == SL_OK) status = sl_alert_decode(decoder, packed.bytes, packed.len, count_alerts, &n, err);
    sl_alert_decoder_free(decoder);
    if (status == SL_OK) assert_int_equal(n, 6);
    return status;
}

static sl_status count_all(void *user, sl_status status, const sl_alert *a, size_t n, const sl_error *err)
{
    (void)status;
    (void)a;
    (void)err;
    *(size_t *)user += n;
    return SL_OK;
}

/* A cut container fails by itself; it must do so in every shortage without a loss. */
static sl_status decode_cut(sl_error *err)
{
    sl_alert_decoder *decoder = NULL;
    size_t n = 0;
    sl_status status = sl_alert_decoder_new(&decoder, err);
    if (status == SL_OK) status = sl_alert_decode(decoder, packed.bytes, packed.len - 40, count_all, &n, err);
    sl_alert_decoder_free(decoder);
    return status;
}

static void decoding_survives_each_failed_allocation(void **state)
{
    (void)state;
    fail_each_both_ways(decode);
    fail_each_both_ways(decode_cut);
}

static sl_status build(sl_error *err)
{
    sl_lightcurve_buffer *buffer = NULL;
    sl_lightcurve lc;
    sl_status status = sl_lightcurve_buffer_new(&buffer, err);
    if (status == SL_OK) status = sl_lightcurve_build(sl_model_contract(model), &alert, buffer, &lc, err);
    if (status == SL_OK) assert_int_equal(lc.n, N_CURVE);
    sl_lightcurve_buffer_free(buffer);
    return status;
}

static void light_curves_survive_each_failed_allocation(void **state)
{
    (void)state;
    fail_each_both_ways(build);
}

static sl_lightcurve ready; /* built with memory at hand */

static sl_status fit_and_predict(sl_error *err)
{
    sl_gp *gp = NULL;
    sl_gp_fit_info info;
    const sl_contract *contract = sl_model_contract(model);
    static float input[4096];
    static double mean[4096];
    sl_status status = sl_gp_new(&gp, err);
    if (status == SL_OK) status = sl_gp_grid(gp, contract, &ready, input, mean, &info, err);
    if (status == SL_OK) status = sl_gp_scale(contract, &ready, mean, input, err);
    sl_gp_free(gp);
    return status;
}

static sl_status fit_a_batch(sl_error *err)
{
    sl_gp_batch *batch = NULL;
    const float *input;
    sl_status status = sl_gp_batch_new(sl_model_contract(model), 3, &batch, err);
    for (int i = 0; i < 3 && status == SL_OK; i++) status = sl_gp_batch_add(batch, &ready, err);
    if (status == SL_OK) status = sl_gp_batch_run(batch, err);
    if (status == SL_OK) status = sl_gp_batch_result(batch, 2, &input, NULL, err);
    sl_gp_batch_free(batch);
    return status;
}

static void a_batch_allocates_nothing_in_its_second_round(void)
{
    sl_gp_batch *batch = NULL;
    sl_error err;
    assert_ok(sl_gp_batch_new(sl_model_contract(model), 3, &batch, &err), &err);
    size_t calls = failing_calls();
    for (int round = 0; round < 3; round++) {
        sl_gp_batch_reset(batch);
        for (int i = 0; i < 3; i++) assert_ok(sl_gp_batch_add(batch, &ready, &err), &err);
        assert_ok(sl_gp_batch_run(batch, &err), &err);
        assert_ok(sl_gp_batch_result(batch, 2, NULL, NULL, &err), &err);
        if (round == 0) {
            assert_true(failing_calls() > calls); /* it counts */
            calls = failing_calls();
        }
    }
    assert_int_equal(failing_calls() - calls, 0);
    sl_gp_batch_free(batch);
}

static void gaussian_processes_survive_each_failed_allocation(void **state)
{
    (void)state;
    sl_lightcurve_buffer *buffer = NULL;
    sl_error err;
    assert_ok(sl_lightcurve_buffer_new(&buffer, &err), &err);
    assert_ok(sl_lightcurve_build(sl_model_contract(model), &alert, buffer, &ready, &err), &err);
    fail_each_both_ways(fit_and_predict);
    fail_each_both_ways(fit_a_batch);
    a_batch_allocates_nothing_in_its_second_round();
    sl_lightcurve_buffer_free(buffer);
}

static sl_status open_model(sl_error *err)
{
    sl_model *own = NULL;
    sl_runner *runner = NULL;
    static float input[4096], p[SL_MAX_CLASSES];
    sl_status status = sl_model_open_memory(model_bytes, n_model_bytes, &own, err);
    if (status == SL_OK) status = sl_runner_new(own, &runner, err);
    if (status == SL_OK) status = sl_runner_run(runner, 1, input, p, err);
    sl_runner_free(runner);
    sl_model_close(own);
    return status;
}

/* The open model's tensors, in the way that is asked for, to bytes and back. */
static sl_status pack_as(sl_coding coding, unsigned grid_bits, sl_error *err)
{
    static float weights[20000]; /* the same in eighths: so few values that there are codebooks */
    static sl_tensor tensors[64];
    const sl_packing packing = {coding, grid_bits, 32, 6, false};
    sl_model_parts *parts = malloc(sizeof *parts);
    if (parts == NULL) return SL_FAIL_NOMEM(err);
    *parts = model->parts;
    for (size_t i = 0, at = 0; i < parts->n_tensors; at += parts->tensors[i++].n) {
        const float *from = parts->tensors[i].data;
        for (size_t k = 0; k < parts->tensors[i].n; k++) weights[at + k] = rintf(8 * from[k]) / 8;
        tensors[i] = parts->tensors[i];
        tensors[i].data = weights + at;
    }
    parts->tensors = tensors;
    parts->packing = &packing;
    void *bytes = NULL;
    size_t n_bytes = 0;
    sl_model *again = NULL;
    sl_status status = sl_model_write_memory(parts, &bytes, &n_bytes, err);
    if (status == SL_OK) status = sl_model_open_memory(bytes, n_bytes, &again, err);
    sl_model_close(again);
    free(bytes);
    free(parts);
    return status;
}

static sl_status pack_model(sl_error *err)
{
    SL_TRY(pack_as(SL_CODING_AUTO, 0, err));
    SL_TRY(pack_as(SL_CODING_HUFFMAN, 0, err));
    return pack_as(SL_CODING_RANS, 8, err);
}

static void models_survive_each_failed_allocation(void **state)
{
    (void)state;
    fail_each_both_ways(open_model);
    fail_each_both_ways(pack_model);
}

static sl_status count_results(void *user, const sl_result *result)
{
    if (result->outcome == SL_QUARANTINED) return SL_ERR_INTERNAL; /* short memory is no fault of the packet */
    ++*(int *)user;
    return SL_OK;
}

static sl_status classify(sl_error *err)
{
    sl_classifier *classifier = NULL;
    int n = 0;
    sl_status status = sl_classifier_new(model, &classifier, err);
    if (status == SL_OK) status = sl_classifier_bytes(classifier, night, n_night, count_results, &n, err);
    if (status == SL_OK) assert_int_equal(n, 3);
    sl_classifier_free(classifier);
    return status;
}

typedef struct lines {
    FILE *out;
    sl_error *err;
} lines;

static sl_status write_line(void *user, const sl_result *result)
{
    const lines *l = user;
    return sl_result_write_json(result, l->out, l->err);
}

static sl_status classify_to_lines(sl_error *err)
{
    sl_classifier *classifier = NULL;
    lines l = {fopen("/dev/null", "w"), err};
    assert_non_null(l.out);
    setvbuf(l.out, NULL, _IONBF, 0);
    sl_status status = sl_classifier_new(model, &classifier, err);
    if (status == SL_OK) status = sl_classifier_bytes(classifier, night, n_night, write_line, &l, err);
    sl_classifier_free(classifier);
    fclose(l.out);
    return status;
}

static void classifiers_survive_each_failed_allocation(void **state)
{
    (void)state;
    fail_each_both_ways(classify);
    fail_each_both_ways(classify_to_lines);
}

static char run_path[] = "/tmp/starling-alloc-XXXXXX", read_path[] = "/tmp/starling-alloc-XXXXXX";

static void write_file(char *path, const void *bytes, size_t n)
{
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, n), (ssize_t)n);
    close(fd);
}

/* All threads at once: whichever meets the shortage, the run must end. */
static sl_status run(sl_error *err)
{
    const char *paths[] = {run_path};
    FILE *out = fopen("/dev/null", "w");
    assert_non_null(out);
    const sl_run_options options = {.model = model, .paths = paths, .n_paths = 1, .out = out, .threads = 2};
    sl_ledger ledger = {0};
    const sl_status status = sl_run(&options, &ledger, err);
    fclose(out);
    assert_int_equal(ledger.read, ledger.classified + ledger.refused + ledger.quarantined);
    if (status == SL_OK) assert_int_equal(ledger.read, 3);
    assert_int_equal(ledger.quarantined, 0); /* short memory is no fault of the packet */
    return status;
}

static void whole_runs_survive_each_failed_allocation(void **state)
{
    (void)state;
    write_file(run_path, night, n_night);
    fail_each_both_ways(run);
    unlink(run_path);
}

static sl_status count_items(void *user, const sl_read_item *item)
{
    if (item->alert == NULL) return SL_ERR_INTERNAL; /* short memory is no fault of the packet */
    ++*(int *)user;
    return SL_OK;
}

static sl_status read_alerts(sl_error *err)
{
    const char *paths[] = {read_path};
    int n = 0;
    const sl_status status = sl_alerts_read(paths, 1, NULL, count_items, &n, err);
    if (status == SL_OK) assert_int_equal(n, 3);
    return status;
}

static void looking_at_alerts_survives_each_failed_allocation(void **state)
{
    (void)state;
    write_file(read_path, packed.bytes, packed.len);
    fail_each_both_ways(read_alerts);
    unlink(read_path);
}

static void a_warm_classifier_allocates_nothing(void **state)
{
    (void)state;
    char *packets[WARM];
    size_t sizes[WARM];
    for (int i = 0; i < WARM; i++) simulate(1, 100 + (uint64_t)i, &packets[i], &sizes[i]);
    sl_classifier *classifier = NULL;
    sl_error err;
    assert_ok(sl_classifier_new(model, &classifier, &err), &err);
    size_t calls = 0;
    for (int round = 0; round < 2; round++) {
        calls = failing_calls();
        int n = 0;
        for (int i = 0; i < WARM; i++) {
            assert_ok(sl_classifier_bytes(classifier, packets[i], sizes[i], count_results, &n, &err), &err);
        }
        assert_int_equal(n, WARM);
        assert_true(round > 0 || failing_calls() > calls); /* it counts: warming up does allocate */
    }
    assert_int_equal(failing_calls() - calls, 0);
    sl_classifier_free(classifier);
    for (int i = 0; i < WARM; i++) free(packets[i]);
}

/* What a run with one worker asks for, where the same night comes so many times. */
static size_t calls_of_run(const sl_avro_out *tar, int passes, bool gzip)
{
    char path[] = "/tmp/starling-alloc-XXXXXX";
    const char *paths[] = {path};
    sl_avro_out all = {0};
    sl_ledger ledger;
    sl_error err;
    for (int i = 0; i < passes; i++) sl_avro_put_raw(&all, tar->bytes, tar->len);
    write_file(path, all.bytes, gzip ? 0 : all.len);
    if (gzip) {
        gzFile gz = gzopen(path, "wb");
        assert_int_equal(gzwrite(gz, all.bytes, (unsigned)all.len), all.len);
        assert_int_equal(gzclose(gz), Z_OK);
    }
    sl_avro_release(&all);
    FILE *out = fopen("/dev/null", "w");
    const sl_run_options options = {.model = model, .paths = paths, .n_paths = 1, .out = out, .threads = 1};
    const size_t before = failing_calls();
    assert_ok(sl_run(&options, &ledger, &err), &err);
    const size_t calls = failing_calls() - before;
    fclose(out);
    unlink(path);
    assert_int_equal(ledger.read, passes * NIGHT);
    assert_int_equal(ledger.quarantined, passes * (NIGHT / 5));
    assert_int_equal(ledger.classified, passes * (NIGHT - NIGHT / 5));
    return calls;
}

/* Reader, workers and writer: a pass is one round of the line's items, so that each meets the same again. */
static void a_night_that_comes_again_allocates_nothing(void **state)
{
    (void)state;
    sl_avro_out tar = {0}, packet = {0};
    for (int i = 0; i < NIGHT; i++) {
        sl_avro_reset(&packet);
        night_container(&packet, i, 1, 1, 100, i % 3 == 0 ? SL_AVRO_DEFLATE : SL_AVRO_NULL);
        night_tar_add(&tar, "packet", packet.bytes, i % 5 == 4 ? 200 : packet.len);
    }
    night_tar_end(&tar);
    for (int gzip = 0; gzip < 2; gzip++) {
        (void)calls_of_run(&tar, 1, gzip); /* what is taken once in a process */
        const size_t once = calls_of_run(&tar, 1, gzip), often = calls_of_run(&tar, 5, gzip);
        assert_true(once > 20); /* to warm up */
        assert_int_equal(calls_of_run(&tar, 2, gzip), once);
        assert_int_equal(often, once);
    }
    sl_avro_release(&packet);
    sl_avro_release(&tar);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decoding_survives_each_failed_allocation),
        cmocka_unit_test(light_curves_survive_each_failed_allocation),
        cmocka_unit_test(gaussian_processes_survive_each_failed_allocation),
        cmocka_unit_test(models_survive_each_failed_allocation),
        cmocka_unit_test(classifiers_survive_each_failed_allocation),
        cmocka_unit_test(whole_runs_survive_each_failed_allocation),
        cmocka_unit_test(looking_at_alerts_survives_each_failed_allocation),
        cmocka_unit_test(a_warm_classifier_allocates_nothing),
        cmocka_unit_test(a_night_that_comes_again_allocates_nothing),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
