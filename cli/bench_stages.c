/* The stages of the way from bytes to records, each timed alone. */
#include <fcntl.h>
#include <math.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "commands.h"

/* The result of the light-curve stage, kept: arrays of its own. */
typedef struct curve {
    sl_lightcurve lc;
    double *values; /* time, flux, error, wavelength */
    uint8_t *bands;
} curve;

typedef struct world {
    const bench_options *options;
    bench_report *report;
    bench_inputs in;
    sl_model *model;
    sl_contract contract;
    sl_alert_decoder *decoder;
    sl_lightcurve_buffer *buffer;
    sl_gp *gp;
    sl_gp_batch *gp_batch;
    sl_runner *runner;
    sl_classifier *classifier;
    curve *curves;
    size_t n_curves, first_of_bin;
    size_t input_size; /* floats of one network input */
    float *inputs;     /* n_curves x input_size */
    float *p;
    size_t batch;
    char night[64];
    uint64_t night_read;
    int threads;
    FILE *sink;
} world;

enum { MOST_BATCH = 64 }; /* of light curves, and of inputs of the network */

/* ---- one call of each stage; bench/check.py knows them by these names ---- */

static sl_status count_point(void *user, sl_status status, const sl_alert *alert, size_t n, const sl_error *err)
{
    size_t *points = user;
    (void)n;
    (void)err;
    if (status == SL_OK) *points += alert->n_points;
    return SL_OK;
}

static bool stage_decode(void *user, size_t i)
{
    world *w = user;
    size_t points = 0;
    return sl_alert_decode(w->decoder, w->in.packets[i].bytes, w->in.packets[i].n_bytes, count_point, &points, NULL) ==
           SL_OK;
}

static bool stage_light_curve(void *user, size_t i)
{
    world *w = user;
    sl_lightcurve lc;
    return sl_lightcurve_build(&w->contract, &w->in.alerts[i], w->buffer, &lc, NULL) != SL_ERR_NOMEM;
}

static bool stage_gp_fit(void *user, size_t i)
{
    world *w = user;
    sl_gp_fit_info info;
    return sl_gp_fit(w->gp, &w->contract.gp, &w->curves[w->first_of_bin + i].lc, &info, NULL) == SL_OK;
}

static bool stage_gp_fit_and_grid(void *user, size_t i)
{
    world *w = user;
    sl_gp_fit_info info;
    return sl_gp_grid(w->gp, &w->contract, &w->curves[i].lc, w->inputs + i * w->input_size, NULL, &info, NULL) == SL_OK;
}

/* As many light curves as the batch is to hold, copied in and run. */
static bool stage_gp_batch(void *user, size_t i)
{
    world *w = user;
    const curve *first = &w->curves[w->first_of_bin + i * w->batch];
    sl_gp_batch_reset(w->gp_batch);
    for (size_t k = 0; k < w->batch; k++) {
        if (sl_gp_batch_add(w->gp_batch, &first[k].lc, NULL) != SL_OK) return false;
    }
    return sl_gp_batch_run(w->gp_batch, NULL) == SL_OK &&
           sl_gp_batch_result(w->gp_batch, w->batch - 1, NULL, NULL, NULL) == SL_OK;
}

static bool stage_network(void *user, size_t i)
{
    world *w = user;
    return sl_runner_run(w->runner, w->batch, w->inputs + i * w->batch * w->input_size, w->p, NULL) == SL_OK;
}

static bool stage_model_open(void *user, size_t i)
{
    world *w = user;
    (void)i;
    sl_model *model = NULL;
    sl_runner *runner = NULL;
    const bool well = sl_model_open(w->options->model, &model, NULL) == SL_OK &&
                      sl_runner_new(model, &runner, NULL) == SL_OK;
    sl_runner_free(runner);
    sl_model_close(model);
    return well;
}

static bool stage_open_to_first_answer(void *user, size_t i)
{
    world *w = user;
    sl_model *model = NULL;
    sl_runner *runner = NULL;
    const bool well = sl_model_open(w->options->model, &model, NULL) == SL_OK &&
                      sl_runner_new(model, &runner, NULL) == SL_OK &&
                      sl_runner_run(runner, 1, w->inputs + i * w->input_size, w->p, NULL) == SL_OK;
    sl_runner_free(runner);
    sl_model_close(model);
    return well;
}

