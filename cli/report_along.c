/* Calibration, figures along an axis, and differences between two models. */
#include <math.h>
#include <string.h>

#include "report.h"
#include "svg.h"

static const char *const model_class[MAX_JUDGED] = {"", " other"};

/* ---- reliability ---- */

static void reliability_marks(FILE *to, const chart *c, const sl_reliability *bins, size_t model)
{
    for (int b = 0; b < SL_CALIBRATION_BINS; b++) {
        const sl_reliability *r = &bins[b];
        if (isnan(r->confidence)) continue;
        char class[32];
        const double x = chart_x(c, r->confidence);
        if (!isnan(r->accuracy.low)) {
            snprintf(class, sizeof class, "whisker%s", model_class[model]);
            svg_line(to, x, chart_y(c, r->accuracy.low), x, chart_y(c, r->accuracy.high), class);
        }
        fprintf(to, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\" class=\"dot%s\"><title>%.1f%% of the weight says %.1f%%, and is right in %.1f%%</title></circle>\n",
                x, chart_y(c, r->accuracy.value), 3 + 9 * sqrt(r->share), model_class[model], 100 * r->share,
                100 * r->confidence, 100 * r->accuracy.value);
    }
}

static void share_bars(FILE *to, double left, double top, double width, double height, const sl_reliability *bins)
{
    double most = 0;
    for (int b = 0; b < SL_CALIBRATION_BINS; b++) most = fmax(most, bins[b].share);
    const double step = width / SL_CALIBRATION_BINS;
    for (int b = 0; b < SL_CALIBRATION_BINS; b++) {
        const double h = most > 0 ? height * bins[b].share / most : 0;
        fprintf(to, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" class=\"count\"><title>%.1f%% of the weight</title></rect>\n",
                left + step * b + 1, top + height - h, step - 2, h, 100 * bins[b].share);
    }
}

void report_reliability(FILE *to, const evaluation *e, int set, sl_calibration_kind kind, const char *title)
{
    const chart c = {.to = to, .left = 46, .top = 24, .width = 284, .height = 284, .x0 = 0, .x1 = 1, .y0 = 0, .y1 = 1};
    fputs("<figure>", to);
    svg_begin(to, 348, 402, "Reliability diagram");
    chart_x_axis(&c, 5, true, NULL);
    chart_y_axis(&c, 5, true, "right answers");
    svg_line(to, chart_x(&c, 0), chart_y(&c, 0), chart_x(&c, 1), chart_y(&c, 1), "guide");
    for (size_t m = e->n_judged; m-- > 0;) reliability_marks(to, &c, e->judged[m].scores[set]->reliability[kind], m);
    share_bars(to, c.left, 332, c.width, 34, e->judged[0].scores[set]->reliability[kind]);
    svg_line(to, c.left, 366, c.left + c.width, 366, "base");
    svg_text(to, c.left + c.width / 2, 386, "middle", "label", "what the answer says, and how often");
    svg_end(to);
    const sl_scores *s = e->judged[0].scores[set];
    const sl_interval *ece = &s->figure[SL_FIGURE_ECE + kind];
    fprintf(to, "<figcaption><b>%s</b> Expected calibration error %.1f%%", title, 100 * ece->value);
    if (!isnan(ece->low)) {
        fprintf(to, " (%.1f to %.1f; chance alone gives %.1f on so many)", 100 * ece->low, 100 * ece->high,
                100 * s->ece_floor[kind]);
    }
    fputs(".</figcaption></figure>\n", to);
}

/* ---- along an axis ---- */

/* The highest value, and not much more of its interval. */
static double top_of(const evaluation *e, int axis, sl_figure figure)
{
    double value = 0, high = 0;
    for (size_t m = 0; m < e->n_judged; m++) {
        const along *a = &e->judged[m].axes[axis];
        for (size_t b = 0; b < a->n_bins; b++) {
            const sl_interval *x = &a->bins[b].figure[figure];
            value = fmax(value, x->value); /* passes over NaN */
            high = fmax(high, x->high);
        }
    }
    return fmax(fmin(1.05 * high, 1.6 * value), 1.05 * value);
}

static void along_line(FILE *to, const chart *c, const along *a, sl_figure figure, size_t model)
{
    double x[MAX_BINS], y[MAX_BINS], low[MAX_BINS], high[MAX_BINS];
    for (size_t b = 0; b < a->n_bins; b++) {
        const sl_interval *v = &a->bins[b].figure[figure];
        x[b] = chart_x(c, (double)b + 0.5);
        y[b] = chart_y(c, v->value);
        low[b] = chart_y(c, v->low);
        high[b] = fmax(chart_y(c, v->high), c->top);
        if (isnan(v->high)) high[b] = NAN;
    }
    char class[32];
    snprintf(class, sizeof class, "band%s", model_class[model]);
    svg_band(to, a->n_bins, x, low, high, class);
    snprintf(class, sizeof class, "line%s", model_class[model]);
    svg_path(to, a->n_bins, x, y, class, NULL);
    for (size_t b = 0; b < a->n_bins; b++) {
        if (isnan(y[b])) continue;
        const sl_interval *v = &a->bins[b].figure[figure];
        fprintf(to, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3.5\" class=\"dot%s\"><title>%g%s: %.3f (%.3f to %.3f), %zu rows</title></circle>\n",
                x[b], y[b], model_class[model], a->edges[b], isinf(a->edges[b + 1]) ? " and more" : " and up", v->value,
                v->low, v->high, a->bins[b].n);
    }
}

