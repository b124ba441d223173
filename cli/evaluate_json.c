/* What evaluate found, for programs. */
#include <math.h>

#include "evaluate.h"
#include "json.h"

static void put_interval(FILE *to, const char *before, const char *name, const sl_interval *x)
{
    fprintf(to, "%s\"%s\": ", before, name);
    json_number(to, "{", "value", x->value, JSON_ALL_DIGITS);
    json_number(to, ", ", "low", x->low, JSON_ALL_DIGITS);
    json_number(to, ", ", "high", x->high, JSON_ALL_DIGITS);
    fputc('}', to);
}

static void put_figures(FILE *to, const sl_scores *s)
{
    fprintf(to, ", \"figures\": {");
    for (int f = 0; f < SL_N_FIGURES; f++) {
        put_interval(to, f > 0 ? ", " : "", sl_figure_name((sl_figure)f), &s->figure[f]);
    }
    fputc('}', to);
}

static void put_classes(FILE *to, const sl_scores *s, const sl_contract *contract)
{
    fprintf(to, ", \"classes\": [");
    for (uint32_t k = 0; k < s->n_classes; k++) {
        const sl_class_scores *c = &s->of_class[k];
        json_text(to, k > 0 ? ", {" : "{", "class", contract->classes[k].name);
        fprintf(to, ", \"rows\": %llu, \"answers\": %llu", (unsigned long long)c->n, (unsigned long long)c->answered);
        for (int f = 0; f < SL_N_CLASS_FIGURES; f++) {
            put_interval(to, ", ", sl_class_figure_name((sl_class_figure)f), &c->figure[f]);
        }
        fputc('}', to);
    }
    fputc(']', to);
}

static void put_confusion(FILE *to, const sl_scores *s)
{
    fprintf(to, ", \"confusion\": [");
    for (uint32_t t = 0; t < s->n_classes; t++) {
        fputs(t > 0 ? ", [" : "[", to);
        for (uint32_t a = 0; a < s->n_classes; a++) {
            fprintf(to, "%s%llu", a > 0 ? ", " : "", (unsigned long long)s->confusion[t][a]);
        }
        fputc(']', to);
    }
    fputc(']', to);
}

static void put_reliability(FILE *to, const sl_scores *s)
{
    static const char *const kinds[SL_N_CALIBRATIONS] = {"width", "mass", "balanced", "shares"};
    fprintf(to, ", \"reliability\": {");
    for (int c = 0; c < SL_N_CALIBRATIONS; c++) {
        fprintf(to, "%s\"%s\": {", c > 0 ? ", " : "", kinds[c]);
        json_number(to, "", "error_by_chance", s->ece_floor[c], JSON_ALL_DIGITS);
        fprintf(to, ", \"bins\": [");
        for (int b = 0; b < SL_CALIBRATION_BINS; b++) {
            const sl_reliability *bin = &s->reliability[c][b];
            json_number(to, b > 0 ? ", {" : "{", "share", bin->share, JSON_ALL_DIGITS);
            json_number(to, ", ", "confidence", bin->confidence, JSON_ALL_DIGITS);
            put_interval(to, ", ", "accuracy", &bin->accuracy);
            fputc('}', to);
        }
        fprintf(to, "]}");
    }
    fputc('}', to);
}

static void put_set(FILE *to, const evaluation *e, const judged *j, int set, const char *name)
{
    const sl_scores *s = j->scores[set];
    fprintf(to, ", \"%s\": ", name);
    if (s == NULL) {
        fputs("null", to);
        return;
    }
    fprintf(to, "{\"rows\": %zu, \"objects\": %zu", e->sets[set].n, e->sets[set].n_objects);
    put_figures(to, s);
    put_classes(to, s, sl_model_contract(j->model));
    put_confusion(to, s);
    put_reliability(to, s);
    fputc('}', to);
}