static bool stage_points_to_result(void *user, size_t i)
{
    world *w = user;
    sl_result result;
    return sl_classifier_alert(w->classifier, &w->in.alerts[i], &result, NULL) == SL_OK;
}

static sl_status pass_result(void *user, const sl_result *result)
{
    (void)user;
    (void)result;
    return SL_OK;
}

static bool stage_bytes_to_result(void *user, size_t i)
{
    world *w = user;
    const bench_packet *p = &w->in.packets[i];
    return sl_classifier_bytes(w->classifier, p->bytes, p->n_bytes, pass_result, NULL, NULL) == SL_OK;
}

static sl_status write_result(void *user, const sl_result *result)
{
    const world *w = user;
    return sl_result_write_json(result, w->sink, NULL);
}

/* As the one above, and a line written where nobody keeps it. */
static bool stage_bytes_to_json_line(void *user, size_t i)
{
    world *w = user;
    const bench_packet *p = &w->in.packets[i];
    return sl_classifier_bytes(w->classifier, p->bytes, p->n_bytes, write_result, w, NULL) == SL_OK;
}

/* A night as a tar, read, classified and written as JSON lines. */
static bool stage_tar_to_json_lines(void *user, size_t i)
{
    world *w = user;
    (void)i;
    const char *paths[] = {w->night};
    const sl_run_options options = {
        .model = w->model, .paths = paths, .n_paths = 1, .format = SL_FORMAT_JSONL, .out = w->sink,
        .threads = w->threads};
    sl_ledger ledger = {0};
    sl_error err;
    const sl_status status = sl_run(&options, &ledger, &err);
    if (status < 0) say_failed("bench", NULL, &err);
    w->night_read = ledger.read;
    return status >= 0;
}

/* ---- what they run on ---- */

static bool keep_curve(curve *c, const sl_lightcurve *lc)
{
    const size_t n = lc->n;
    c->lc = *lc;
    c->values = malloc(4 * n * sizeof *c->values);
    c->bands = malloc(n);
    if (c->values == NULL || c->bands == NULL) return false;
    const double *from[] = {lc->time, lc->flux, lc->error, lc->wavelength};
    for (size_t k = 0; k < 4; k++) memcpy(c->values + k * n, from[k], n * sizeof **from);
    memcpy(c->bands, lc->band, n);
    c->lc.time = c->values;
    c->lc.flux = c->values + n;
    c->lc.error = c->values + 2 * n;
    c->lc.wavelength = c->values + 3 * n;
    c->lc.band = c->bands;
    return true;
}

static void free_curves(world *w)
{
    for (size_t i = 0; i < w->n_curves; i++) {
        free(w->curves[i].values);
        free(w->curves[i].bands);
    }
    free(w->curves);
    w->curves = NULL;
    w->n_curves = 0;
}

/* The light curves of `in` that meet the contract. */
static bool make_curves(world *w, const bench_inputs *in)
{
    w->curves = calloc(in->n_alerts + 1, sizeof *w->curves);
    if (w->curves == NULL) return false;
    for (size_t i = 0; i < in->n_alerts; i++) {
        sl_lightcurve lc;
        if (sl_lightcurve_build(&w->contract, &in->alerts[i], w->buffer, &lc, NULL) != SL_OK) continue;
        if (!keep_curve(&w->curves[w->n_curves++], &lc)) return false;
    }
    return true;
}

static bool make_inputs(world *w)
{
    w->input_size = sl_contract_input_floats(&w->contract);
    w->inputs = calloc(w->n_curves + 1, w->input_size * sizeof *w->inputs);
    w->p = calloc(MOST_BATCH, w->contract.n_classes * sizeof *w->p);
    return w->inputs != NULL && w->p != NULL;
}

static bool read_inputs(world *w)
{
    const bench_options *o = w->options;
    if (o->n_paths > 0) {
        return bench_inputs_read(&w->in, o->paths, o->n_paths, o->n_alerts > 0 ? o->n_alerts : SIZE_MAX);
    }
    sl_simulate_options night;
    sl_simulate_defaults(&night);
    night.n_alerts = o->n_alerts > 0 ? o->n_alerts : 300;
    return bench_inputs_simulate(&w->in, &night);
}

/* ---- in order ---- */

