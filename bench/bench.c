/*
 * bench/bench.c - what each stage costs, in one process on one core.
 *
 *     bench [-m MODEL] [-n ALERTS] [-N ALERTS] [-r REPEATS] [-t SECONDS] [-c CORE] [--json FILE]
 *           [--curves CSV | PATH...]
 *
 * PATH is a folder or a plain tar of ZTF packets; without one a night of -n
 * alerts is simulated in memory. The tar of the last stage holds -N. MODEL is
 * a model file or a TFLite file; without one the stages that need a network
 * are left out.
 */
#include <getopt.h>
#include <math.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "inputs.h"
#include "stages.h"

enum { GP_BATCH = 64 };

/* The result of the light-curve stage, kept: arrays of its own. */
typedef struct curve {
    sl_lightcurve lc;
    double *values; /* time, flux, error, wavelength */
    uint8_t *bands;
} curve;

typedef struct world {
    inputs in;
    bench b;
    const char *model_path;
    sl_model *model;
    sl_contract contract;
    sl_alert_decoder *decoder;
    sl_lightcurve_buffer *buffer;
    sl_gp *gp;
    sl_gp_batch *gp_batch;
    sl_runner *runner;
    sl_classifier *classifier;
    curve *curves;
    size_t n_curves;
    size_t input_size; /* floats of one network input */
    float *inputs;     /* n_curves x input_size */
    float *p;
    size_t batch;
    size_t n_results, n_classified;
    char night[64];
    size_t night_alerts; /* in the tar that sl_run reads */
    FILE *sink;
} world;

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
    const sl_status status = sl_lightcurve_build(&w->contract, &w->in.alerts[i], w->buffer, &lc, NULL);
    return status == SL_OK || status == SL_ERR_CONTRACT;
}

static bool stage_gp_fit(void *user, size_t i)
{
    world *w = user;
    sl_gp_fit_info info;
    return sl_gp_fit(w->gp, &w->contract.gp, &w->curves[i].lc, &info, NULL) == SL_OK;
}

static bool stage_gp_grid(void *user, size_t i)
{
    world *w = user;
    sl_gp_fit_info info;
    return sl_gp_grid(w->gp, &w->contract, &w->curves[i].lc, w->inputs + i * w->input_size, NULL, &info, NULL) == SL_OK;
}

/* As many light curves as a batch holds, copied in and run. */
static bool stage_gp_batch(void *user, size_t i)
{
    world *w = user;
    sl_gp_batch_reset(w->gp_batch);
    for (size_t k = 0; k < w->batch; k++) {
        if (sl_gp_batch_add(w->gp_batch, &w->curves[i * w->batch + k].lc, NULL) != SL_OK) return false;
    }
    return sl_gp_batch_run(w->gp_batch, NULL) == SL_OK &&
           sl_gp_batch_result(w->gp_batch, w->batch - 1, NULL, NULL, NULL) == SL_OK;
}

static bool stage_network(void *user, size_t i)
{
    world *w = user;
    return sl_runner_run(w->runner, w->batch, w->inputs + i * w->batch * w->input_size, w->p, NULL) == SL_OK;
}

/* A file, opened, and its first answer, in a process that is already warm. */
static bool stage_open(void *user, size_t i)
{
    world *w = user;
    sl_model *model = NULL;
    sl_runner *runner = NULL;
    const bool well = sl_model_open(w->model_path, &model, NULL) == SL_OK &&
                      sl_runner_new(model, &runner, NULL) == SL_OK &&
                      sl_runner_run(runner, 1, w->inputs + i * w->input_size, w->p, NULL) == SL_OK;
    sl_runner_free(runner);
    sl_model_close(model);
    return well;
}

static bool stage_points(void *user, size_t i)
{
    world *w = user;
    sl_result result;
    return sl_classifier_alert(w->classifier, &w->in.alerts[i], &result, NULL) == SL_OK;
}

static sl_status count_result(void *user, const sl_result *result)
{
    world *w = user;
    w->n_results++;
    w->n_classified += result->outcome == SL_CLASSIFIED;
    return SL_OK;
}

static bool stage_bytes(void *user, size_t i)
{
    world *w = user;
    const packet *p = &w->in.packets[i];
    return sl_classifier_bytes(w->classifier, p->bytes, p->n_bytes, count_result, w, NULL) == SL_OK;
}

/* A night as a tar, read, classified and written as JSON lines. */
static bool stage_night(void *user, size_t i)
{
    world *w = user;
    (void)i;
    const char *paths[] = {w->night};
    const sl_run_options options = {
        .model = w->model, .paths = paths, .n_paths = 1, .format = SL_FORMAT_JSONL, .out = w->sink, .threads = 1};
    sl_ledger ledger = {0};
    sl_error err;
    const sl_status status = sl_run(&options, &ledger, &err);
    if (status < 0) fprintf(stderr, "bench: %s\n", err.message);
    return status >= 0 && ledger.read == w->night_alerts;
}

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

