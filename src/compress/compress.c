#include "starling/compress.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "compress/pack.h"
#include "compress/shape.h"
#include "compress/units.h"
#include "model/model_write.h"
#include "model/open_model.h"
#include "starling/answers.h"
#include "train/teach.h"

void sl_compress_defaults(sl_compress_options *out)
{
    *out = (sl_compress_options){
        .steps = SL_COMPRESS_ALL, .sparsity = 0.7f, .global = true, .prune_from = 0.05f, .prune_to = 0.45f, .clusters = 8,
        .clusters_vector = 4, .start = SL_CLUSTER_LINEAR, .cluster_from = 0.7f, .cluster_kept = 0.85f, .again = 50,
        .quantize = SL_QUANTIZE_INT, .bits = 8, .seed = 1,
    };
}

sl_status sl_compress_recipe(const char *net, sl_train_options *out, sl_error *err)
{
    SL_TRY(sl_train_defaults(net, out, err));
    out->rate = 2e-3f;
    out->batch = 64; /* many small steps: the clusters have to settle */
    out->average = 0.998f;
    out->epochs = 150;
    out->drop_head = out->drop_encoder = 0.05f;
    out->decay = 0.03f;
    out->patience = 0; /* the end of the schedule is what is wanted */
    out->novelty = 0;  /* its matrix would be larger than the weights */
    return SL_OK;
}

static bool within(float x, float least, float most)
{
    return x >= least && x <= most; /* NaN is not */
}

static bool cuts_units(const sl_compress_options *o)
{
    return (o->steps & SL_COMPRESS_PRUNE) != 0 && !o->shaped && (o->n_keep_units > 0 || o->keep_heads > 0);
}

static sl_status check_options(const sl_compress_options *o, sl_error *err)
{
    const bool prune = within(o->sparsity, 0, 0.999f) && within(o->prune_from, 0, 1) && within(o->prune_to, o->prune_from, 1);
    const bool cluster = o->clusters >= 2 && o->clusters <= SL_MAX_CLUSTERS && o->clusters_first <= SL_MAX_CLUSTERS &&
                         o->clusters_first != 1 && o->clusters_vector <= SL_MAX_CLUSTERS && within(o->price, 0, 10) &&
                         (unsigned)o->start < SL_N_CLUSTER_STARTS && within(o->cluster_from, 0, 1) &&
                         within(o->cluster_kept, o->cluster_from, 1);
    const bool rest = (unsigned)o->coding < SL_N_COMPRESS_CODINGS && (o->steps & ~(unsigned)SL_COMPRESS_ALL) == 0 && (unsigned)o->quantize < SL_N_QUANTIZE_KINDS &&
                      o->bits >= 2 && o->bits <= 8 && o->again >= 1 && o->again <= 1000000;
    bool units = o->n_keep_units <= SL_MAX_KEEP_UNITS;
    for (uint32_t i = 0; units && i < o->n_keep_units; i++) {
        const float keep = o->keep_units[i];
        units = within(keep, 0, SL_MAX_UNITS) && (keep < 1 || keep == floorf(keep));
    }
    if (!units) return SL_FAIL(err, SL_ERR_INVAL, SL_REASON_NONE, "compress: units to keep are a number or a share of each layer's");
    if (o->student && cuts_units(o)) {
        return SL_FAIL(err, SL_ERR_INVAL, SL_REASON_NONE, "compress: a student has the units that it is given");
    }
    if (!prune) return SL_FAIL(err, SL_ERR_INVAL, SL_REASON_NONE, "compress: an option of pruning is out of its bounds");
    if (!cluster) return SL_FAIL(err, SL_ERR_INVAL, SL_REASON_NONE, "compress: an option of clustering is out of its bounds");
    if (!rest) return SL_FAIL(err, SL_ERR_INVAL, SL_REASON_NONE, "compress: steps, bits or rounds out of their bounds");
    return SL_OK;
}

/* ---- fine-tuning ---- */

