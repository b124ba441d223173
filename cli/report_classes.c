/* What a model makes of each class: confusion, bars, curves. */
#include <math.h>
#include <stdlib.h>

#include "report.h"
#include "svg.h"

/* ---- confusion ---- */

static void confusion_cell(FILE *to, const char *truth, const char *answer, bool right, double x, double y, double size,
                           uint64_t n, uint64_t of)
{
    const double share = of > 0 ? (double)n / (double)of : 0;
    fprintf(to, "<g><title>");
    html_text(to, truth);
    fprintf(to, " taken for ");
    html_text(to, answer);
    fprintf(to, ": %llu of %llu (%.1f%%)</title>", (unsigned long long)n, (unsigned long long)of, 100 * share);
    /* The root lets rare confusions be seen; every cell has a faint ground. */
    fprintf(to, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" rx=\"3\" class=\"cell\"/>", x + 1, y + 1, size - 2,
            size - 2);
    if (n > 0) {
        fprintf(to, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" rx=\"3\" class=\"%s\" fill-opacity=\"%.3f\"/>",
                x + 1, y + 1, size - 2, size - 2, right ? "hit" : "miss", 0.08 + 0.92 * sqrt(share));
    }
    if (n > 0 && size >= 24) {
        fprintf(to, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\" class=\"%s\">%.0f</text>", x + size / 2,
                y + size / 2 + 4, share > (right ? 0.25 : 0.45) ? "in" : "out", 100 * share);
    }
    fputs("</g>\n", to);
}

void report_confusion(FILE *to, const judged *j, const sl_scores *s)
{
    const sl_class *classes = sl_model_contract(j->model)->classes;
    const uint32_t n = s->n_classes;
    const double size = fmin(38, fmax(10, 560.0 / n)), left = 112, top = 6;
    svg_begin(to, left + size * n + 46, top + size * n + 84, "Confusion matrix: truth by row, answer by column");
    for (uint32_t t = 0; t < n; t++) {
        const double y = top + size * t;
        char count[32];
        snprintf(count, sizeof count, "%llu", (unsigned long long)s->of_class[t].n);
        svg_text(to, left - 8, y + size / 2 + 4, "end", s->of_class[t].n > 0 ? "name" : "tick", classes[t].name);
        svg_text(to, left + size * n + 8, y + size / 2 + 4, "start", "tick", count);
        for (uint32_t a = 0; a < n; a++) {
            confusion_cell(to, classes[t].name, classes[a].name, t == a, left + size * a, y, size, s->confusion[t][a],
                           s->of_class[t].n);
        }
    }
    const double bottom = top + size * n;
    for (uint32_t a = 0; a < n; a++) {
        const double x = left + size * (a + 0.5) + 4;
        fprintf(to, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\" class=\"name\" transform=\"rotate(-42 %.1f %.1f)\">", x,
                bottom + 14, x, bottom + 14);
        html_text(to, classes[a].name);
        fputs("</text>\n", to);
    }
    svg_end(to);
}

/* ---- bars ---- */

static void whisker(FILE *to, const chart *c, const sl_interval *x, double y, const char *class)
{
    if (isnan(x->low)) return;
    svg_line(to, chart_x(c, x->low), y, chart_x(c, x->high), y, class);
}

static void mark(FILE *to, const chart *c, double value, double y, double r, const char *class, const char *title)
{
    if (isnan(value)) return;
    fprintf(to, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\" class=\"%s\"><title>%s %.3f</title></circle>\n",
            chart_x(c, value), y, r, class, title, value);
}