/* The light curves that meet the contract. */
static bool make_curves(world *w)
{
    w->curves = calloc(w->in.n_alerts + 1, sizeof *w->curves);
    if (w->curves == NULL) return false;
    for (size_t i = 0; i < w->in.n_alerts; i++) {
        sl_lightcurve lc;
        if (sl_lightcurve_build(&w->contract, &w->in.alerts[i], w->buffer, &lc, NULL) != SL_OK) continue;
        if (!keep_curve(&w->curves[w->n_curves], &lc)) return false;
        w->n_curves++;
    }
    const size_t classes = w->contract.n_classes;
    w->input_size = (size_t)sl_contract_input_steps(&w->contract) * (size_t)sl_contract_input_channels(&w->contract);
    w->inputs = calloc(w->n_curves + 1, w->input_size * sizeof *w->inputs);
    w->p = calloc(64 * classes, sizeof *w->p);
    return w->inputs != NULL && w->p != NULL;
}

/* A TFLite file becomes a model file first: in a folder of its own, which world_close empties. */
static bool open_model(world *w, const char *path, char *folder, char *imported, size_t size)
{
    sl_error err;
    w->model_path = path;
    if (strlen(path) > 7 && strcmp(path + strlen(path) - 7, ".tflite") == 0) {
        FILE *file = fopen(path, "rb");
        static unsigned char bytes[1 << 24];
        const size_t n = file == NULL ? 0 : fread(bytes, 1, sizeof bytes, file);
        if (file != NULL) fclose(file);
        if (mkdtemp(folder) == NULL || snprintf(imported, size, "%s/model", folder) >= (int)size) return false;
        if (sl_model_import_tflite(bytes, n, &w->contract, imported, &err) != SL_OK) goto failed;
        w->model_path = imported;
    }
    if (sl_model_open(w->model_path, &w->model, &err) != SL_OK) goto failed;
    w->contract = *sl_model_contract(w->model);
    if (sl_runner_new(w->model, &w->runner, &err) != SL_OK) goto failed;
    if (sl_classifier_new(w->model, &w->classifier, &err) != SL_OK) goto failed;
    return true;
failed:
    fprintf(stderr, "bench: %s: %s\n", path, err.message);
    return false;
}

static bool run_network(world *w)
{
    static const struct {
        const char *name;
        size_t batch;
    } runs[] = {{"network_1", 1}, {"network_8", 8}, {"network_32", 32}};
    for (size_t k = 0; k < sizeof runs / sizeof runs[0]; k++) {
        w->batch = runs[k].batch;
        if (w->n_curves < w->batch) continue;
        if (!bench_run(&w->b, runs[k].name, stage_network, w, w->n_curves / w->batch, w->batch)) return false;
    }
    return bench_run(&w->b, "open_to_first_answer", stage_open, w, w->n_curves < 50 ? w->n_curves : 50, 1);
}

static bool run_gp(world *w)
{
    bench *b = &w->b;
    if (!bench_run(b, "gp_fit", stage_gp_fit, w, w->n_curves, 1)) return false;
    if (!bench_run(b, "gp_fit_and_grid", stage_gp_grid, w, w->n_curves, 1)) return false;
    w->batch = w->n_curves < GP_BATCH ? w->n_curves : GP_BATCH;
    if (w->batch == 0) return true;
    return sl_gp_batch_new(&w->contract, w->batch, &w->gp_batch, NULL) == SL_OK &&
           bench_run(b, "gp_batch", stage_gp_batch, w, w->n_curves / w->batch, w->batch);
}

static bool run_night(world *w)
{
    const int fd = inputs_make_tar(&w->in, w->night_alerts);
    if (fd < 0) return false;
    snprintf(w->night, sizeof w->night, "/proc/self/fd/%d", fd);
    w->sink = fopen("/dev/null", "w");
    const bool well = w->sink != NULL && bench_run_whole(&w->b, "tar_to_json_lines", stage_night, w, w->night_alerts);
    if (w->sink != NULL) fclose(w->sink);
    close(fd);
    return well;
}

static bool run_stages(world *w)
{
    bench *b = &w->b;
    const inputs *in = &w->in;
    if (in->n_packets > 0 && !bench_run(b, "decode", stage_decode, w, in->n_packets, 1)) return false;
    if (!bench_run(b, "light_curve", stage_light_curve, w, in->n_alerts, 1)) return false;
    if (!run_gp(w)) return false;
    if (w->model == NULL) {
        fprintf(stderr, "bench: no model (-m): the stages behind the grid are left out\n");
        return true;
    }
    if (!run_network(w)) return false;
    if (!bench_run(b, "points_to_result", stage_points, w, in->n_alerts, 1)) return false;
    if (in->n_packets == 0) return true;
    return bench_run(b, "bytes_to_result", stage_bytes, w, in->n_packets, 1) && run_night(w);
}