static bool needs_training(const sl_compress_options *o)
{
    return o->student || (o->steps & (SL_COMPRESS_PRUNE | SL_COMPRESS_CLUSTER)) != 0 ||
           (o->aware && (o->steps & SL_COMPRESS_QUANTIZE) != 0);
}

/* The model's answers to every row of the data: gives *soft; free. */
static sl_status ask_model(const sl_model *model, const sl_dataset *data, uint32_t threads, float **soft, sl_error *err)
{
    const size_t n = sl_dataset_rows(data);
    sl_answers answers;
    size_t *rows = malloc((n + 1) * sizeof *rows);
    if (rows == NULL) return SL_FAIL_NOMEM(err);
    for (size_t i = 0; i < n; i++) rows[i] = i;
    const sl_status status = sl_answers_run(model, data, n, rows, 0, threads, &answers, err);
    free(rows);
    if (status == SL_OK) {
        *soft = answers.p;
        answers.p = NULL;
    }
    sl_answers_free(&answers);
    return status;
}

/* The root of the mean square of each input value beside the grid: what a weight of it is worth. Gives; free. */
static float *weigh_features(const sl_dataset *data)
{
    const sl_contract *contract = sl_dataset_contract(data);
    const size_t n = sl_contract_input_features(contract), floats = sl_contract_input_floats(contract);
    const size_t rows = sl_dataset_rows(data);
    float *room = malloc(floats * sizeof *room), *out = malloc((n + 1) * sizeof *out);
    double *sum = calloc(n + 1, sizeof *sum);
    for (size_t i = 0; room != NULL && out != NULL && sum != NULL && i < rows; i++) {
        const float *x = sl_dataset_input(data, i, room) + (floats - n);
        for (size_t f = 0; f < n; f++) sum[f] += (double)x[f] * (double)x[f];
    }
    for (size_t f = 0; room != NULL && out != NULL && sum != NULL && f < n; f++) out[f] = (float)sqrt(sum[f] / (double)rows);
    const bool good = room != NULL && sum != NULL;
    free(room);
    free(sum);
    if (good) return out;
    free(out);
    return NULL;
}

/* What teachers say, who learn by the recipe of their own network and never saw what they teach. Gives *soft; free. */
static sl_status ask_teachers(const sl_dataset *data, const sl_train_options *train, float **soft, sl_error *err)
{
    sl_train_options t;
    SL_TRY(sl_train_defaults(train->net.name, &t, err));
    t.folds = train->folds;
    t.fold = train->fold;
    t.leave_out = train->leave_out;
    t.teach = train->teach;
    t.teach_rounds = train->teach_rounds;
    t.teach_epochs = train->teach_epochs;
    t.teach_drop_head = train->teach_drop_head;
    t.epochs = train->epochs;
    t.seed = train->seed;
    t.threads = train->threads;
    t.progress = train->progress;
    t.user = train->user;
    return sl_teach(data, &t, sl_clock_ns(), soft, err);
}

sl_status sl_compress_teach(const sl_model *model, const sl_dataset *data, const sl_train_options *train, float **soft,
                            sl_error *err)
{
    SL_REQUIRE(model != NULL && data != NULL && train != NULL && soft != NULL, err);
    return train->teach > 0 ? ask_teachers(data, train, soft, err) : ask_model(model, data, train->threads, soft, err);
}

/* Train `from` under the constraint into a file of floats; where nobody else teaches, `model` does. */
static sl_status fine_tune(const sl_model *model, const sl_model *from, const sl_dataset *data, const sl_compress_options *o,
                           const sl_train_options *train, const char *path, sl_train_result *result, sl_error *err)
{
    sl_train_options t = *train;
    sl_shape *shape = NULL;
    float *importance = weigh_features(data);
    if (importance == NULL) return SL_FAIL_NOMEM(err);
    sl_compress_options own = *o;
    if (!o->aware) own.steps &= ~(unsigned)SL_COMPRESS_QUANTIZE;
    sl_status status = sl_shape_new(&own, sl_contract_input_features(sl_dataset_contract(data)), importance, &shape, err);
    float *soft = NULL;
    if (status == SL_OK && t.soft == NULL) {
        status = sl_compress_teach(model, data, train, &soft, err);
        t.soft = soft;
    }
    t.init = o->student ? NULL : from;
    t.teach = 0;
    if (t.folds == 0 && t.temperature == 0) t.temperature = model->parts.temperature; /* nothing is held back to fit one to */
    t.checkpoint = NULL;
    t.resume = false;
    if (status == SL_OK) {
        t.constraint = sl_shape_constraint(shape);
        status = sl_train(data, &t, path, result, err);
    }
    sl_shape_free(shape);
    free(soft);
    free(importance);
    return status;
}