/* F1 as a bar with its interval; precision and recall, of a model alone, as dots. */
void report_class_bars(FILE *to, const evaluation *e, int set)
{
    const sl_class *classes = sl_model_contract(e->judged[0].model)->classes;
    const uint32_t n = e->judged[0].info.n_classes;
    const double row = fmin(38, fmax(20, 560.0 / n));
    const chart c = {.to = to, .left = 112, .top = 24, .width = 246, .height = row * n, .x0 = 0, .x1 = 1, .y0 = 0, .y1 = 1};
    svg_begin(to, 376, c.top + c.height + 44, "F1, precision and recall of each class");
    chart_x_axis(&c, 5, false, "F1");
    for (uint32_t k = 0; k < n; k++) {
        const double y = c.top + row * (k + 0.5), thick = e->n_judged > 1 ? row * 0.3 : row * 0.5;
        svg_text(to, c.left - 8, y + 4, "end", "name", classes[k].name);
        for (size_t m = 0; m < e->n_judged; m++) {
            const sl_class_scores *s = &e->judged[m].scores[set]->of_class[k];
            const sl_interval *f1 = &s->figure[SL_CLASS_F1];
            if (isnan(f1->value)) continue;
            const double at = y + (e->n_judged > 1 ? (m == 0 ? -0.18 : 0.18) * row : 0);
            fprintf(to, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" rx=\"2\" class=\"%s\"><title>F1 %.3f</title></rect>\n",
                    c.left, at - thick / 2, c.width * f1->value, thick, m == 0 ? "bar" : "bar other", f1->value);
            whisker(to, &c, f1, at, "whisker");
            if (e->n_judged > 1) continue;
            mark(to, &c, s->figure[SL_CLASS_PRECISION].value, at, 4, "precision", "precision");
            mark(to, &c, s->figure[SL_CLASS_RECALL].value, at, 4, "recall", "recall");
        }
    }
    if (e->n_judged == 1) {
        fprintf(to, "<circle cx=\"%.1f\" cy=\"9\" r=\"4\" class=\"precision\"/><circle cx=\"%.1f\" cy=\"9\" r=\"4\" class=\"recall\"/>",
                c.left + 8, c.left + 96);
        svg_text(to, c.left + 17, 13, "start", "tick", "precision");
        svg_text(to, c.left + 105, 13, "start", "tick", "recall");
    }
    svg_end(to);
}

/* ---- curves ---- */

enum { CURVE_POINTS = 200 };

static void curve_chart(FILE *to, const judged *j, int set, sl_curve curve)
{
    const sl_class *classes = sl_model_contract(j->model)->classes;
    const chart c = {.to = to, .left = 46, .top = 24, .width = 330, .height = 330, .x0 = 0, .x1 = 1, .y0 = 0, .y1 = 1};
    svg_begin(to, 392, 400, curve == SL_CURVE_ROC ? "ROC curves" : "Precision and recall curves");
    chart_x_axis(&c, 5, false, curve == SL_CURVE_ROC ? "false positive rate" : "recall");
    chart_y_axis(&c, 5, false, curve == SL_CURVE_ROC ? "true positive rate" : "precision");
    if (curve == SL_CURVE_ROC) svg_line(to, chart_x(&c, 0), chart_y(&c, 0), chart_x(&c, 1), chart_y(&c, 1), "guide");
    for (uint32_t k = 0; k < j->info.n_classes; k++) {
        float x[CURVE_POINTS], y[CURVE_POINTS];
        double px[CURVE_POINTS], py[CURVE_POINTS];
        size_t n;
        if (sl_scores_curve(&j->input[set], k, curve, CURVE_POINTS, x, y, &n, NULL) < 0 || n == 0) continue;
        for (size_t i = 0; i < n; i++) {
            px[i] = chart_x(&c, (double)x[i]);
            py[i] = chart_y(&c, (double)y[i]);
        }
        char class[48];
        snprintf(class, sizeof class, "curve k k%u s%u", k, k % CLASS_COLORS);
        svg_path(to, n, px, py, class, classes[k].name);
    }
    svg_end(to);
}

/* Both charts and their key; who points at a class in the key sees it alone. */
void report_curves(FILE *to, const judged *j, int set)
{
    const sl_class *classes = sl_model_contract(j->model)->classes;
    const sl_scores *s = j->scores[set];
    fputs("<style>", to);
    for (uint32_t k = 0; k < s->n_classes; k++) {
        fprintf(to, ".curves:has(.k%u:hover) .k:not(.k%u){opacity:.1}", k, k);
    }
    fputs("</style>\n<div class=\"curves row\"><figure>", to);
    curve_chart(to, j, set, SL_CURVE_ROC);
    fputs("</figure><figure>", to);
    curve_chart(to, j, set, SL_CURVE_PR);
    fputs("</figure>\n<table class=\"key\"><tr><th></th><th>class</th><th>ROC</th><th>PR</th></tr>\n", to);
    for (uint32_t k = 0; k < s->n_classes; k++) {
        const sl_class_scores *c = &s->of_class[k];
        if (c->n == 0) continue;
        fprintf(to, "<tr class=\"k k%u\"><td><svg width=\"18\" height=\"10\"><line x1=\"0\" y1=\"5\" x2=\"18\" y2=\"5\" class=\"curve s%u\"/></svg></td><td>",
                k, k % CLASS_COLORS);
        html_text(to, classes[k].name);
        fprintf(to, "</td><td>%.3f</td><td>%.3f</td></tr>\n", c->figure[SL_CLASS_ROC_AREA].value, c->figure[SL_CLASS_PR_AREA].value);
    }
    fputs("</table></div>\n", to);
}
