/* The forward pass: one workspace a thread, taken once; no malloc in a run. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "model/layers.h"
#include "model/open_model.h"
#include "model/runner.h"

struct sl_runner {
    const sl_network *net;
    const sl_kernels *kernels;
    float *signal[2]; /* input and output of a layer, in turn */
    float *scratch;
    float *last, *logits, *whitened; /* for the novelty; NULL where the model has none */
    float *memory;                   /* of all of them */
};

sl_status sl_runner_new(const sl_model *model, sl_runner **out, sl_error *err)
{
    SL_REQUIRE(model != NULL && out != NULL, err);
    const sl_network *net = &model->network;
    sl_runner *r = malloc(sizeof *r);
    if (r == NULL) return SL_FAIL_NOMEM(err);
    const size_t signal = sl_stride(net->signal_floats), scratch = sl_stride(net->scratch_floats);
    const size_t width = net->novelty != NULL ? sl_stride(net->last_width) : 0;
    const size_t n_logits = net->novelty != NULL ? sl_stride(net->n_classes) : 0;
    const size_t floats = 2 * signal + scratch + 2 * width + n_logits;
    *r = (sl_runner){.net = net, .kernels = sl_kernels_select(),
                     .memory = aligned_alloc(SL_ARENA_ALIGN, floats * sizeof(float))};
    if (r->memory == NULL) {
        free(r);
        return SL_FAIL_NOMEM(err);
    }
    memset(r->memory, 0, floats * sizeof(float));
    r->signal[0] = r->memory;
    r->signal[1] = r->memory + signal;
    r->scratch = r->memory + 2 * signal;
    if (net->novelty != NULL) {
        r->last = r->scratch + scratch;
        r->whitened = r->last + width;
        r->logits = r->whitened + width;
    }
    *out = r;
    return SL_OK;
}

void sl_runner_free(sl_runner *runner)
{
    if (runner == NULL) return;
    free(runner->memory);
    free(runner);
}

const sl_kernels *sl_runner_swap_kernels(sl_runner *runner, const sl_kernels *kernels)
{
    const sl_kernels *before = runner->kernels;
    runner->kernels = kernels;
    return before;
}

const char *sl_runner_cpu(void)
{
    return sl_kernels_select()->name;
}

static bool all_finite(const float *x, size_t n)
{
    float sum = 0; /* stays 0 as long as all are */
    for (size_t i = 0; i < n; i++) sum += x[i] * 0;
    return sum == 0;
}

/* steps x channels to rows of channels, zeros behind the last step. */
static void load(const sl_network *net, const float *input, float *to)
{
    const size_t stride = sl_stride(net->steps);
    for (size_t c = 0; c < net->channels; c++) {
        float *row = to + c * stride;
        for (size_t t = 0; t < net->steps; t++) row[t] = input[t * net->channels + c];
        for (size_t t = net->steps; t < stride; t++) row[t] = 0;
    }
}

/* Lane 0 of each row. */
static void store(size_t channels, const float *from, float *to)
{
    for (size_t c = 0; c < channels; c++) to[c] = from[c * SL_LANES];
}

/* `last` and `logits`: where to put them, or NULL. */
static void run_one(const sl_runner *r, const float *input, float *p, float *last, float *logits)
{
    const sl_network *net = r->net;
    const sl_forward f = {.kernels = r->kernels, .features = input + (size_t)net->steps * net->channels,
                          .scratch = r->scratch, .inverse_temperature = net->inverse_temperature};
    float *x = r->signal[0], *y = r->signal[1];
    load(net, input, x);
    for (size_t o = 0; o < net->n_ops; o++) {
        const sl_op *op = &net->ops[o];
        if (op->folded) continue;
        if (last != NULL && o + 2 == net->n_ops) store(net->last_width, x, last);
        if (logits != NULL && o + 1 == net->n_ops) store(net->n_classes, x, logits);
        sl_layer_type_of(op->kind)->run(&f, op, x, y);
        float *swap = x;
        x = y;
        y = swap;
    }
    store(net->n_classes, x, p);
}

sl_status sl_runner_run(sl_runner *runner, size_t n, const float *input, float *p, sl_error *err)
{
    return sl_runner_run_inside(runner, n, input, p, &(sl_inside){0}, err);
}

sl_status sl_runner_run_inside(sl_runner *runner, size_t n, const float *input, float *p, const sl_inside *inside,
                               sl_error *err)
{
    SL_REQUIRE(runner != NULL && inside != NULL && (n == 0 || (input != NULL && p != NULL)), err);
    const sl_network *net = runner->net;
    SL_REQUIRE(inside->last == NULL || net->last_width > 0, err);
    SL_REQUIRE(inside->novelty == NULL || net->novelty != NULL, err);
    for (size_t i = 0; i < n; i++, input += net->input_floats, p += net->n_classes) {
        if (!all_finite(input, net->input_floats)) {
            return SL_FAIL(err, SL_ERR_NUMERIC, SL_REASON_NUMERIC, "input %zu of the network is not finite", i);
        }
        const bool novelty = inside->novelty != NULL;
        float *last = inside->last != NULL ? inside->last + i * net->last_width : novelty ? runner->last : NULL;
        float *logits = inside->logits != NULL ? inside->logits + i * net->n_classes : novelty ? runner->logits : NULL;
        run_one(runner, input, p, last, logits);
        if (!all_finite(p, net->n_classes)) {
            return SL_FAIL(err, SL_ERR_NUMERIC, SL_REASON_NUMERIC, "answer %zu of the network is not finite", i);
        }
        if (novelty) {
            const float score = sl_novelty_score(net->novelty, last, logits, net->n_classes, runner->whitened);
            inside->novelty[i] = sl_novelty_share(net->novelty, score);
        }
    }
    return SL_OK;
}
