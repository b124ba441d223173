/* Which rows are judged, and what the models make of them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "evaluate.h"
#include "ids.h"

static const char command[] = "evaluate";

static int out_of_memory(void)
{
    fprintf(stderr, "starling %s: out of memory\n", command);
    return EXIT_INTERNAL;
}

/* ---- rows ---- */

static bool has_class(const sl_contract *contract, const char *name)
{
    for (uint32_t k = 0; k < contract->n_classes; k++) {
        if (strcmp(contract->classes[k].name, name) == 0) return true;
    }
    return false;
}

static int new_set(row_set *s, size_t most)
{
    *s = (row_set){.rows = calloc(most + 1, sizeof *s->rows), .group = calloc(most + 1, sizeof *s->group),
                   .points = calloc(most + 1, sizeof *s->points), .days = calloc(most + 1, sizeof *s->days)};
    return s->rows != NULL && s->group != NULL && s->points != NULL && s->days != NULL ? EXIT_WELL : out_of_memory();
}

static void free_set(row_set *s)
{
    free(s->rows);
    free(s->group);
    free(s->points);
    free(s->days);
}

/* Rows of an object stand together, so that its number changes where the object does. */
static void add_row(row_set *s, size_t i, const sl_dataset_row *row, uint32_t *last_object)
{
    if (s->n == 0 || row->object != *last_object) s->n_objects++;
    *last_object = row->object;
    s->rows[s->n] = i;
    s->group[s->n] = (uint32_t)(s->n_objects - 1);
    s->points[s->n] = (float)row->n_points;
    s->days[s->n] = row->days;
    s->n++;
}

static int choose_rows(evaluation *e)
{
    const evaluate_wishes *w = e->wishes;
    const sl_contract *mine = sl_model_contract(e->judged[0].model), *theirs = sl_dataset_contract(e->data);
    const size_t n = sl_dataset_rows(e->data);
    bool *leave_out = NULL, *strangers = NULL;
    uint32_t last[N_SETS + 1] = {0};
    int code = ids_choose(command, w->exclude, w->only, e->data, &leave_out);
    if (code == EXIT_WELL) code = ids_choose(command, w->strangers, NULL, e->data, &strangers);
    for (int s = 0; s < N_SETS && code == EXIT_WELL; s++) code = new_set(&e->sets[s], n);
    if (code == EXIT_WELL) code = new_set(&e->strangers, n);
    for (size_t i = 0; i < n && code == EXIT_WELL; i++) {
        sl_dataset_row row;
        sl_dataset_get(e->data, i, &row);
        if (leave_out != NULL && leave_out[row.object]) continue;
        const bool strange = strangers != NULL && strangers[row.object]; /* no network has seen it: in no fold */
        if (!strange && w->has_fold && sl_train_fold(row.object_id, (uint32_t)w->folds) != w->fold) continue;
        const bool known = !strange && row.label >= 0 && has_class(mine, theirs->classes[row.label].name);
        const int set = row.copy == 0 ? SET_WHOLE : SET_VIEWS;
        if (known) {
            add_row(&e->sets[set], i, &row, &last[set]);
        } else if (set == SET_WHOLE) {
            add_row(&e->strangers, i, &row, &last[N_SETS]);
        }
    }
    free(leave_out);
    free(strangers);
    if (code == EXIT_WELL && e->sets[SET_WHOLE].n + e->sets[SET_VIEWS].n == 0) {
        fprintf(stderr, "starling %s: %s has no light curve of a class that the model knows%s\n", command, w->data,
                w->has_fold || w->only != NULL || w->exclude != NULL ? ", among those chosen" : "");
        return EXIT_IO;
    }
    return code;
}

/* ---- one model ---- */

static sl_scores *compute(const sl_scores_input *input, const sl_scores_options *options, sl_status *status, sl_error *err)
{
    sl_scores *scores = malloc(sizeof *scores);
    *status = SL_OK;
    if (scores != NULL) *status = sl_scores_compute(input, options, scores, err);
    return scores;
}

