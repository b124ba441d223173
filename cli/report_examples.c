/* Light curves as the network sees them: the surest right answers, and the surest wrong ones. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"
#include "svg.h"

enum { PANEL_WIDTH = 196, PANEL_HEIGHT = 96, MAX_EXAMPLES = 20, MAX_WRONG = 10 };

/* What is drawn of a light curve: `n` lines or dots of one band. */
typedef struct trace {
    size_t n;
    double *x, *y; /* MAX_STEPS_DRAWN */
} trace;
enum { MAX_STEPS_DRAWN = 4200 };

/* Colours of bands from blue to red, by their place among them. */
static int band_color(size_t band, size_t n_bands)
{
    return n_bands < 2 ? 2 : (int)lround(5.0 * (double)band / (double)(n_bands - 1));
}

/* The scaled mean of a channel over the steps of a grid. */
static void grid_trace(const sl_contract *c, const float *input, size_t channel, trace *t)
{
    const size_t steps = c->gp.grid_length, channels = sl_contract_input_channels(c);
    t->n = 0;
    for (size_t i = 0; i < steps && t->n < MAX_STEPS_DRAWN; i++) {
        t->x[t->n] = (double)i;
        t->y[t->n++] = (double)input[i * channels + channel];
    }
}

/* The nights of a band: flux over the days. */
static void night_trace(const sl_contract *c, const float *input, size_t band, trace *t)
{
    const size_t channels = sl_contract_input_channels(c);
    const size_t gap = 3 * c->n_bands + ((c->planes & SL_PLANE_ASINH) != 0 ? c->n_bands : 0);
    double day = 0;
    t->n = 0;
    for (size_t i = 0; i < c->max_nights && t->n < MAX_STEPS_DRAWN; i++) {
        const float *row = input + i * channels;
        day += expm1((double)row[gap]);
        if (row[3 * band + 2] == 0) continue;
        t->x[t->n] = day;
        t->y[t->n++] = (double)row[3 * band];
    }
}

static void put_trace(FILE *to, const chart *c, const trace *t, int color, bool dots)
{
    char class[32];
    if (dots) {
        for (size_t i = 0; i < t->n; i++) {
            fprintf(to, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"1.8\" class=\"b%d\"/>", chart_x(c, t->x[i]),
                    chart_y(c, t->y[i]), color);
        }
        return;
    }
    for (size_t i = 0; i < t->n; i++) {
        t->x[i] = chart_x(c, t->x[i]);
        t->y[i] = chart_y(c, t->y[i]);
    }
    snprintf(class, sizeof class, "trace b%d", color);
    svg_path(to, t->n, t->x, t->y, class, NULL);
}

static void widen(chart *c, const trace *t)
{
    for (size_t i = 0; i < t->n; i++) {
        c->x0 = fmin(c->x0, t->x[i]);
        c->x1 = fmax(c->x1, t->x[i]);
        c->y0 = fmin(c->y0, t->y[i]);
        c->y1 = fmax(c->y1, t->y[i]);
    }
}

static void draw_curve(FILE *to, const sl_contract *contract, const float *input, trace *t)
{
    const bool nights = contract->sees == SL_SEES_NIGHTS;
    const size_t channels = nights ? contract->n_bands : sl_contract_grid_channels(contract);
    const size_t n = contract->sees == SL_SEES_FEATURES ? 0 : channels; /* of those there is no curve to draw */
    chart c = {.to = to, .left = 3, .top = 4, .width = PANEL_WIDTH - 6, .height = PANEL_HEIGHT - 8, .x0 = 0, .x1 = 1e-9,
               .y0 = 0, .y1 = 1e-9};
    for (size_t b = 0; b < n; b++) {
        (nights ? night_trace : grid_trace)(contract, input, b, t);
        widen(&c, t);
    }
    svg_begin(to, PANEL_WIDTH, PANEL_HEIGHT, "light curve");
    svg_line(to, c.left, chart_y(&c, 0), c.left + c.width, chart_y(&c, 0), "grid");
    for (size_t b = 0; b < n; b++) {
        (nights ? night_trace : grid_trace)(contract, input, b, t);
        put_trace(to, &c, t, band_color(b, n), nights);
    }
    svg_end(to);
}

/* ---- which ---- */

typedef struct found {
    size_t i; /* row of the set */
    float p;  /* of the answer */
} found;

/* The surest row of each class that is right. */
static size_t find_right(const sl_answers *a, found *to)
{
    size_t n = 0;
    for (uint32_t k = 0; k < a->n_classes && n < MAX_EXAMPLES; k++) {
        found best = {0, -1};
        for (size_t i = 0; i < a->n; i++) {
            const float p = a->p[i * a->n_classes + k];
            if (a->label[i] == k && p > 0.5f && p > best.p) best = (found){i, p};
        }
        if (best.p >= 0) to[n++] = best;
    }
    return n;
}

