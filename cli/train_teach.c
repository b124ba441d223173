/* Teachers: models that answer for each row, or a table of answers. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "train_run.h"

static float *new_soft(const char *command, const sl_dataset *data, float value)
{
    const size_t n = sl_dataset_rows(data) * sl_dataset_contract(data)->n_classes;
    float *soft = malloc((n + 1) * sizeof *soft);
    for (size_t i = 0; soft != NULL && i < n; i++) soft[i] = value;
    if (soft == NULL) fprintf(stderr, "starling %s: out of memory\n", command);
    return soft;
}

/* ---- models ---- */

static bool same_input(const sl_contract *a, const sl_contract *b)
{
    return sl_contract_input_steps(a) == sl_contract_input_steps(b) &&
           sl_contract_input_channels(a) == sl_contract_input_channels(b) &&
           sl_contract_input_features(a) == sl_contract_input_features(b) && a->n_classes == b->n_classes;
}

/* Add a model's answers to sum. */
static int ask(const char *command, const char *path, const sl_dataset *data, float *sum)
{
    const sl_contract *contract = sl_dataset_contract(data);
    const size_t classes = contract->n_classes;
    float p[SL_MAX_CLASSES], *room = malloc(sl_contract_input_floats(contract) * sizeof *room);
    sl_model *model = NULL;
    sl_runner *runner = NULL;
    sl_error err;
    int code = EXIT_WELL;
    if (room == NULL || open_model(path, &model, &err) < 0 || sl_runner_new(model, &runner, &err) < 0) {
        code = room == NULL ? EXIT_INTERNAL : say_failed(command, NULL, &err);
    } else if (!same_input(sl_model_contract(model), contract)) {
        fprintf(stderr, "starling %s: %s has another input or other classes than the data\n", command, path);
        code = EXIT_IO;
    }
    for (size_t i = 0; code == EXIT_WELL && i < sl_dataset_rows(data); i++) {
        if (sl_runner_run(runner, 1, sl_dataset_input(data, i, room), p, &err) < 0) {
            code = say_failed(command, path, &err);
        }
        for (size_t c = 0; c < classes; c++) sum[i * classes + c] += p[c];
    }
    sl_runner_free(runner);
    sl_model_close(model);
    free(room);
    return code;
}

int train_ask_teachers(const char *command, const char *paths, const sl_dataset *data, float **soft)
{
    float *sum = new_soft(command, data, 0);
    char path[4096];
    int code = sum != NULL ? EXIT_WELL : EXIT_INTERNAL;
    size_t n = 0;
    for (const char *at = paths; code == EXIT_WELL && *at != '\0';) {
        const size_t length = strcspn(at, ",");
        if (length > 0 && length < sizeof path) {
            memcpy(path, at, length);
            path[length] = '\0';
            code = ask(command, path, data, sum);
            n++;
        }
        at += length + (at[length] == ',');
    }
    const size_t numbers = sl_dataset_rows(data) * sl_dataset_contract(data)->n_classes;
    for (size_t i = 0; code == EXIT_WELL && n > 0 && i < numbers; i++) sum[i] /= (float)n;
    *soft = sum;
    return code;
}

/* ---- a table ---- */

typedef struct table {
    int object_at, copy_at; /* columns; copy_at may be -1 */
    int class_at[SL_MAX_CLASSES];
} table;

/* The next cell of a line, without quotes; NULL behind the last. */
static char *next_cell(char **line)
{
    char *cell = *line;
    if (cell == NULL) return NULL;
    char *stop = cell + strcspn(cell, ",\r\n");
    *line = *stop == ',' ? stop + 1 : NULL;
    *stop = '\0';
    if (*cell == '"' && stop > cell + 1 && stop[-1] == '"') {
        stop[-1] = '\0';
        cell++;
    }
    return cell;
}