static int judge_set(evaluation *e, judged *j, int set)
{
    const row_set *rows = &e->sets[set];
    if (rows->n == 0) return EXIT_WELL;
    const unsigned want = j->info.novelty != 0 ? SL_ANSWERS_NOVELTY : 0;
    const sl_scores_options options = {(uint32_t)e->wishes->resamples, e->wishes->seed};
    sl_error err;
    const int code = evaluate_answer(e, j, rows->n, rows->rows, want, &j->answers[set]);
    if (code != EXIT_WELL) return code;
    sl_status status;
    j->input[set] = (sl_scores_input){.n = rows->n, .n_classes = j->info.n_classes,
                                      .classes = sl_model_contract(j->model)->classes, .p = j->answers[set].p,
                                      .label = j->answers[set].label, .group = rows->group, .n_groups = rows->n_objects};
    j->scores[set] = compute(&j->input[set], &options, &status, &err);
    if (j->scores[set] == NULL) return out_of_memory();
    return status < 0 ? say_failed(command, j->path, &err) : EXIT_WELL;
}

/* The edges whose bins have rows, the others cut off at both ends. */
static size_t cut_edges(const double *all, size_t n_all, const float *axis, size_t n, double *edges)
{
    size_t first = n_all, last = 0;
    for (size_t b = 0; b + 1 < n_all; b++) {
        bool any = false;
        for (size_t i = 0; i < n && !any; i++) any = (double)axis[i] >= all[b] && (double)axis[i] < all[b + 1];
        if (any && b < first) first = b;
        if (any) last = b;
    }
    if (first == n_all) return 0;
    memcpy(edges, all + first, (last - first + 2) * sizeof *edges);
    return last - first + 1;
}

static int judge_along(evaluation *e, judged *j, along *to, const float *axis, const double *all, size_t n_all)
{
    const int set = axis_set(e);
    const sl_scores_options options = {(uint32_t)e->wishes->resamples, e->wishes->seed};
    sl_error err;
    to->n_bins = cut_edges(all, n_all, axis, e->sets[set].n, to->edges);
    if (to->n_bins == 0) return EXIT_WELL;
    to->bins = malloc(to->n_bins * sizeof *to->bins);
    if (to->bins == NULL) return out_of_memory();
    const sl_status status = sl_scores_by(&j->input[set], axis, to->n_bins + 1, to->edges, &options, to->bins, &err);
    return status < 0 ? say_failed(command, j->path, &err) : EXIT_WELL;
}

static int judge_axes(evaluation *e, judged *j)
{
    static const double points[] = {1, 2, 3, 4, 6, 8, 11, 15, 20, 30, 50, 80, 120, 200, 400, INFINITY};
    static const double days[] = {0, 1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 80, 120, 200, 400, 800, INFINITY};
    const row_set *rows = &e->sets[axis_set(e)];
    j->axes[0].name = "points";
    j->axes[0].title = "points in the light curve";
    j->axes[1].name = "days";
    j->axes[1].title = "days since the first detection";
    const int code = judge_along(e, j, &j->axes[0], rows->points, points, sizeof points / sizeof points[0]);
    if (code != EXIT_WELL) return code;
    return judge_along(e, j, &j->axes[1], rows->days, days, sizeof days / sizeof days[0]);
}