static void put_along(FILE *to, const along *a)
{
    fprintf(to, ", \"by_%s\": [", a->name);
    for (size_t b = 0; b < a->n_bins; b++) {
        json_number(to, b > 0 ? ", {" : "{", "from", a->edges[b], JSON_ALL_DIGITS);
        json_number(to, ", ", "to", a->edges[b + 1], JSON_ALL_DIGITS); /* null: no end */
        fprintf(to, ", \"rows\": %zu", a->bins[b].n);
        put_figures(to, &a->bins[b]);
        fputc('}', to);
    }
    fputc(']', to);
}

static void put_judged(FILE *to, const evaluation *e, const judged *j)
{
    json_text(to, "{", "path", j->path);
    json_text(to, ", ", "model", sl_model_id(j->model));
    if (j->n_models > 1) {
        fprintf(to, ", \"folds\": [");
        for (size_t m = 0; m < j->n_models; m++) {
            sl_model_info info;
            sl_model_describe(j->models[m], &info);
            json_text(to, m > 0 ? ", {" : "{", "model", sl_model_id(j->models[m]));
            json_number(to, ", ", "temperature", (double)info.temperature, JSON_ALL_DIGITS);
            fputc('}', to);
        }
        fputc(']', to);
    }
    fprintf(to, ", \"parameters\": %zu, \"bytes\": %zu", j->info.n_parameters, j->info.file_bytes);
    json_number(to, ", ", "temperature", (double)j->info.temperature, JSON_ALL_DIGITS);
    json_text(to, ", ", "novelty", sl_novelty_name(j->info.novelty));
    put_set(to, e, j, SET_WHOLE, "whole");
    put_set(to, e, j, SET_VIEWS, "views");
    json_text(to, ", ", "axes_of", axis_set(e) == SET_WHOLE ? "whole" : "views");
    put_along(to, &j->axes[0]);
    put_along(to, &j->axes[1]);
    fprintf(to, ", \"strangers\": %zu", j->n_strangers);
    put_interval(to, ", ", "stranger_roc_area", &j->stranger_area);
    fputc('}', to);
}

static void put_difference(FILE *to, const evaluation *e)
{
    fprintf(to, ", \"difference\": {");
    json_text(to, "", "of", main_set(e) == SET_WHOLE ? "whole" : "views");
    for (int f = 0; f < SL_N_FIGURES; f++) {
        const sl_difference *d = &e->difference[f];
        fprintf(to, ", \"%s\": {", sl_figure_name((sl_figure)f));
        json_number(to, "", "value", d->interval.value, JSON_ALL_DIGITS);
        json_number(to, ", ", "low", d->interval.low, JSON_ALL_DIGITS);
        json_number(to, ", ", "high", d->interval.high, JSON_ALL_DIGITS);
        json_number(to, ", ", "deviation", d->error, JSON_ALL_DIGITS);
        json_number(to, ", ", "lower_in", d->below, JSON_ALL_DIGITS);
        fputc('}', to);
    }
    fputc('}', to);
}

void evaluate_tell_json(FILE *to, const evaluation *e)
{
    const evaluate_wishes *w = e->wishes;
    fprintf(to, "{\"data\": ");
    json_text(to, "{", "path", w->data);
    json_text(to, ", ", "id", sl_dataset_id(e->data));
    if (w->has_fold) {
        fprintf(to, ", \"fold\": %llu, \"folds\": %llu", (unsigned long long)w->fold, (unsigned long long)w->folds);
    }
    fprintf(to, "}, \"resamples\": %llu, \"seed\": %llu, \"models\": [", (unsigned long long)w->resamples,
            (unsigned long long)w->seed);
    for (size_t i = 0; i < e->n_judged; i++) {
        if (i > 0) fprintf(to, ", ");
        put_judged(to, e, &e->judged[i]);
    }
    fputc(']', to);
    if (e->n_judged > 1) put_difference(to, e);
    fprintf(to, "}\n");
}