/* With the network as it is: the model's own, or what is left of it. */
static sl_status compress(const sl_model *model, const sl_model *from, const sl_dataset *data, const sl_compress_options *options,
                          const sl_train_options *train, const char *path, sl_compress_result *result, sl_error *err)
{
    if (data == NULL || options->shaped || !needs_training(options)) {
        return sl_compress_pack(from, options, !options->shaped, model->id, path, result, err);
    }
    SL_TRY(fine_tune(model, from, data, options, train, path, &result->train, err));
    result->trained = true;
    sl_model *tuned;
    SL_TRY(sl_model_open(path, &tuned, err));
    const sl_status status = sl_compress_pack(tuned, options, false, model->id, path, result, err);
    sl_model_close(tuned);
    return status;
}

/* The network with its weights on a grid of other steps: gives an open model in *out, and in *bytes what it lies in (close
   the one, then free the other). */
static sl_status regrid(const sl_model *model, uint32_t grid_length, sl_model **out, void **bytes, sl_error *err)
{
    sl_train_net *net;
    size_t n_bytes;
    sl_model_parts *parts = malloc(sizeof *parts);
    if (parts == NULL) return SL_FAIL_NOMEM(err);
    *parts = model->parts;
    parts->contract.gp.grid_length = grid_length;
    sl_status status = sl_train_net_new(parts, 1, NULL, &net, err);
    free(parts);
    if (status != SL_OK) return status;
    net->parts.temperature = model->parts.temperature; /* the novelty was fitted to other inputs */
    status = sl_model_write_memory(&net->parts, bytes, &n_bytes, err);
    if (status == SL_OK) status = sl_model_open_memory(*bytes, n_bytes, out, err);
    sl_train_net_free(net);
    return status;
}

sl_status sl_compress(const sl_model *model, const sl_dataset *data, const sl_compress_options *options,
                      const sl_train_options *train, const char *path, sl_compress_result *result, sl_error *err)
{
    SL_REQUIRE(model != NULL && options != NULL && path != NULL && result != NULL, err);
    SL_REQUIRE(data != NULL || !options->student, err);
    SL_TRY(check_options(options, err));
    sl_train_options recipe;
    SL_TRY(sl_compress_recipe("t2", &recipe, err));
    if (train == NULL) train = &recipe;
    *result = (sl_compress_result){.bytes_before = model->n_bytes,
                                   .features_before = sl_contract_input_features(sl_model_contract(model))};
    sl_model *other = NULL, *narrow = NULL;
    void *bytes = NULL, *narrow_bytes = NULL;
    const sl_model *from = model;
    sl_status status = SL_OK;
    const sl_contract *mine = sl_model_contract(model), *theirs = data != NULL ? sl_dataset_contract(data) : mine;
    if (mine->sees == SL_SEES_GRID && mine->gp.grid_length != theirs->gp.grid_length && !options->student) {
        status = regrid(model, theirs->gp.grid_length, &other, &bytes, err);
        from = other;
    }
    if (status == SL_OK && cuts_units(options)) {
        status = sl_units_cut(from, data, options, train, &narrow, &narrow_bytes, result, err);
        from = narrow;
    }
    if (status == SL_OK) status = compress(model, from, data, options, train, path, result, err);
    sl_model_close(narrow);
    sl_model_close(other);
    free(narrow_bytes);
    free(bytes);
    return status;
}
