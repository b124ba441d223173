/* What was measured, for people and for programs. */
#include <math.h>

#include "bench.h"
#include "json.h"

#if defined(__clang__)
#define COMPILER "clang " __clang_version__
#else
#define COMPILER "gcc " __VERSION__
#endif

/* A time with three digits that count, in a column. */
static void put_us(FILE *to, int width, double us)
{
    if (isnan(us)) {
        fprintf(to, "%*s", width, "-");
    } else {
        fprintf(to, "%*.*f", width, us < 10 ? 2 : us < 100 ? 1 : 0, us);
    }
}

static void show_stages(FILE *to, const bench_report *r)
{
    fprintf(to, "%-32s %8s %10s %10s %14s\n", "stage", "inputs", "p50 us", "p99 us", "alerts/core-s");
    for (size_t i = 0; i < r->n_stages; i++) {
        const bench_stage *s = &r->stages[i];
        fprintf(to, "%-32s %8zu ", s->label, s->n_items);
        put_us(to, 10, s->p50_us);
        fputc(' ', to);
        put_us(to, 10, s->p99_us);
        fprintf(to, " %14.0f", s->per_second);
        if (!isnan(s->wall_per_second)) fprintf(to, "  (%.0f/s by the clock)", s->wall_per_second);
        fputc('\n', to);
    }
}

static void show_bins(FILE *to, const bench_report *r)
{
    fprintf(to, "\n%-32s %8s %10s %10s %14s %12s\n", "fit, by the number of points", "curves", "p50 us", "p99 us",
            "fits/core-s", "64 at a time");
    for (size_t i = 0; i < r->n_bins; i++) {
        const bench_bin *b = &r->bins[i];
        char range[32];
        snprintf(range, sizeof range, i + 1 < r->n_bins ? "%zu to %zu" : "%zu and more", b->from, b->to);
        fprintf(to, "%-32s %8zu ", range, b->n);
        put_us(to, 10, b->p50_us);
        fputc(' ', to);
        put_us(to, 10, b->p99_us);
        if (b->n > 0) fprintf(to, " %14.0f %12.0f", b->per_second, b->batch_per_second);
        fputc('\n', to);
    }
}

static void show_layers(FILE *to, const bench_report *r)
{
    double ns = 0;
    for (size_t i = 0; i < r->n_layers; i++) ns += r->layers[i].ns;
    if (ns == 0) return;
    fprintf(to, "\n%-12s %-28s %8s %8s %12s %10s\n", "network", "shape", "us", "share", "GFLOP/s", "f32 peak");
    for (size_t i = 0; i < r->n_layers; i++) {
        const sl_profile_row *l = &r->layers[i];
        fprintf(to, "%-12s %-28s %8.2f %7.1f%% %12.1f %9.1f%%\n", l->kernel, l->shape, l->ns * 1e-3, 100 * l->ns / ns,
                l->flop / l->ns, 1e11 * l->flop / l->ns / r->peak_flops);
    }
    fprintf(to, "%-41s %8.2f %8s %12.1f %9.1f%%\n", "together", ns * 1e-3, "", r->model_flop / ns,
            1e11 * r->model_flop / ns / r->peak_flops);
    fprintf(to, "the core's peak, measured: %.0f GFLOP/s\n", r->peak_flops * 1e-9);
}

void bench_show_text(FILE *to, const bench_report *r)
{
    fprintf(to, "starling %s, %s kernels, %s\n", sl_version(), sl_runner_cpu(), COMPILER);
    if (r->model_id[0] != '\0') fprintf(to, "model %s, ", r->model_id);
    fprintf(to, "%zu alerts", r->n_alerts);
    if (r->n_packets > 0) fprintf(to, " in %zu packets of %zu bytes", r->n_packets, r->packet_bytes);
    fprintf(to, ", %zu meet the contract\n\n", r->n_curves);
    show_stages(to, r);
    show_bins(to, r);
    show_layers(to, r);
    if (isnan(r->cold.start_us)) return;
    fprintf(to, "\nprogram start to end, one alert: %.2f ms, %.1f MB at the peak\n", r->cold.start_us * 1e-3,
            r->cold.peak_kb / 1024);
    fprintf(to, "model file to first answer, first in a process: %.0f us\n", r->cold.first_answer_us);
}

