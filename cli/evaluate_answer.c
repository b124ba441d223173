/* What is judged: one model, or the models of K folds, each on the objects that it was not trained on. */
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "evaluate.h"

static const char command[] = "evaluate";

static int out_of_memory(void)
{
    fprintf(stderr, "starling %s: out of memory\n", command);
    return EXIT_INTERNAL;
}

/* ---- models ---- */

bool evaluate_same_classes(const judged *a, const sl_model *b)
{
    const sl_contract *x = sl_model_contract(a->model), *y = sl_model_contract(b);
    bool same = x->n_classes == y->n_classes;
    for (uint32_t k = 0; same && k < x->n_classes; k++) same = strcmp(x->classes[k].name, y->classes[k].name) == 0;
    return same;
}

static int open_one(judged *j, const char *path)
{
    models opened;
    const int code = open_models(command, path, &opened);
    if (code != EXIT_WELL) return code;
    sl_model *model = j->models[j->n_models++] = opened.model[0];
    if (j->n_models == 1) {
        j->model = model;
        sl_model_describe(model, &j->info);
        return EXIT_WELL;
    }
    if (!evaluate_same_classes(j, model)) {
        fprintf(stderr, "starling %s: %s knows other classes than %s, or in another order\n", command, path, j->path);
        return EXIT_USAGE;
    }
    sl_model_info info;
    sl_model_describe(model, &info);
    if (info.novelty == 0) j->info.novelty = 0;
    return EXIT_WELL;
}

int evaluate_open(const char *paths, judged *out)
{
    size_t most = 1;
    for (const char *p = paths; *p != '\0'; p++) most += *p == ',';
    *out = (judged){.paths = paths, .list = strdup(paths), .models = calloc(most, sizeof(sl_model *))};
    if (out->list == NULL || out->models == NULL) return out_of_memory();
    int code = EXIT_WELL;
    char *save = NULL;
    out->path = out->list;
    for (char *path = strtok_r(out->list, ",", &save); path != NULL && code == EXIT_WELL; path = strtok_r(NULL, ",", &save)) {
        if (out->n_models == 0) out->path = path;
        code = open_one(out, path);
    }
    if (code == EXIT_WELL && out->n_models == 0) {
        fprintf(stderr, "starling %s: no model in \"%s\"\n", command, paths);
        code = EXIT_USAGE;
    }
    return code;
}

void evaluate_close(judged *j)
{
    for (size_t m = 0; m < j->n_models; m++) sl_model_close(j->models[m]);
    free(j->models);
    free(j->list);
}

/* ---- answers ---- */

/* Rows `at` of what `from` answers on come behind one another in it. */
static void scatter(const sl_answers *from, const size_t *at, sl_answers *to)
{
    for (size_t i = 0; i < from->n; i++) {
        memcpy(to->p + at[i] * to->n_classes, from->p + i * to->n_classes, to->n_classes * sizeof *to->p);
        to->label[at[i]] = from->label[i];
        if (to->novelty != NULL) to->novelty[at[i]] = from->novelty[i];
    }
}

static int answer_fold(const evaluation *e, const judged *j, size_t fold, const size_t *rows, unsigned want, size_t *some,
                       size_t *at, sl_answers *out)
{
    size_t n = 0;
    for (size_t i = 0; i < out->n; i++) {
        sl_dataset_row row;
        sl_dataset_get(e->data, rows[i], &row);
        if (sl_train_fold(row.object_id, (uint32_t)j->n_models) != fold) continue;
        some[n] = rows[i];
        at[n++] = i;
    }
    sl_answers part;
    sl_error err;
    const sl_status status = sl_answers_run(j->models[fold], e->data, n, some, want, (uint32_t)e->wishes->threads, &part, &err);
    if (status == SL_OK) scatter(&part, at, out);
    sl_answers_free(&part);
    return status < 0 ? say_failed(command, j->path, &err) : EXIT_WELL;
}

int evaluate_answer(const evaluation *e, const judged *j, size_t n, const size_t *rows, unsigned want, sl_answers *out)
{
    sl_error err;
    *out = (sl_answers){0};
    if (j->n_models == 1) {
        const sl_status status = sl_answers_run(j->model, e->data, n, rows, want, (uint32_t)e->wishes->threads, out, &err);
        return status < 0 ? say_failed(command, j->path, &err) : EXIT_WELL;
    }
    *out = (sl_answers){.n = n, .n_classes = j->info.n_classes, .p = calloc(n * j->info.n_classes + 1, sizeof *out->p),
                        .label = calloc(n + 1, 1)};
    if ((want & SL_ANSWERS_NOVELTY) != 0) out->novelty = calloc(n + 1, sizeof *out->novelty);
    size_t *room = calloc(2 * n + 1, sizeof *room);
    int code = out->p == NULL || out->label == NULL || room == NULL ||
                       ((want & SL_ANSWERS_NOVELTY) != 0 && out->novelty == NULL)
                   ? out_of_memory()
                   : EXIT_WELL;
    for (size_t f = 0; f < j->n_models && code == EXIT_WELL; f++) {
        code = answer_fold(e, j, f, rows, want, room, room + n, out);
    }
    free(room);
    return code;
}