/* Numbers stand at the edges of the bins, which are as wide as each other. */
static void along_edges(FILE *to, const chart *c, const along *a)
{
    double most = 0, free_from = 0;
    const double bottom = c->top + c->height;
    for (size_t b = 0; b < a->n_bins; b++) most = fmax(most, (double)a->bins[b].n);
    for (size_t b = 0; b < a->n_bins; b++) {
        const double h = 34 * (double)a->bins[b].n / most, x = chart_x(c, (double)b);
        fprintf(to, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" class=\"count\"><title>%zu rows</title></rect>\n",
                x + 1, bottom - h, c->width / (double)a->n_bins - 2, h, a->bins[b].n);
    }
    for (size_t b = 0; b <= a->n_bins; b++) {
        char text[32];
        const double x = chart_x(c, (double)b);
        snprintf(text, sizeof text, "%g", a->edges[b]);
        svg_line(to, x, bottom, x, bottom + 4, "base");
        const double half = isinf(a->edges[b]) ? 5 : 3.7 * (double)strlen(text);
        if (x - half < free_from) continue; /* it would run into the one before */
        svg_text(to, x, bottom + 16, "middle", "tick", isinf(a->edges[b]) ? "\xe2\x88\x9e" : text);
        free_from = x + half + 3;
    }
    svg_line(to, c->left, bottom, c->left + c->width, bottom, "base");
}

void report_along(FILE *to, const evaluation *e, int axis, sl_figure figure)
{
    const along *first = &e->judged[0].axes[axis];
    if (first->n_bins == 0) return;
    const double top = figure_is_loss(figure) ? top_of(e, axis, figure) : 1;
    const chart c = {.to = to, .left = 38, .top = 26, .width = 300, .height = 200, .x0 = 0, .x1 = (double)first->n_bins,
                     .y0 = 0, .y1 = top > 0 ? top : 1};
    fputs("<figure>", to);
    svg_begin(to, 348, 274, figure_title(figure));
    chart_y_axis(&c, 5, false, figure_title(figure));
    along_edges(to, &c, first);
    for (size_t m = e->n_judged; m-- > 0;) along_line(to, &c, &e->judged[m].axes[axis], figure, m);
    svg_text(to, c.left + c.width / 2, c.top + c.height + 36, "middle", "label", first->title);
    svg_end(to);
    fputs("</figure>\n", to);
}

/* ---- two models ---- */

/* Each figure's difference in units of its own deviation, so that one axis serves all. */
void report_differences(FILE *to, const evaluation *e)
{
    fputs("<table class=\"figures\"><tr><th>figure</th><th>this</th><th>other</th><th>difference</th><th>95 % interval</th>"
          "<th>better in</th><th></th></tr>\n", to);
    const int set = main_set(e);
    for (int f = 0; f < SL_N_FIGURES; f++) {
        const sl_difference *d = &e->difference[f];
        const bool loss = figure_is_loss((sl_figure)f);
        const double better = loss ? d->below : 1 - d->below;
        fprintf(to, "<tr><td>%s</td><td>%.4f</td><td>%.4f</td><td>%+.4f</td>", figure_title((sl_figure)f),
                e->judged[0].scores[set]->figure[f].value, e->judged[1].scores[set]->figure[f].value, d->interval.value);
        if (isnan(d->error)) {
            fputs("<td></td><td></td><td></td></tr>\n", to);
            continue;
        }
        fprintf(to, "<td>%+.4f to %+.4f</td><td>%.1f%%</td><td>", d->interval.low, d->interval.high, 100 * better);
        fputs("<svg width=\"170\" height=\"16\" viewBox=\"-5 -8 10 16\" preserveAspectRatio=\"none\" class=\"inline\">"
              "<line x1=\"0\" x2=\"0\" y1=\"-8\" y2=\"8\" class=\"base thin\"/>", to);
        if (d->error > 0) {
            const double sign = loss ? -1 : 1; /* to the right is better */
            const double at = fmax(-4.6, fmin(4.6, sign * d->interval.value / d->error));
            fprintf(to, "<line x1=\"%.2f\" x2=\"%.2f\" y1=\"0\" y2=\"0\" class=\"whisker thin\"/>"
                        "<line x1=\"%.2f\" x2=\"%.2f\" y1=\"-5\" y2=\"5\" class=\"%s thick\"/>",
                    fmax(-5, at - 1.96), fmin(5, at + 1.96), at, at, at >= 0 ? "good" : "bad");
        }
        fputs("</svg></td></tr>\n", to);
    }
    fputs("</table>\n<p class=\"note\">Marks stand at difference / deviation, from -5 to 5 with the interval beside; to the right this "
          "model is better.</p>\n", to);
}