static void print_all(const world *w, const char *json_path)
{
    printf("starling %s, %s kernels, %zu packets, %zu alerts, %zu meet the contract\n", sl_version(), sl_runner_cpu(),
           w->in.n_packets, w->in.n_alerts, w->n_curves);
    bench_print(&w->b, stdout);
    FILE *json = json_path == NULL ? NULL : fopen(json_path, "w");
    if (json == NULL) return;
    size_t bytes = 0;
    for (size_t i = 0; i < w->in.n_packets; i++) bytes += w->in.packets[i].n_bytes;
    fprintf(json, "{\"version\": \"%s\", \"kernels\": \"%s\", \"packets\": %zu, \"packet_bytes\": %zu, ", sl_version(),
            sl_runner_cpu(), w->in.n_packets, w->in.n_packets > 0 ? bytes / w->in.n_packets : 0);
    fprintf(json, "\"alerts\": %zu, \"meet_contract\": %zu, \"stages\": ", w->in.n_alerts, w->n_curves);
    bench_print_json(&w->b, json);
    fprintf(json, "}\n");
    fclose(json);
}

static void world_close(world *w)
{
    sl_classifier_free(w->classifier);
    sl_runner_free(w->runner);
    sl_model_close(w->model);
    sl_gp_free(w->gp);
    sl_gp_batch_free(w->gp_batch);
    sl_lightcurve_buffer_free(w->buffer);
    sl_alert_decoder_free(w->decoder);
    for (size_t i = 0; i < w->n_curves; i++) {
        free(w->curves[i].values);
        free(w->curves[i].bands);
    }
    free(w->curves);
    free(w->inputs);
    free(w->p);
    inputs_free(&w->in);
}

typedef struct settings {
    const char *model, *json, *curves;
    uint64_t n_alerts, night_alerts;
    int core;
} settings;

static bool parse(int argc, char **argv, settings *s, bench *b)
{
    static const struct option longs[] = {
        {"json", required_argument, NULL, 'j'}, {"curves", required_argument, NULL, 'k'}, {NULL, 0, NULL, 0}};
    int c;
    while ((c = getopt_long(argc, argv, "m:n:N:r:t:c:", longs, NULL)) != -1) {
        switch (c) {
        case 'm': s->model = optarg; break;
        case 'n': s->n_alerts = strtoull(optarg, NULL, 10); break;
        case 'N': s->night_alerts = strtoull(optarg, NULL, 10); break;
        case 'r': b->repeats = atoi(optarg); break;
        case 't': b->min_seconds = atof(optarg); break;
        case 'c': s->core = atoi(optarg); break;
        case 'j': s->json = optarg; break;
        case 'k': s->curves = optarg; break;
        default: return false;
        }
    }
    return b->repeats > 0 && b->repeats < 100;
}

static bool read_inputs(world *w, const settings *s, int n_paths, char **paths)
{
    if (s->curves != NULL) return inputs_read_curves(&w->in, s->curves);
    bool well = true;
    for (int i = 0; i < n_paths && well; i++) well = inputs_read_packets(&w->in, paths[i]);
    if (n_paths == 0) well = inputs_simulate(&w->in, s->n_alerts);
    return well && inputs_decode(&w->in);
}

int main(int argc, char **argv)
{
    static world w;
    w.b = (bench){.repeats = 5, .min_seconds = 0.2};
    settings s = {.n_alerts = 500, .night_alerts = 2000, .core = -1};
    if (!parse(argc, argv, &s, &w.b)) {
        fprintf(stderr,
                "usage: bench [-m MODEL] [-n ALERTS] [-N ALERTS] [-r REPEATS] [-t SECONDS] [-c CORE] [--json FILE] "
                "[--curves CSV | PATH...]\n");
        return 2;
    }
    w.night_alerts = s.night_alerts;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(s.core >= 0 ? s.core : sched_getcpu(), &one);
    if (sched_setaffinity(0, sizeof one, &one) != 0) perror("bench: cannot stay on one core");

    char folder[] = "/tmp/starling-bench-XXXXXX", imported[64] = "";
    sl_error err;
    const bool well = sl_contract_preset("reference", &w.contract, &err) == SL_OK &&
                      sl_alert_decoder_new(&w.decoder, &err) == SL_OK &&
                      sl_lightcurve_buffer_new(&w.buffer, &err) == SL_OK && sl_gp_new(&w.gp, &err) == SL_OK &&
                      (s.model == NULL || open_model(&w, s.model, folder, imported, sizeof imported)) &&
                      read_inputs(&w, &s, argc - optind, argv + optind) && make_curves(&w) && run_stages(&w);
    if (well) print_all(&w, s.json);
    world_close(&w);
    if (imported[0] != '\0') {
        unlink(imported);
        rmdir(folder);
    }
    return well ? 0 : 4;
}