static bool run_stage(world *w, const char *name, const char *label, bench_fn fn, size_t n_items, double per_call)
{
    bench_report *r = w->report;
    if (n_items == 0 || r->n_stages == BENCH_STAGES) return true;
    r->stages[r->n_stages] = (bench_stage){.name = name, .label = label};
    return bench_time(&w->options->clock, &r->stages[r->n_stages++], fn, w, n_items, per_call);
}

static bool run_whole(world *w, const char *name, const char *label, int threads)
{
    bench_report *r = w->report;
    r->stages[r->n_stages] = (bench_stage){.name = name, .label = label};
    w->threads = threads;
    return bench_time_whole(&w->options->clock, &r->stages[r->n_stages++], stage_tar_to_json_lines, w, w->night_read);
}

static bool run_gp(world *w)
{
    w->batch = w->n_curves < MOST_BATCH ? w->n_curves : MOST_BATCH;
    const size_t n_batches = w->n_curves > 0 ? w->n_curves / w->batch : 0;
    return run_stage(w, "gp_fit", "Gaussian process: fit", stage_gp_fit, w->n_curves, 1) &&
           run_stage(w, "gp_fit_and_grid", "fit and mean on the grid", stage_gp_fit_and_grid, w->n_curves, 1) &&
           run_stage(w, "gp_batch", "the same, 64 at a time", stage_gp_batch, n_batches, (double)w->batch);
}

static bool run_network(world *w)
{
    static const struct {
        const char *name, *label;
        size_t batch;
    } runs[] = {{"network_1", "network, one at a time", 1},
                {"network_8", "network, 8 at a time", 8},
                {"network_32", "network, 32 at a time", 32}};
    for (size_t k = 0; k < sizeof runs / sizeof runs[0]; k++) {
        w->batch = runs[k].batch;
        const double per_call = (double)w->batch;
        if (!run_stage(w, runs[k].name, runs[k].label, stage_network, w->n_curves / w->batch, per_call)) return false;
    }
    return true;
}

/* The median of each call's time over many inputs. */
static bool run_profile(world *w)
{
    enum { MOST_RUNS = 500 };
    bench_report *r = w->report;
    const size_t n_runs = w->n_curves < MOST_RUNS ? w->n_curves : MOST_RUNS;
    double *ns = malloc((MOST_RUNS * BENCH_LAYERS + 1) * sizeof *ns);
    if (ns == NULL) return false;
    for (size_t i = 0; i < n_runs; i++) {
        size_t n;
        if (sl_runner_profile(w->runner, w->inputs + i * w->input_size, w->p, BENCH_LAYERS, r->layers, &n, NULL) < 0) {
            continue;
        }
        r->n_layers = n < BENCH_LAYERS ? n : BENCH_LAYERS;
        for (size_t k = 0; k < r->n_layers; k++) ns[k * MOST_RUNS + i] = r->layers[k].ns;
    }
    for (size_t k = 0; k < r->n_layers; k++) r->layers[k].ns = bench_quantile(ns + k * MOST_RUNS, n_runs, 0.5);
    free(ns);
    r->peak_flops = sl_runner_peak();
    return true;
}

static bool run_night(world *w, const cpu_set_t *all)
{
    bool well = true;
    /* A packet may hold a whole night. */
    const uint64_t a_packet = (w->in.n_alerts + w->in.n_packets - 1) / w->in.n_packets;
    const uint64_t n_packets = (w->options->night_alerts + a_packet - 1) / a_packet;
    const int fd = bench_inputs_tar(&w->in, n_packets);
    if (fd < 0) return false;
    snprintf(w->night, sizeof w->night, "/proc/self/fd/%d", fd);
    w->threads = 1;
    if (!stage_tar_to_json_lines(w, 0)) well = false; /* how many are in it? */
    well = well && run_whole(w, "tar_to_json_lines", "tar of packets to JSON lines", 1);
    /* And on all cores. */
    w->report->threads = w->options->threads > 0 ? w->options->threads : CPU_COUNT(all);
    if (well && w->report->threads > 1) {
        cpu_set_t one;
        sched_getaffinity(0, sizeof one, &one);
        sched_setaffinity(0, sizeof *all, all);
        well = run_whole(w, "tar_one_worker", "the same, one worker, all cores", 1) &&
               run_whole(w, "tar_all_workers", "the same, more workers", w->report->threads);
        sched_setaffinity(0, sizeof one, &one);
    }
    close(fd);
    return well;
}

