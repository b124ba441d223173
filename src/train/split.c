#include "train/split.h"

#include <math.h>
#include <stdlib.h>

#include "base/error.h"

/* FNV-1a, and a last mixing: its low bits alone are weak. */
static uint64_t hash_id(sl_str id)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < id.len; i++) h = (h ^ (unsigned char)id.ptr[i]) * 0x100000001b3u;
    return (h ^ h >> 32) * 0x9e3779b97f4a7c15u;
}

uint32_t sl_train_fold(sl_str id, uint32_t folds)
{
    return folds > 0 ? (uint32_t)((hash_id(id) >> 32) % folds) : 0;
}

uint32_t sl_train_part(sl_str id, uint32_t parts)
{
    uint64_t h = hash_id(id);
    h = (h ^ h >> 29) * 0xbf58476d1ce4e5b9u; /* so that a fold falls evenly into all parts */
    return (uint32_t)((h >> 32) % parts);
}

/* Weights go as a class' number of objects to the power of -balance. */
static void weigh(sl_split *s, float balance)
{
    double count[SL_MAX_CLASSES] = {0}, weight[SL_MAX_CLASSES] = {0}, sum = 0;
    for (size_t i = 0; i < s->n_train; i++) count[s->train[i].label]++;
    for (size_t c = 0; c < SL_MAX_CLASSES; c++) {
        if (count[c] > 0) weight[c] = pow(count[c], -(double)balance);
        sum += count[c] * weight[c];
        s->log_share[c] = (float)log(fmax(count[c], 0.5) / (double)s->n_train);
    }
    for (size_t i = 0; i < s->n_train; i++) {
        s->train[i].weight = (float)(weight[s->train[i].label] * (double)s->n_train / sum);
    }
    for (size_t i = 0; i < s->n_validate; i++) s->validate[i].weight = 1;
}

/* Objects in the file's order: teachers from the front, judges from the back of the block. */
static void sort_objects(const sl_dataset *data, const sl_train_options *o, sl_split *s)
{
    const size_t n = sl_dataset_rows(data), n_objects = sl_dataset_objects(data);
    for (size_t i = 0; i < n;) {
        sl_dataset_row row, other;
        sl_dataset_get(data, i, &row);
        sl_object object = {.first = i, .label = (uint8_t)row.label};
        for (other = row; i < n && other.object == row.object;) {
            object.n++;
            if (++i < n) sl_dataset_get(data, i, &other);
        }
        if (row.label < 0 || (o->leave_out != NULL && o->leave_out[row.object])) continue;
        if (o->folds > 0 && sl_train_fold(row.object_id, o->folds) == o->fold) {
            s->n_validate++;
            s->train[n_objects - s->n_validate] = object;
        } else {
            s->train[s->n_train++] = object;
        }
    }
    s->validate = s->train + n_objects - s->n_validate;
}

size_t sl_object_whole(const sl_dataset *data, const sl_object *object)
{
    for (size_t r = object->first; r < object->first + object->n; r++) {
        sl_dataset_row row;
        sl_dataset_get(data, r, &row);
        if (row.copy == 0) return r;
    }
    return object->first;
}

static void choose_rows(const sl_dataset *data, bool views, sl_split *s)
{
    for (size_t i = s->n_validate; i-- > 0;) {
        const sl_object *object = &s->validate[i];
        if (!views) s->rows[s->n_rows++] = sl_object_whole(data, object);
        for (uint32_t r = 0; views && r < object->n; r++) s->rows[s->n_rows++] = object->first + r;
    }
}

sl_status sl_split_make(const sl_dataset *data, const sl_train_options *options, sl_split *out, sl_error *err)
{
    *out = (sl_split){.train = calloc(sl_dataset_objects(data) + 1, sizeof *out->train),
                      .rows = calloc(sl_dataset_rows(data) + 1, sizeof *out->rows)};
    if (out->train == NULL || out->rows == NULL) {
        sl_split_release(out);
        return SL_FAIL_NOMEM(err);
    }
    sort_objects(data, options, out);
    choose_rows(data, options->views, out);
    weigh(out, options->balance);
    if (out->n_train == 0 || (options->folds > 0 && out->n_validate == 0)) {
        const sl_status status = SL_FAIL(err, SL_ERR_CONTRACT, SL_REASON_NONE,
                                         "train: %zu objects with a known class to learn from, %zu to validate on",
                                         out->n_train, out->n_validate);
        sl_split_release(out);
        return status;
    }
    return SL_OK;
}

void sl_split_release(sl_split *split)
{
    free(split->train);
    free(split->rows);
    *split = (sl_split){0};
}
