/* The table of compression: every combination of the steps, measured, as Markdown, CSV and a drawing. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "compress_run.h"
#include "svg.h"

enum { N_ROWS = SL_COMPRESS_ALL + 1 };

/* Combinations that differ in what comes after learning share the weights that were learned. */
enum { LEARNED = SL_COMPRESS_PRUNE | SL_COMPRESS_CLUSTER };

static char *path_of(const compress_run *run, const char *ending)
{
    char *path = malloc(strlen(run->wishes->out) + strlen(ending) + 1);
    if (path != NULL) sprintf(path, "%s%s", run->wishes->out, ending);
    return path;
}

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
        compress_row ignored;
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

static void put_markdown(FILE *to, const compress_run *run, const compress_row *rows)
{
    fputs("| steps | bytes | times smaller | bits a weight | zeros | open [us] | first answer [us] | answer [us] |"
          " log-loss | difference, 95 % | same answer |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n", to);
    for (unsigned i = 0; i < N_ROWS; i++) {
        const compress_row *r = &rows[i];
        char steps[64], bytes[32];
        fprintf(to, "| %s | %s | %.1f | %.2f | %.1f %% | %.0f | %.0f | %.1f |", compress_steps(i, steps),
                show_count(r->result.bytes_after, bytes), (double)rows[0].result.bytes_after / (double)r->result.bytes_after,
                bits_a_weight(run, r), 100 * (double)r->result.n_zeros / (double)r->result.n_weights, r->open_us,
                r->first_us, r->run_us);
        if (r->loss.n == 0) {
            fputs(" - | - | - |\n", to);
        } else {
            fprintf(to, " %.4f | %+.4f (%+.4f .. %+.4f) | %.1f %% |\n", r->loss.after, r->loss.difference.interval.value,
                    r->loss.difference.interval.low, r->loss.difference.interval.high, 100 * r->loss.agreement);
        }
    }
}

static void put_csv(FILE *to, const compress_run *run, const compress_row *rows)
{
    fputs("steps,bytes,bits_a_weight,zeros,open_us,first_us,run_us,log_loss,difference,low,high,agreement,seconds\n", to);
    for (unsigned i = 0; i < N_ROWS; i++) {
        const compress_row *r = &rows[i];
        char steps[64];
        fprintf(to, "\"%s\",%zu,%.4f,%.4f,%.2f,%.2f,%.3f", compress_steps(i, steps), r->result.bytes_after,
                bits_a_weight(run, r), (double)r->result.n_zeros / (double)r->result.n_weights, r->open_us, r->first_us,
                r->run_us);
        if (r->loss.n == 0) {
            fputs(",,,,,", to);
        } else {
            fprintf(to, ",%.5f,%.5f,%.5f,%.5f,%.4f", r->loss.after, r->loss.difference.interval.value,
                    r->loss.difference.interval.low, r->loss.difference.interval.high, r->loss.agreement);
        }
        fprintf(to, ",%.1f\n", r->result.trained ? r->result.train.last.seconds : 0);
    }
}