static bool run_stages(world *w, const cpu_set_t *all)
{
    const bench_inputs *in = &w->in;
    const double per_packet = in->n_packets > 0 ? (double)in->n_alerts / (double)in->n_packets : 0;
    if (!run_stage(w, "decode", "packet to fields", stage_decode, in->n_packets, per_packet)) return false;
    if (!run_stage(w, "light_curve", "fields to light curve", stage_light_curve, in->n_alerts, 1)) return false;
    if (!run_gp(w)) return false;
    if (w->model == NULL) return true;
    if (!run_network(w) || !run_profile(w)) return false;
    const size_t n_open = w->n_curves < 50 ? w->n_curves : 50;
    return run_stage(w, "model_open", "model file to ready", stage_model_open, n_open, 1) &&
           run_stage(w, "open_to_first_answer", "model file to first answer", stage_open_to_first_answer, n_open, 1) &&
           run_stage(w, "points_to_result", "points to result", stage_points_to_result, in->n_alerts, 1) &&
           run_stage(w, "bytes_to_result", "packet to result", stage_bytes_to_result, in->n_packets, per_packet) &&
           run_stage(w, "bytes_to_json_line", "packet to JSON line", stage_bytes_to_json_line, in->n_packets,
                     per_packet) &&
           (in->n_packets == 0 || run_night(w, all));
}

/* ---- the fit by the number of points ---- */

static int by_points(const void *a, const void *b)
{
    const size_t n = ((const curve *)a)->lc.n, m = ((const curve *)b)->lc.n;
    return (n > m) - (n < m);
}

/* Without paths each bin gets light curves of its own; few alerts are long. */
static bool simulate_bin(world *w, const bench_bin *bin)
{
    enum { A_BIN = 24, LONGEST = 352 };
    free_curves(w);
    bench_inputs in = {0};
    sl_simulate_options night;
    sl_simulate_defaults(&night);
    night.n_alerts = w->options->n_alerts > 0 && w->options->n_alerts < A_BIN ? w->options->n_alerts : A_BIN;
    night.cutouts = false;
    night.min_points = (uint32_t)bin->from;
    night.max_points = (uint32_t)(bin->to < LONGEST ? bin->to : LONGEST);
    const bool well = bench_inputs_simulate(&in, &night) && make_curves(w, &in);
    bench_inputs_free(&in);
    return well;
}

static bool run_bins(world *w)
{
    static const size_t from[BENCH_BINS + 1] = {2, 31, 61, 101, 151, 201, 301, SL_MAX_POINTS + 1};
    bench_report *r = w->report;
    for (r->n_bins = 0; r->n_bins < BENCH_BINS; r->n_bins++) {
        bench_bin *bin = &r->bins[r->n_bins];
        *bin = (bench_bin){.from = from[r->n_bins], .to = from[r->n_bins + 1] - 1, .p50_us = NAN, .p99_us = NAN,
                           .per_second = NAN,
                           .batch_per_second = NAN};
        if (w->options->n_paths == 0 && !simulate_bin(w, bin)) return false;
        qsort(w->curves, w->n_curves, sizeof *w->curves, by_points);
        size_t first = 0;
        while (first < w->n_curves && w->curves[first].lc.n < bin->from) first++;
        while (first + bin->n < w->n_curves && w->curves[first + bin->n].lc.n <= bin->to) bin->n++;
        if (bin->n == 0) continue;
        w->first_of_bin = first;
        bench_stage stage = {.label = "fit by the number of points"};
        if (!bench_time(&w->options->clock, &stage, stage_gp_fit, w, bin->n, 1)) return false;
        bin->p50_us = stage.p50_us;
        bin->p99_us = stage.p99_us;
        bin->per_second = stage.per_second;
        w->batch = bin->n < MOST_BATCH ? bin->n : MOST_BATCH;
        if (!bench_time(&w->options->clock, &stage, stage_gp_batch, w, bin->n / w->batch, (double)w->batch)) return false;
        bin->batch_per_second = stage.per_second;
    }
    return true;
}

/* ---- all of it ---- */

