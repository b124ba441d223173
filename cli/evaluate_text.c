/* What evaluate found, for people at a terminal. */
#include <math.h>
#include <string.h>

#include "commands.h"
#include "evaluate.h"

const char *set_title(int set)
{
    return set == SET_WHOLE ? "whole light curves" : "views";
}

/* In the order of sl_figure. */
static const struct {
    const char *title, *text;
    bool loss;
} figures[SL_N_FIGURES] = {
    {"Log-loss", "every class counts the same", true},
    {"Log-loss, Kaggle", "PLAsTiCC's classes 15 and 64 count twice", true},
    {"Log-loss by row", "every row counts the same", true},
    {"Accuracy", "right answers of all", false},
    {"Mean recall", "accuracy were all classes as frequent", false},
    {"Mean F1", "mean over classes", false},
    {"ROC area", "one class against the rest, mean over classes", false},
    {"PR area", "average precision, mean over classes", false},
    {"Calibration error", "15 bins of equal width", true},
    {"Calibration error, even bins", "15 bins of as many rows each", true},
    {"Calibration error, balanced", "15 bins of equal width, every class counts the same", true},
    {"Calibration error, shares", "15 bins of equal width, p times the classes' shares of the set", true},
};

const char *figure_title(sl_figure figure)
{
    return figures[figure].title;
}

const char *figure_text(sl_figure figure)
{
    return figures[figure].text;
}

bool figure_is_loss(sl_figure figure)
{
    return figures[figure].loss;
}

/* A number in a column of that width; a dash where there is none. */
static void put(FILE *to, int width, int digits, double x)
{
    if (isnan(x)) {
        fprintf(to, "%*s", width, "-");
    } else {
        fprintf(to, "%*.*f", width, digits, x);
    }
}

static void put_range(FILE *to, const sl_interval *x, int digits)
{
    if (isnan(x->low)) {
        fprintf(to, "   %15s", "");
        return;
    }
    char text[64];
    snprintf(text, sizeof text, "%.*f to %.*f", digits, x->low, digits, x->high);
    fprintf(to, "   %-15s", text);
}

static void print_figures(FILE *to, const judged *j, int set)
{
    const sl_scores *s = j->scores[set];
    fprintf(to, "  %-30s %7s   %-15s\n", "", "value", "95 % interval");
    for (int f = 0; f < SL_N_FIGURES; f++) {
        fprintf(to, "  %-30s ", figures[f].title);
        put(to, 7, 4, s->figure[f].value);
        put_range(to, &s->figure[f], 3);
        fprintf(to, "  %s", figures[f].text);
        const int calibration = f - SL_FIGURE_ECE;
        if (calibration >= 0 && !isnan(s->ece_floor[calibration])) {
            fprintf(to, "; %.3f by chance alone", s->ece_floor[calibration]);
        }
        fputc('\n', to);
    }
}

static void print_classes(FILE *to, const judged *j, int set)
{
    const sl_scores *s = j->scores[set];
    const sl_contract *contract = sl_model_contract(j->model);
    fprintf(to, "\n  %-16s %7s %7s  %9s %7s %6s %9s   %-14s %8s %8s\n", "class", "rows", "answers", "precision", "recall",
            "F1", "log-loss", "95 % interval", "ROC area", "PR area");
    for (uint32_t k = 0; k < s->n_classes; k++) {
        const sl_class_scores *c = &s->of_class[k];
        fprintf(to, "  %-16s %7llu %7llu ", contract->classes[k].name, (unsigned long long)c->n, (unsigned long long)c->answered);
        put(to, 10, 3, c->figure[SL_CLASS_PRECISION].value);
        put(to, 8, 3, c->figure[SL_CLASS_RECALL].value);
        put(to, 7, 3, c->figure[SL_CLASS_F1].value);
        put(to, 10, 3, c->figure[SL_CLASS_LOG_LOSS].value);
        put_range(to, &c->figure[SL_CLASS_LOG_LOSS], 2);
        put(to, 8, 3, c->figure[SL_CLASS_ROC_AREA].value);
        put(to, 9, 3, c->figure[SL_CLASS_PR_AREA].value);
        fputc('\n', to);
    }
}

