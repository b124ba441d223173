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
    float *memory; /* of all of them */
};

sl_status sl_runner_new(const sl_model *model, sl_runner **out, sl_error *err)
{
    SL_REQUIRE(model != NULL && out != NULL, err);
    const sl_network *net = &model->network;
    sl_runner *r = malloc(sizeof *r);
    if (r == NULL) return SL_FAIL_NOMEM(err);
    const size_t signal = sl_stride(net->signal_floats), scratch = sl_stride(net->scratch_floats);
    const size_t floats = 2 * signal + scratch;
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
static void store(const sl_network *net, const float *from, float *p)
{
    for (size_t c = 0; c < net->n_classes; c++) p[c] = from[c * SL_LANES];
}

static void run_one(const sl_runner *r, const float *input, float *p)
{
    const sl_network *net = r->net;
    const sl_forward f = {.kernels = r->kernels, .features = input + (size_t)net->steps * net->channels,
                          .scratch = r->scratch, .inverse_temperature = net->inverse_temperature};
    float *x = r->signal[0], *y = r->signal[1];
    load(net, input, x);
    for (size_t o = 0; o < net->n_ops; o++) {
        const sl_op *op = &net->ops[o];
        if (op->folded) continue;
        sl_layer_type_of(op->kind)->run(&f, op, x, y);
        float *swap = x;
        x = y;
        y = swap;
    }
    store(net, x, p);
}

sl_status sl_runner_run(sl_runner *runner, size_t n, const float *input, float *p, sl_error *err)
{
    SL_REQUIRE(runner != NULL && (n == 0 || (input != NULL && p != NULL)), err);
    const sl_network *net = runner->net;
    for (size_t i = 0; i < n; i++, input += net->input_floats, p += net->n_classes) {
        if (!all_finite(input, net->input_floats)) {
            return SL_FAIL(err, SL_ERR_NUMERIC, SL_REASON_NUMERIC, "input %zu of the network is not finite", i);
        }
        run_one(runner, input, p);
        if (!all_finite(p, net->n_classes)) {
            return SL_FAIL(err, SL_ERR_NUMERIC, SL_REASON_NUMERIC, "answer %zu of the network is not finite", i);
        }
    }
    return SL_OK;
}