/* The reference's contract, with other bands where they are asked for. */
static sl_status choose_contract(world *w, sl_error *err)
{
    static const struct {
        char name;
        double wavelength_aa;
    } lsst[] = {{'u', 3685.0}, {'g', 4802.0}, {'r', 6231.0}, {'i', 7542.0}, {'z', 8690.0}, {'y', 9736.0}};
    sl_contract *c = &w->contract;
    const char *bands = w->options->bands;
    const sl_status status = sl_contract_preset("reference", c, err);
    if (status < 0 || bands == NULL) return status;
    c->n_bands = 0;
    for (size_t i = 0; i < sizeof lsst / sizeof lsst[0]; i++) {
        if (strchr(bands, lsst[i].name) == NULL) continue;
        c->bands[c->n_bands++] = (sl_band){.name = {lsst[i].name}, .wavelength_aa = lsst[i].wavelength_aa};
    }
    c->channel_rule = SL_CHANNELS_FIXED;
    c->n_channels = c->n_bands;
    c->min_bands = 1;
    return sl_contract_check(c, err);
}

static sl_status open_world(world *w, sl_error *err)
{
    sl_status status = choose_contract(w, err);
    if (status == SL_OK && w->options->model != NULL) {
        status = sl_model_open(w->options->model, &w->model, err);
        if (status == SL_OK) w->contract = *sl_model_contract(w->model);
        if (status == SL_OK) status = sl_runner_new(w->model, &w->runner, err);
        if (status == SL_OK) status = sl_classifier_new(w->model, &w->classifier, err);
    }
    if (status == SL_OK) status = sl_alert_decoder_new(&w->decoder, err);
    if (status == SL_OK) status = sl_lightcurve_buffer_new(&w->buffer, err);
    if (status == SL_OK) status = sl_gp_new(&w->gp, err);
    if (status == SL_OK) status = sl_gp_batch_new(&w->contract, MOST_BATCH, &w->gp_batch, err);
    return status;
}

static void close_world(world *w)
{
    if (w->sink != NULL) fclose(w->sink);
    sl_classifier_free(w->classifier);
    sl_runner_free(w->runner);
    sl_model_close(w->model);
    sl_gp_free(w->gp);
    sl_gp_batch_free(w->gp_batch);
    sl_lightcurve_buffer_free(w->buffer);
    sl_alert_decoder_free(w->decoder);
    free_curves(w);
    free(w->inputs);
    free(w->p);
    bench_inputs_free(&w->in);
}

static void describe(world *w)
{
    bench_report *r = w->report;
    size_t bytes = 0;
    for (size_t i = 0; i < w->in.n_packets; i++) bytes += w->in.packets[i].n_bytes;
    r->n_packets = w->in.n_packets;
    r->packet_bytes = r->n_packets > 0 ? bytes / r->n_packets : 0;
    r->n_alerts = w->in.n_alerts;
    r->n_curves = w->n_curves;
    if (w->model == NULL) return;
    sl_model_info info;
    sl_model_describe(w->model, &info);
    snprintf(r->model_id, sizeof r->model_id, "%s", sl_model_id(w->model));
    r->model_flop = info.flop;
}

int bench_run(const bench_options *options, bench_report *out)
{
    static world w; /* too large for the stack */
    w.options = options;
    w.report = out;
    w.sink = fopen("/dev/null", "we");
    sl_error err;
    cpu_set_t all, one;
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    const bool pinned = sched_getaffinity(0, sizeof all, &all) == 0 && sched_setaffinity(0, sizeof one, &one) == 0;
    if (!pinned) all = one;
    int code = EXIT_INTERNAL;
    if (w.sink == NULL) {
        perror("starling bench: /dev/null");
    } else if (open_world(&w, &err) < 0) {
        code = say_failed("bench", NULL, &err);
    } else if (!read_inputs(&w)) {
        code = EXIT_IO;
    } else if (w.in.n_alerts == 0) {
        fprintf(stderr, "starling bench: no alerts to measure on\n");
        code = EXIT_IO;
    } else if (make_curves(&w, &w.in) && make_inputs(&w)) {
        describe(&w);
        if (run_stages(&w, &all) && run_bins(&w)) code = EXIT_WELL;
    }
    if (pinned) sched_setaffinity(0, sizeof all, &all);
    close_world(&w);
    return code;
}
