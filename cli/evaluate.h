/*
 * cli/evaluate.h - what `starling evaluate` found, and its three ways to tell
 * it: a table, JSON, a page.
 */
#ifndef CLI_EVALUATE_H
#define CLI_EVALUATE_H

#include <stdio.h>

#include "starling/starling.h"

enum { MAX_BINS = 16, MAX_JUDGED = 2 /* a model, and another beside it */ };

typedef struct evaluate_wishes {
    const char *model, *against, *data, *only, *exclude, *strangers, *report, *answers;
    uint64_t folds, fold, resamples, seed, threads;
    bool has_fold, json;
} evaluate_wishes;

/* Rows of the data set that are judged together. */
typedef struct row_set {
    size_t n, n_objects;
    size_t *rows;           /* of the data set */
    uint32_t *group;        /* by row: its object, numbered from 0 */
    float *points, *days;   /* by row */
} row_set;

/* Figures along an axis. */
typedef struct along {
    const char *name, *title; /* "points", for people */
    size_t n_bins;
    double edges[MAX_BINS + 1]; /* the last may be infinite */
    sl_scores *bins;            /* n_bins */
} along;

enum { SET_WHOLE, SET_VIEWS, N_SETS };

/* How one model did. */
typedef struct judged {
    const char *paths;     /* as the command line has them */
    char *list;            /* the same, cut at the commas */
    const char *path;      /* the first */
    size_t n_models;       /* 1, or one a fold: each answers on the objects that it was not trained on */
    sl_model **models;
    sl_model *model;       /* the first of them: their classes are the same */
    sl_model_info info;    /* of the first; novelty 0 where another has none */
    sl_answers answers[N_SETS];
    sl_scores_input input[N_SETS]; /* borrows from answers and the row sets */
    sl_scores *scores[N_SETS];     /* NULL of an empty set */
    along axes[2];                 /* points, days; of the views where there are any */
    size_t n_strangers;            /* rows of no class that the model knows */
    sl_interval stranger_area;     /* ROC area of the novelty: strangers above the rest; NaN without either */
} judged;

typedef struct evaluation {
    const evaluate_wishes *wishes;
    sl_dataset *data;
    row_set sets[N_SETS]; /* light curves as they are; other views of them (copies 1, 2, ...) */
    row_set strangers;    /* light curves of no class of the model's */
    size_t n_judged;
    judged judged[MAX_JUDGED];
    sl_difference difference[SL_N_FIGURES]; /* the first minus the second, on the first set that has rows */
} evaluation;

/* The set that most is told of: whole light curves where there are any. */
static inline int main_set(const evaluation *e)
{
    return e->sets[SET_WHOLE].n > 0 ? SET_WHOLE : SET_VIEWS;
}
/* The set that the axes are of. */
static inline int axis_set(const evaluation *e)
{
    return e->sets[SET_VIEWS].n > 0 ? SET_VIEWS : SET_WHOLE;
}
const char *set_title(int set);
/* "Log-loss", and a sentence on what it is. */
const char *figure_title(sl_figure figure);
const char *figure_text(sl_figure figure);
/* True where less is better. */
bool figure_is_loss(sl_figure figure);

/* The models of a list between commas, with one set of classes. The exit code, after saying what is wrong. */
int evaluate_open(const char *paths, judged *out);
bool evaluate_same_classes(const judged *a, const sl_model *b);
/* The answers on rows of the data, of one model or of each on its fold. Release in any case. */
int evaluate_answer(const evaluation *e, const judged *j, size_t n, const size_t *rows, unsigned want, sl_answers *out);
void evaluate_close(judged *j);

/* Open, choose, answer, judge. The exit code, after saying what is wrong. Release in any case. */
int evaluate_gather(const evaluate_wishes *wishes, evaluation *out);
void evaluate_release(evaluation *e);

void evaluate_tell_text(FILE *to, const evaluation *e);
/* One JSON object on one line. */
void evaluate_tell_json(FILE *to, const evaluation *e);
/* The answers of the first model, row by row, as CSV. */
void evaluate_tell_answers(FILE *to, const evaluation *e);
/* One page of HTML that needs nothing else. */
void evaluate_tell_html(FILE *to, const evaluation *e);

#endif