/* How well the novelty parts light curves of no known class from the rest. */
static int judge_strangers(evaluation *e, judged *j)
{
    static const sl_class two[2] = {{"known", 0, 0}, {"stranger", 0, 0}};
    const row_set *strangers = &e->strangers;
    const sl_answers *known = &j->answers[SET_WHOLE];
    const sl_scores_options options = {(uint32_t)e->wishes->resamples, e->wishes->seed};
    j->n_strangers = strangers->n;
    j->stranger_area = (sl_interval){NAN, NAN, NAN};
    if (strangers->n == 0 || known->n == 0 || known->novelty == NULL) return EXIT_WELL;
    sl_answers a;
    sl_error err;
    sl_status status = SL_OK;
    int code = evaluate_answer(e, j, strangers->n, strangers->rows, SL_ANSWERS_NOVELTY, &a);
    const size_t n = known->n + strangers->n;
    float *p = malloc(2 * n * sizeof *p);
    uint8_t *label = malloc(n);
    sl_scores *scores = NULL;
    if (code == EXIT_WELL && p != NULL && label != NULL) {
        for (size_t i = 0; i < n; i++) {
            label[i] = i >= known->n;
            p[2 * i + 1] = label[i] ? a.novelty[i - known->n] : known->novelty[i];
            p[2 * i] = 1 - p[2 * i + 1];
        }
        const sl_scores_input input = {.n = n, .n_classes = 2, .classes = two, .p = p, .label = label};
        scores = compute(&input, &options, &status, &err);
    }
    if (code == EXIT_WELL) code = status < 0 ? say_failed(command, j->path, &err) : scores == NULL ? out_of_memory() : EXIT_WELL;
    if (code == EXIT_WELL) j->stranger_area = scores->of_class[1].figure[SL_CLASS_ROC_AREA];
    free(scores);
    free(p);
    free(label);
    sl_answers_free(&a);
    return code;
}

static int judge(evaluation *e, judged *j)
{
    int code = EXIT_WELL;
    for (int s = 0; s < N_SETS && code == EXIT_WELL; s++) code = judge_set(e, j, s);
    if (code == EXIT_WELL) code = judge_axes(e, j);
    return code == EXIT_WELL ? judge_strangers(e, j) : code;
}

/* ---- both ---- */

static int compare(evaluation *e)
{
    const int set = main_set(e);
    const sl_scores_options options = {(uint32_t)e->wishes->resamples, e->wishes->seed};
    sl_error err;
    if (sl_scores_compare(&e->judged[0].input[set], &e->judged[1].input[set], &options, e->difference, &err) < 0) {
        return say_failed(command, NULL, &err);
    }
    return EXIT_WELL;
}

static int check_classes(const evaluation *e)
{
    if (evaluate_same_classes(&e->judged[0], e->judged[1].model)) return EXIT_WELL;
    fprintf(stderr, "starling %s: %s and %s know other classes, or in another order: they cannot be compared\n", command,
            e->judged[0].path, e->judged[1].path);
    return EXIT_USAGE;
}

int evaluate_gather(const evaluate_wishes *wishes, evaluation *e)
{
    *e = (evaluation){.wishes = wishes};
    sl_error err;
    int code = evaluate_open(wishes->model, &e->judged[e->n_judged++]);
    if (code == EXIT_WELL && wishes->against != NULL) code = evaluate_open(wishes->against, &e->judged[e->n_judged++]);
    if (code == EXIT_WELL && e->n_judged > 1) code = check_classes(e);
    if (code == EXIT_WELL && sl_dataset_open(wishes->data, &e->data, &err) < 0) code = say_failed(command, NULL, &err);
    if (code == EXIT_WELL) code = choose_rows(e);
    for (size_t i = 0; i < e->n_judged && code == EXIT_WELL; i++) code = judge(e, &e->judged[i]);
    if (code == EXIT_WELL && e->n_judged > 1) code = compare(e);
    return code;
}

void evaluate_release(evaluation *e)
{
    for (size_t i = 0; i < e->n_judged; i++) {
        judged *j = &e->judged[i];
        for (int s = 0; s < N_SETS; s++) {
            sl_answers_free(&j->answers[s]);
            free(j->scores[s]);
        }
        free(j->axes[0].bins);
        free(j->axes[1].bins);
        evaluate_close(j);
    }
    for (int s = 0; s < N_SETS; s++) free_set(&e->sets[s]);
    free_set(&e->strangers);
    sl_dataset_close(e->data);
}