/* Bytes, by their logarithm, against what is lost; rows that no other beats in both have a line through them. */
static void put_svg(FILE *to, const compress_run *run, const compress_row *rows)
{
    enum { W = 720, H = 420, LEFT = 70, TOP = 20, RIGHT = 20, BOTTOM = 50 };
    const bool judged = run->data != NULL;
    double least = INFINITY, most = 0, low = 0, high = 0.01;
    for (unsigned i = 0; i < N_ROWS; i++) {
        const double b = log10((double)rows[i].result.bytes_after), l = judged ? rows[i].loss.difference.interval.value : 0;
        least = fmin(least, b);
        most = fmax(most, b);
        low = fmin(low, l);
        high = fmax(high, l);
    }
    const chart c = {.to = to, .left = LEFT, .top = TOP, .width = W - LEFT - RIGHT, .height = H - TOP - BOTTOM,
                     .x0 = floor(10 * least) / 10, .x1 = ceil(10 * most + 1e-9) / 10, .y0 = low - 0.1 * (high - low), .y1 = high + 0.1 * (high - low)};
    fprintf(to, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" "
            "font-family=\"sans-serif\" font-size=\"11\">\n<style>.grid{stroke:#ddd}.front{stroke:#0a7;fill:none}"
            "circle{fill:#36c}text{fill:#333}</style>\n<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n", W, H, W, H);
    chart_y_axis(&c, 5, false, "log-loss more than the original's");
    for (int k = (int)ceil(3 * c.x0); k <= (int)floor(3 * c.x1); k++) {
        static const double steps[] = {1, 2, 5};
        const double bytes = steps[k % 3] * pow(10, k / 3), x = chart_x(&c, log10(bytes));
        char text[32];
        if (log10(bytes) < c.x0 || log10(bytes) > c.x1) continue;
        svg_line(to, x, TOP, x, H - BOTTOM, "grid");
        svg_text(to, x, H - BOTTOM + 16, "middle", "", show_count((uint64_t)(bytes + 0.5), text));
    }
    svg_text(to, LEFT + (W - LEFT - RIGHT) / 2.0, H - 12, "middle", "", "bytes of the file");
    double front_x[N_ROWS], front_y[N_ROWS];
    size_t n = 0;
    for (unsigned i = 0; i < N_ROWS; i++) {
        const double x = chart_x(&c, log10((double)rows[i].result.bytes_after));
        const double y = chart_y(&c, judged ? rows[i].loss.difference.interval.value : 0);
        char steps[64];
        bool beaten = false;
        for (unsigned k = 0; k < N_ROWS; k++) {
            const double mine = judged ? rows[i].loss.after : 0, other = judged ? rows[k].loss.after : 0;
            beaten = beaten || (rows[k].result.bytes_after < rows[i].result.bytes_after && other <= mine);
        }
        fprintf(to, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%d\"><title>%s</title></circle>\n", x, y, beaten ? 3 : 5,
                compress_steps(i, steps));
        if (beaten) continue;
        svg_text(to, x + 8, y - 6, "start", "", steps);
        size_t at = n++;
        for (; at > 0 && front_x[at - 1] > x; at--) {
            front_x[at] = front_x[at - 1];
            front_y[at] = front_y[at - 1];
        }
        front_x[at] = x;
        front_y[at] = y;
    }
    svg_path(to, n, front_x, front_y, "front", "no other is smaller and as good");
    svg_end(to);
}

static int write_texts(const compress_run *run, const compress_row *rows)
{
    static const struct {
        const char *ending;
        void (*put)(FILE *to, const compress_run *run, const compress_row *rows);
    } texts[] = {{".md", put_markdown}, {".csv", put_csv}, {".svg", put_svg}};
    int code = EXIT_WELL;
    for (int i = 0; code == EXIT_WELL && i < 3; i++) {
        char *path = path_of(run, texts[i].ending);
        FILE *to = path != NULL ? open_out("compress", path) : NULL;
        code = path == NULL ? EXIT_INTERNAL : to == NULL ? EXIT_IO : EXIT_WELL;
        if (to != NULL) {
            texts[i].put(to, run, rows);
            code = close_out("compress", path, to);
        }
        free(path);
    }
    return code;
}

int compress_table(const compress_run *run)
{
    char *learned = path_of(run, ".learned"), *draft = path_of(run, ".draft");
    compress_row *rows = calloc(N_ROWS, sizeof *rows);
    int code = learned == NULL || draft == NULL || rows == NULL ? EXIT_INTERNAL : EXIT_WELL;
    if (code == EXIT_WELL) code = fill_rows(run, learned, draft, rows);
    if (code == EXIT_WELL) code = write_texts(run, rows);
    if (code == EXIT_WELL && !run->wishes->quiet) put_markdown(stdout, run, rows);
    if (learned != NULL) unlink(learned);
    if (draft != NULL) unlink(draft);
    free(learned);
    free(draft);
    free(rows);
    return code;
}