/* Rows are the truth: per cent of its row. */
static void print_confusion(FILE *to, const judged *j, int set)
{
    const sl_scores *s = j->scores[set];
    const sl_contract *contract = sl_model_contract(j->model);
    enum { MOST = 24 };
    if (s->n_classes > MOST) return;
    fprintf(to, "\n  truth below, answer across by the class's number, in %%\n  %-19s", "");
    for (uint32_t k = 0; k < s->n_classes; k++) fprintf(to, " %4u", k + 1);
    fputc('\n', to);
    for (uint32_t t = 0; t < s->n_classes; t++) {
        if (s->of_class[t].n == 0) continue;
        fprintf(to, "  %2u %-16s", t + 1, contract->classes[t].name);
        for (uint32_t a = 0; a < s->n_classes; a++) {
            const double share = 100 * (double)s->confusion[t][a] / (double)s->of_class[t].n;
            if (s->confusion[t][a] == 0) {
                fprintf(to, " %4s", t == a ? "0" : ".");
            } else {
                fprintf(to, " %4.0f", share);
            }
        }
        fputc('\n', to);
    }
}

static void print_along(FILE *to, const along *a)
{
    if (a->n_bins == 0) return;
    fprintf(to, "\n  %-28s %7s %8s   %-15s %8s   %-15s %7s\n", a->title, "rows", "log-loss", "95 % interval", "accuracy",
            "95 % interval", "mean F1");
    for (size_t b = 0; b < a->n_bins; b++) {
        const sl_scores *s = &a->bins[b];
        char range[64];
        if (isinf(a->edges[b + 1])) {
            snprintf(range, sizeof range, "%g and more", a->edges[b]);
        } else {
            snprintf(range, sizeof range, "%g to below %g", a->edges[b], a->edges[b + 1]);
        }
        fprintf(to, "  %-28s %7zu ", range, s->n);
        put(to, 8, 3, s->figure[SL_FIGURE_LOG_LOSS].value);
        put_range(to, &s->figure[SL_FIGURE_LOG_LOSS], 2);
        put(to, 8, 3, s->figure[SL_FIGURE_ACCURACY].value);
        put_range(to, &s->figure[SL_FIGURE_ACCURACY], 2);
        put(to, 8, 3, s->figure[SL_FIGURE_F1].value);
        fputc('\n', to);
    }
}

static void print_judged(FILE *to, const evaluation *e, const judged *j)
{
    char count[32];
    fprintf(to, "%s: model %s, %s weights, temperature %g, novelty %s\n", j->path, sl_model_id(j->model),
            show_count(j->info.n_parameters, count), (double)j->info.temperature, sl_novelty_name(j->info.novelty));
    if (j->n_models > 1) {
        fprintf(to, "and %zu more; each answers on the fold of %zu that it was not trained on\n", j->n_models - 1, j->n_models);
    }
    for (int s = 0; s < N_SETS; s++) {
        if (j->scores[s] == NULL) continue;
        char rows[32], objects[32];
        fprintf(to, "\n%s: %s of %s objects\n", set_title(s), show_count(e->sets[s].n, rows),
                show_count(e->sets[s].n_objects, objects));
        print_figures(to, j, s);
        print_classes(to, j, s);
        if (s == main_set(e)) print_confusion(to, j, s);
    }
    fprintf(to, "\nof the %s\n", set_title(axis_set(e)));
    print_along(to, &j->axes[0]);
    print_along(to, &j->axes[1]);
    if (j->n_strangers > 0) {
        fprintf(to, "\n  %zu light curves of no class that the model knows", j->n_strangers);
        if (!isnan(j->stranger_area.value)) {
            fprintf(to, "; novelty tells them with a ROC area of %.3f", j->stranger_area.value);
            if (!isnan(j->stranger_area.low)) fprintf(to, " (%.3f to %.3f)", j->stranger_area.low, j->stranger_area.high);
        }
        fputc('\n', to);
    }
}

static void print_difference(FILE *to, const evaluation *e)
{
    fprintf(to, "\n%s minus %s, the same rows in each resample (%s)\n", e->judged[0].paths, e->judged[1].paths,
            set_title(main_set(e)));
    fprintf(to, "  %-30s %10s %10s   %-17s %8s\n", "", "difference", "deviation", "95 % interval", "better in");
    for (int f = 0; f < SL_N_FIGURES; f++) {
        const sl_difference *d = &e->difference[f];
        fprintf(to, "  %-30s %+10.4f", figures[f].title, d->interval.value);
        if (!isnan(d->error)) {
            char range[64];
            snprintf(range, sizeof range, "%+.3f to %+.3f", d->interval.low, d->interval.high);
            fprintf(to, " %10.4f   %-17s %6.1f %%", d->error, range, 100 * (figures[f].loss ? d->below : 1 - d->below));
        }
        fputc('\n', to);
    }
}

void evaluate_tell_text(FILE *to, const evaluation *e)
{
    for (size_t i = 0; i < e->n_judged; i++) {
        if (i > 0) fputc('\n', to);
        print_judged(to, e, &e->judged[i]);
    }
    if (e->n_judged > 1) print_difference(to, e);
}