static void put_number(FILE *to, const char *before, const char *name, double x)
{
    json_number(to, before, name, x, JSON_FEW_DIGITS);
}

static void put_stages(FILE *to, const bench_report *r)
{
    fprintf(to, ", \"stages\": {");
    for (size_t i = 0; i < r->n_stages; i++) {
        const bench_stage *s = &r->stages[i];
        fprintf(to, "%s\"%s\": {", i > 0 ? ", " : "", s->name);
        json_text(to, "", "label", s->label);
        put_number(to, ", ", "inputs", (double)s->n_items);
        put_number(to, ", ", "p50_us", s->p50_us);
        put_number(to, ", ", "p99_us", s->p99_us);
        put_number(to, ", ", "per_second", s->per_second);
        put_number(to, ", ", "wall_per_second", s->wall_per_second);
        fputc('}', to);
    }
    fputc('}', to);
}

static void put_bins(FILE *to, const bench_report *r)
{
    fprintf(to, ", \"fit_by_points\": [");
    for (size_t i = 0; i < r->n_bins; i++) {
        const bench_bin *b = &r->bins[i];
        put_number(to, i > 0 ? ", {" : "{", "from", (double)b->from);
        put_number(to, ", ", "to", (double)b->to);
        put_number(to, ", ", "curves", (double)b->n);
        put_number(to, ", ", "p50_us", b->p50_us);
        put_number(to, ", ", "p99_us", b->p99_us);
        put_number(to, ", ", "per_second", b->per_second);
        put_number(to, ", ", "batch_per_second", b->batch_per_second);
        fputc('}', to);
    }
    fputc(']', to);
}

static void put_layers(FILE *to, const bench_report *r)
{
    put_number(to, ", ", "peak_gflops", r->peak_flops * 1e-9);
    put_number(to, ", ", "network_flop", r->model_id[0] != '\0' ? r->model_flop : NAN);
    fprintf(to, ", \"network\": [");
    for (size_t i = 0; i < r->n_layers; i++) {
        const sl_profile_row *l = &r->layers[i];
        json_text(to, i > 0 ? ", {" : "{", "kernel", l->kernel);
        json_text(to, ", ", "shape", l->shape);
        put_number(to, ", ", "us", l->ns * 1e-3);
        put_number(to, ", ", "flop", l->flop);
        put_number(to, ", ", "of_peak", 1e9 * l->flop / l->ns / r->peak_flops);
        fputc('}', to);
    }
    fputc(']', to);
}

void bench_show_json(FILE *to, const bench_report *r)
{
    json_text(to, "{", "version", sl_version());
    json_text(to, ", ", "kernels", sl_runner_cpu());
    json_text(to, ", ", "compiler", COMPILER);
    if (r->model_id[0] != '\0') {
        json_text(to, ", ", "model", r->model_id);
    } else {
        fputs(", \"model\": null", to);
    }
    put_number(to, ", ", "packets", (double)r->n_packets);
    put_number(to, ", ", "packet_bytes", (double)r->packet_bytes);
    put_number(to, ", ", "alerts", (double)r->n_alerts);
    put_number(to, ", ", "meet_contract", (double)r->n_curves);
    put_stages(to, r);
    put_bins(to, r);
    put_layers(to, r);
    put_number(to, ", ", "threads", r->threads);
    put_number(to, ", \"cold\": {", "start_us", r->cold.start_us);
    put_number(to, ", ", "peak_kb", r->cold.peak_kb);
    put_number(to, ", ", "first_answer_us", r->cold.first_answer_us);
    fputs("}}\n", to);
}