static int by_falling_p(const void *a, const void *b)
{
    const found *x = a, *y = b;
    if (x->p != y->p) return x->p < y->p ? 1 : -1;
    return x->i < y->i ? -1 : 1;
}

static uint32_t answer_of(const sl_answers *a, size_t i)
{
    uint32_t best = 0;
    for (uint32_t k = 1; k < a->n_classes; k++) {
        if (a->p[i * a->n_classes + k] > a->p[i * a->n_classes + best]) best = k;
    }
    return best;
}

/* The surest wrong rows, each pair of truth and answer once. */
static size_t find_wrong(const sl_answers *a, found *to)
{
    found *all = malloc((a->n + 1) * sizeof *all);
    bool *seen = calloc(SL_MAX_CLASSES * SL_MAX_CLASSES, sizeof *seen);
    size_t n_all = 0, n = 0;
    for (size_t i = 0; all != NULL && i < a->n; i++) {
        const uint32_t answer = answer_of(a, i);
        if (answer != a->label[i]) all[n_all++] = (found){i, a->p[i * a->n_classes + answer]};
    }
    if (n_all > 0) qsort(all, n_all, sizeof *all, by_falling_p);
    for (size_t i = 0; seen != NULL && i < n_all && n < MAX_WRONG; i++) {
        bool *pair = &seen[a->label[all[i].i] * SL_MAX_CLASSES + answer_of(a, all[i].i)];
        if (!*pair) to[n++] = all[i];
        *pair = true;
    }
    free(all);
    free(seen);
    return n;
}

/* ---- panels ---- */

static void panel(FILE *to, const evaluation *e, int set, const found *f, float *room, trace *t)
{
    const judged *j = &e->judged[0];
    const sl_answers *a = &j->answers[set];
    const sl_class *classes = sl_model_contract(j->model)->classes;
    const size_t i = e->sets[set].rows[f->i];
    const uint32_t answer = answer_of(a, f->i);
    sl_dataset_row row;
    sl_dataset_get(e->data, i, &row);
    fputs("<figure class=\"panel\">", to);
    draw_curve(to, sl_dataset_contract(e->data), sl_dataset_input(e->data, i, room), t);
    fputs("<figcaption><b>", to);
    html_text(to, classes[a->label[f->i]].name);
    fputs("</b>", to);
    if (answer != a->label[f->i]) {
        fputs(" \xe2\x86\x92 <b class=\"wrong\">", to);
        html_text(to, classes[answer].name);
        fputs("</b>", to);
    }
    fprintf(to, " %.0f%%<br><span>", 100 * (double)f->p);
    html_bytes(to, row.object_id.ptr, row.object_id.len < 24 ? row.object_id.len : 24);
    fprintf(to, ", %u points, %.0f d</span></figcaption></figure>\n", row.n_points, (double)row.days);
}

static void panels(FILE *to, const evaluation *e, int set, const char *title, size_t n, const found *all, float *room,
                   trace *t)
{
    if (n == 0) return;
    fprintf(to, "<h3>%s</h3><div class=\"panels\">\n", title);
    for (size_t i = 0; i < n; i++) panel(to, e, set, &all[i], room, t);
    fputs("</div>\n", to);
}

void report_examples(FILE *to, const evaluation *e, int set)
{
    const sl_contract *c = sl_dataset_contract(e->data);
    found right[MAX_EXAMPLES], wrong[MAX_WRONG];
    trace t = {0, malloc(MAX_STEPS_DRAWN * sizeof *t.x), malloc(MAX_STEPS_DRAWN * sizeof *t.y)};
    float *room = malloc(sl_contract_input_floats(c) * sizeof *room);
    if (t.x != NULL && t.y != NULL && room != NULL) {
        const size_t n_right = find_right(&e->judged[0].answers[set], right);
        const size_t n_wrong = find_wrong(&e->judged[0].answers[set], wrong);
        fputs("<p class=\"note\">As the network sees them, bands from blue to red", to);
        for (uint32_t b = 0; b < c->n_bands; b++) {
            fprintf(to, " <b class=\"t%d\">", band_color(b, c->n_bands));
            html_text(to, c->bands[b].name);
            fputs("</b>", to);
        }
        fputs(".</p>", to);
        panels(to, e, set, "Sure, and right", n_right, right, room, &t);
        panels(to, e, set, "Sure, and wrong", n_wrong, wrong, room, &t);
    }
    free(t.x);
    free(t.y);
    free(room);
}
