#include "compress_show.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "svg.h"

char *compress_path(const compress_run *run, const char *ending)
{
    char *path = malloc(strlen(run->wishes->out) + strlen(ending) + 1);
    if (path != NULL) sprintf(path, "%s%s", run->wishes->out, ending);
    return path;
}

int compress_write_texts(const compress_run *run, size_t n, const compress_text *texts, const void *what)
{
    int code = EXIT_WELL;
    for (size_t i = 0; code == EXIT_WELL && i < n; i++) {
        char *path = compress_path(run, texts[i].ending);
        FILE *to = path != NULL ? open_out("compress", path) : NULL;
        code = path == NULL ? EXIT_INTERNAL : to == NULL ? EXIT_IO : EXIT_WELL;
        if (to != NULL) {
            texts[i].put(to, what);
            code = close_out("compress", path, to);
        }
        free(path);
    }
    return code;
}

void compress_put_loss(FILE *to, const compress_row *row)
{
    const sl_compress_loss *l = &row->loss;
    if (l->n == 0) {
        fputs(" - | - | - |", to);
    } else {
        fprintf(to, " %.4f | %+.4f (%+.4f .. %+.4f) | %.1f %% |", l->after, l->difference.interval.value,
                l->difference.interval.low, l->difference.interval.high, 100 * l->agreement);
    }
}

void compress_put_loss_csv(FILE *to, const compress_row *row)
{
    const sl_compress_loss *l = &row->loss;
    if (l->n == 0) {
        fputs(",,,,,", to);
    } else {
        fprintf(to, ",%.5f,%.5f,%.5f,%.5f,%.4f", l->after, l->difference.interval.value, l->difference.interval.low,
                l->difference.interval.high, l->agreement);
    }
}

/* ---- the drawing ---- */

enum { PANEL = 630, HEIGHT = 350, LEFT = 70, TOP = 20, RIGHT = 20, BOTTOM = 50 };

static chart panel_of(FILE *to, size_t panel, size_t n, const front_point *points)
{
    double least = INFINITY, most = -INFINITY, low = 0, high = 0.01;
    for (size_t i = 0; i < n; i++) {
        const double b = log10(points[i].cost[panel]), l = points[i].loss;
        least = fmin(least, b);
        most = fmax(most, b);
        low = fmin(low, l);
        high = fmax(high, l);
    }
    return (chart){.to = to, .left = LEFT + (double)panel * (LEFT + PANEL), .top = TOP, .width = PANEL, .height = HEIGHT,
                   .x0 = floor(10 * least) / 10, .x1 = ceil(10 * most + 1e-9) / 10, .y0 = low - 0.1 * (high - low),
                   .y1 = high + 0.1 * (high - low)};
}

/* 1, 2 and 5 times the powers of ten. */
static void draw_costs(const chart *c, const char *title)
{
    const double bottom = c->top + c->height;
    for (int k = (int)floor(3 * c->x0) - 1; k <= (int)ceil(3 * c->x1); k++) {
        static const double steps[] = {1, 2, 5};
        const int decade = (int)floor(k / 3.0);
        const double cost = steps[k - 3 * decade] * pow(10, decade), x = chart_x(c, log10(cost));
        char text[32];
        if (log10(cost) < c->x0 || log10(cost) > c->x1) continue;
        svg_line(c->to, x, c->top, x, bottom, "grid");
        if (cost < 1) snprintf(text, sizeof text, "%g", cost);
        svg_text(c->to, x, bottom + 16, "middle", "", cost < 1 ? text : show_count((uint64_t)(cost + 0.5), text));
    }
    svg_text(c->to, c->left + c->width / 2, bottom + BOTTOM - 12, "middle", "", title);
}

/* Which of the points that are compared are beaten; those aside are. */
static void find_beaten(size_t n, size_t panel, const front_point *points, double *costs, uint32_t *rank)
{
    for (size_t i = 0; i < n; i++) {
        costs[2 * i] = points[i].aside ? INFINITY : points[i].cost[panel];
        costs[2 * i + 1] = points[i].aside ? INFINITY : points[i].loss;
    }
    sl_sizing_rank(n, 2, costs, rank);
    for (size_t i = 0; i < n; i++) rank[i] += points[i].aside;
}

static void draw_points(const chart *c, size_t panel, size_t n, const front_point *points, const uint32_t *rank, double *line)
{
    double *line_x = line, *line_y = line + n;
    size_t n_line = 0;
    for (size_t i = 0; i < n; i++) {
        const double x = chart_x(c, log10(points[i].cost[panel])), y = chart_y(c, points[i].loss);
        fprintf(c->to, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%d\"%s><title>", x, y, rank[i] > 0 ? 3 : 5,
                points[i].aside ? " class=\"aside\"" : "");
        html_text(c->to, points[i].label);
        fputs("</title></circle>\n", c->to);
        if (rank[i] > 0) continue;
        const bool right = x > c->left + 0.7 * c->width; /* there the text goes the other way, and neighbours' do not meet */
        svg_text(c->to, right ? x - 8 : x + 8, n_line % 2 == 0 ? y - 6 : y + 16, right ? "end" : "start", "", points[i].label);
        size_t at = n_line++;
        for (; at > 0 && line_x[at - 1] > x; at--) {
            line_x[at] = line_x[at - 1];
            line_y[at] = line_y[at - 1];
        }
        line_x[at] = x;
        line_y[at] = y;
    }
    svg_path(c->to, n_line, line_x, line_y, "front", "no other is smaller and as good");
}

void front_draw(FILE *to, size_t n, const front_point *points, size_t n_panels, const char *const *titles)
{
    double *room = malloc((2 * n + 1) * sizeof *room);
    uint32_t *rank = malloc((n + 1) * sizeof *rank);
    const size_t width = n_panels * (LEFT + PANEL) + RIGHT, height = TOP + HEIGHT + BOTTOM;
    fprintf(to, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %zu %zu\" width=\"%zu\" height=\"%zu\" "
            "font-family=\"sans-serif\" font-size=\"11\">\n<style>.grid{stroke:#ddd}.front{stroke:#0a7;fill:none}"
            "circle{fill:#36c}circle.aside{fill:#bbb}text{fill:#333}</style>\n"
            "<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n",
            width, height, width, height);
    for (size_t p = 0; room != NULL && rank != NULL && n > 0 && p < n_panels; p++) {
        const chart c = panel_of(to, p, n, points);
        chart_y_axis(&c, 5, false, "log-loss more than the original's");
        draw_costs(&c, titles[p]);
        find_beaten(n, p, points, room, rank);
        draw_points(&c, p, n, points, rank, room);
    }
    svg_end(to);
    free(room);
    free(rank);
}
