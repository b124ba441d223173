/* The table of compression: every combination of the steps, measured, as Markdown, CSV and a drawing. */
#include <stdlib.h>
#include <unistd.h>

#include "commands.h"
#include "compress_show.h"

enum { N_ROWS = SL_COMPRESS_ALL + 1 };

/* Combinations that differ in what comes after learning share the weights that were learned. */
enum { LEARNED = SL_COMPRESS_PRUNE | SL_COMPRESS_CLUSTER };

/* One row: from weights that were learned if it is pruned or clustered, else from the model itself. */
static int fill_row(const compress_run *run, const char *learned, const char *draft, unsigned steps, compress_row *row)
{
    sl_compress_options options = run->wishes->options;
    sl_model *tuned = NULL;
    sl_error err;
    if ((steps & LEARNED) != 0 && sl_model_open(learned, &tuned, &err) < 0) return say_failed("compress", NULL, &err);
    options.steps = steps;
    options.shaped = true;
    const int code = compress_once(run, tuned != NULL ? tuned : run->model, &options, draft, row);
    sl_model_info info;
    sl_model_describe(run->model, &info);
    row->result.bytes_before = info.file_bytes;
    sl_model_close(tuned);
    return code;
}

static int fill_rows(const compress_run *run, const char *learned, const char *draft, compress_row rows[N_ROWS])
{
    int code = EXIT_WELL;
    for (unsigned part = 0; code == EXIT_WELL && part <= LEARNED; part++) {
        sl_compress_options options = run->wishes->options;
        compress_row ignored = {0};
        options.steps = part;
        if (part != 0) code = compress_once(run, run->model, &options, learned, &ignored);
        for (unsigned rest = 0; code == EXIT_WELL && rest < N_ROWS; rest += SL_COMPRESS_QUANTIZE) {
            compress_row *row = &rows[part | rest];
            code = fill_row(run, learned, draft, part | rest, row);
            row->result.train = ignored.result.train;
            row->result.trained = part != 0 && ignored.result.trained;
            if (code == EXIT_WELL && run->wishes->ledger != NULL) code = compress_write_ledger(run, row, draft, false);
        }
    }
    return code;
}

/* ---- texts ---- */

static double bits_a_weight(const compress_run *run, const compress_row *row)
{
    sl_model_info info;
    sl_model_describe(run->model, &info);
    return 8 * (double)row->result.bytes_after / (double)info.n_parameters;
}

typedef struct shown {
    const compress_run *run;
    const compress_row *rows;
} shown;

static void put_markdown(FILE *to, const void *what)
{
    const shown *s = what;
    const compress_row *rows = s->rows;
    fputs("| steps | bytes | times smaller | bits a weight | zeros | open [us] | first answer [us] | answer [us] |"
          " log-loss | difference, 95 % | same answer |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n", to);
    for (unsigned i = 0; i < N_ROWS; i++) {
        const compress_row *r = &rows[i];
        char steps[64], bytes[32];
        fprintf(to, "| %s | %s | %.1f | %.2f | %.1f %% | %.0f | %.0f | %.1f |", compress_steps(i, steps),
                show_count(r->result.bytes_after, bytes), (double)rows[0].result.bytes_after / (double)r->result.bytes_after,
                bits_a_weight(s->run, r), 100 * (double)r->result.n_zeros / (double)r->result.n_weights, r->open_us,
                r->first_us, r->run_us);
        compress_put_loss(to, r);
        fputc('\n', to);
    }
}

static void put_csv(FILE *to, const void *what)
{
    const shown *s = what;
    fputs("steps,bytes,bits_a_weight,zeros,open_us,first_us,run_us,log_loss,difference,low,high,agreement,seconds\n", to);
    for (unsigned i = 0; i < N_ROWS; i++) {
        const compress_row *r = &s->rows[i];
        char steps[64];
        fprintf(to, "\"%s\",%zu,%.4f,%.4f,%.2f,%.2f,%.3f", compress_steps(i, steps), r->result.bytes_after,
                bits_a_weight(s->run, r), (double)r->result.n_zeros / (double)r->result.n_weights, r->open_us, r->first_us,
                r->run_us);
        compress_put_loss_csv(to, r);
        fprintf(to, ",%.1f\n", r->result.trained ? r->result.train.last.seconds : 0);
    }
}

/* Bytes, by their logarithm, against what is lost. */
static void put_svg(FILE *to, const void *what)
{
    static const char *const title = "bytes of the file";
    const shown *s = what;
    front_point points[N_ROWS];
    for (unsigned i = 0; i < N_ROWS; i++) {
        const compress_row *r = &s->rows[i];
        points[i] = (front_point){.cost = {(double)r->result.bytes_after},
                                  .loss = r->loss.n > 0 ? r->loss.difference.interval.value : 0};
        compress_steps(i, points[i].label);
    }
    front_draw(to, N_ROWS, points, 1, &title);
}

int compress_table(const compress_run *given)
{
    compress_run own = *given, *run = &own;
    float *soft = NULL;
    char *learned = compress_path(run, ".learned"), *draft = compress_path(run, ".draft");
    compress_row *rows = calloc(N_ROWS, sizeof *rows);
    int code = learned == NULL || draft == NULL || rows == NULL ? EXIT_INTERNAL : EXIT_WELL;
    if (code == EXIT_WELL && run->data != NULL && !run->wishes->no_tuning) code = compress_ask_teachers(run, NULL, NULL, &soft);
    if (code == EXIT_WELL) code = fill_rows(run, learned, draft, rows);
    static const compress_text texts[] = {{".md", put_markdown}, {".csv", put_csv}, {".svg", put_svg}};
    const shown all = {run, rows};
    if (code == EXIT_WELL) code = compress_write_texts(run, sizeof texts / sizeof texts[0], texts, &all);
    if (code == EXIT_WELL && !run->wishes->quiet) put_markdown(stdout, &all);
    if (learned != NULL) unlink(learned);
    if (draft != NULL) unlink(draft);
    free(learned);
    free(draft);
    free(rows);
    free(soft);
    return code;
}