static int read_head(char *line, const char *path, const sl_contract *contract, table *out)
{
    out->object_at = out->copy_at = -1;
    for (size_t c = 0; c < SL_MAX_CLASSES; c++) out->class_at[c] = -1;
    for (int column = 0;; column++) {
        const char *cell = next_cell(&line);
        if (cell == NULL) break;
        if (strcmp(cell, "object_id") == 0) out->object_at = column;
        if (strcmp(cell, "copy") == 0) out->copy_at = column;
        for (size_t c = 0; c < contract->n_classes; c++) {
            if (strcmp(cell, contract->classes[c].name) == 0) out->class_at[c] = column;
        }
    }
    const char *missing = out->object_at < 0 ? "object_id" : NULL;
    for (size_t c = 0; c < contract->n_classes && missing == NULL; c++) {
        if (out->class_at[c] < 0) missing = contract->classes[c].name;
    }
    if (missing == NULL) return EXIT_WELL;
    fprintf(stderr, "starling train: %s has no column %s\n", path, missing);
    return EXIT_IO;
}

/* Rows of the data set by name and copy. */
typedef struct place {
    sl_dataset_row row;
    size_t index;
} place;

static int compare_places(const void *a, const void *b)
{
    const sl_dataset_row *x = &((const place *)a)->row, *y = &((const place *)b)->row;
    const size_t n = x->object_id.len < y->object_id.len ? x->object_id.len : y->object_id.len;
    const int order = memcmp(x->object_id.ptr, y->object_id.ptr, n);
    if (order != 0) return order;
    if (x->object_id.len != y->object_id.len) return x->object_id.len < y->object_id.len ? -1 : 1;
    return x->copy < y->copy ? -1 : x->copy > y->copy;
}

/* One line of answers into the row that it means; one that means none is passed over. */
static void read_row(char *line, const table *t, size_t classes, const place *places, size_t n, float *soft)
{
    place key = {0};
    float p[SL_MAX_CLASSES] = {0}, sum = 0;
    for (int column = 0;; column++) {
        const char *cell = next_cell(&line);
        if (cell == NULL) break;
        if (column == t->object_at) key.row.object_id = (sl_str){cell, strlen(cell)};
        if (column == t->copy_at) key.row.copy = (uint32_t)strtoul(cell, NULL, 10);
        for (size_t c = 0; c < classes; c++) {
            if (column == t->class_at[c]) p[c] = strtof(cell, NULL);
        }
    }
    for (size_t c = 0; c < classes; c++) sum += p[c] >= 0 ? p[c] : NAN;
    if (key.row.object_id.ptr == NULL || !(sum > 0) || !isfinite(sum)) return;
    const place *found = bsearch(&key, places, n, sizeof *places, compare_places);
    for (size_t c = 0; found != NULL && c < classes; c++) soft[found->index * classes + c] = p[c] / sum;
}

static int read_lines(FILE *from, const char *path, const sl_dataset *data, place *places, float *soft)
{
    const size_t n = sl_dataset_rows(data);
    const sl_contract *contract = sl_dataset_contract(data);
    table t;
    char *line = NULL;
    size_t room = 0;
    for (size_t i = 0; i < n; i++) {
        sl_dataset_get(data, i, &places[i].row);
        places[i].index = i;
    }
    qsort(places, n, sizeof *places, compare_places);
    int code = EXIT_IO;
    if (getline(&line, &room, from) < 0) {
        fprintf(stderr, "starling train: %s is empty\n", path);
    } else {
        code = read_head(line, path, contract, &t);
    }
    while (code == EXIT_WELL && getline(&line, &room, from) >= 0) {
        read_row(line, &t, contract->n_classes, places, n, soft);
    }
    free(line);
    return code;
}

int train_read_soft(const char *path, const sl_dataset *data, float **soft)
{
    place *places = calloc(sl_dataset_rows(data) + 1, sizeof *places);
    *soft = new_soft("train", data, NAN);
    FILE *from = fopen(path, "re");
    int code = places != NULL && *soft != NULL ? EXIT_WELL : EXIT_INTERNAL;
    if (from == NULL) {
        perror(path);
        code = EXIT_IO;
    }
    if (code == EXIT_WELL) code = read_lines(from, path, data, places, *soft);
    if (from != NULL) fclose(from);
    free(places);
    return code;
}
