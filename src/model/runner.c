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
    float *features;
    float *last, *logits, *place; /* for the novelty; NULL where the model has none */
    float *memory;                   /* of all of them */
    uint32_t lengths[SL_LANES];
};

sl_status sl_runner_new(const sl_model *model, sl_runner **out, sl_error *err)
{
    SL_REQUIRE(model != NULL && out != NULL, err);
    const sl_network *net = &model->network;
    sl_runner *r = malloc(sizeof *r);
    if (r == NULL) return SL_FAIL_NOMEM(err);
    const size_t signal = sl_stride(net->signal_floats), scratch = sl_stride(net->scratch_floats);
    const size_t features = sl_stride(net->n_features * net->side);
    const size_t width = net->novelty != NULL ? sl_stride(net->last_width * net->side) : 0;
    const size_t n_logits = net->novelty != NULL ? sl_stride(net->n_classes * net->side) : 0;
    const size_t place = net->novelty != NULL ? sl_stride(net->novelty->rank) : 0;
    const size_t floats = 2 * signal + scratch + features + width + n_logits + place;
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
    r->features = r->scratch + scratch;
    if (net->novelty != NULL) {
        r->last = r->features + features;
        r->logits = r->last + width;
        r->place = r->logits + n_logits;
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

/* n inputs to rows of channels, step t of input a at t side + a; zeros behind the last step, and where there is no input. */
static void load(sl_runner *r, size_t n, size_t side, const float *input)
{
    const sl_network *net = r->net;
    const size_t stride = sl_stride(net->steps * side), grid = (size_t)net->steps * net->channels;
    if (side > n || stride > net->steps * side) memset(r->signal[0], 0, net->channels * stride * sizeof(float));
    for (size_t a = 0; a < side; a++) r->lengths[a] = 1;
    for (size_t a = 0; a < n; a++, input += net->input_floats) {
        r->lengths[a] = sl_network_length(net, input);
        for (size_t c = 0; c < net->channels; c++) {
            float *row = r->signal[0] + c * stride + a;
            for (size_t t = 0; t < net->steps; t++) row[t * side] = input[t * net->channels + c];
        }
        for (size_t k = 0; k < net->n_features; k++) r->features[k * side + a] = input[grid + k];
    }
}

/* n rows of `channels` numbers at one step, from where the inputs lie side by side. */
static void store(size_t n, size_t channels, const float *from, float *to)
{
    for (size_t a = 0; a < n; a++) {
        for (size_t c = 0; c < channels; c++) *to++ = from[c * SL_LANES + a];
    }
}

/* The answers of every step, zeros behind an input's last. */
static void store_steps(const sl_runner *r, size_t n, size_t side, const float *from, float *p)
{
    const size_t steps = r->net->steps, classes = r->net->n_classes, stride = sl_stride(steps * side);
    for (size_t a = 0; a < n; a++) {
        for (size_t t = 0; t < steps; t++) {
            for (size_t c = 0; c < classes; c++) *p++ = t < r->lengths[a] ? from[c * stride + t * side + a] : 0;
        }
    }
}

/* Inputs that go through together, and where what is asked for goes. */
typedef struct group {
    size_t n, side;
    bool every_step;     /* LAST_STEP is left out */
    float *last, *logits; /* of the first input, or NULL */
    float *p;
} group;

static void run_group(const sl_runner *r, const group *g)
{
    const sl_network *net = r->net;
    const sl_forward f = {.kernels = r->kernels, .side = g->side, .lengths = r->lengths, .features = r->features,
                          .inverse_temperature = net->inverse_temperature, .scratch = r->scratch};
    float *x = r->signal[0], *y = r->signal[1];
    for (size_t o = 0; o < net->n_ops; o++) {
        const sl_op *op = &net->ops[o];
        if (op->folded || (g->every_step && o == net->last_step)) continue;
        if (g->last != NULL && o + 2 == net->n_ops) store(g->n, net->last_width, x, g->last);
        if (g->logits != NULL && o + 1 == net->n_ops) store(g->n, net->n_classes, x, g->logits);
        if (g->every_step && o > net->last_step) {
            const sl_op every = sl_op_every_step(op, net->steps);
            sl_layer_type_of(op->kind)->run(&f, &every, x, y);
        } else {
            sl_layer_type_of(op->kind)->run(&f, op, x, y);
        }
        float *swap = x;
        x = y;
        y = swap;
    }
    if (g->every_step) {
        store_steps(r, g->n, g->side, x, g->p);
    } else {
        store(g->n, net->n_classes, x, g->p);
    }
}

/* The novelty of each input of a group that has told what was inside. */
static void run_novelty(const sl_runner *r, const group *g, float *novelty)
{
    const sl_network *net = r->net;
    for (size_t a = 0; a < g->n; a++) {
        const float score = sl_novelty_score(net->novelty, g->last + a * net->last_width,
                                             g->logits + a * net->n_classes, net->n_classes, r->place);
        novelty[a] = sl_novelty_share(net->novelty, score);
    }
}

/* Inputs from the i-th of n on: as many as go together, checked and loaded. */
static sl_status load_group(sl_runner *r, size_t i, size_t n, const float *input, group *g, sl_error *err)
{
    const sl_network *net = r->net;
    const size_t left = n - i < net->side ? n - i : net->side;
    g->n = left > 1 && left >= net->fewest_together ? left : 1;
    g->side = g->n > 1 ? net->side : 1;
    input += i * net->input_floats;
    for (size_t a = 0; a < g->n; a++) {
        if (!all_finite(input + a * net->input_floats, net->input_floats)) {
            return SL_FAIL(err, SL_ERR_NUMERIC, SL_REASON_NUMERIC, "input %zu of the network is not finite", i + a);
        }
    }
    load(r, g->n, g->side, input);
    return SL_OK;
}

static sl_status check_answers(size_t i, size_t n, size_t answer, const float *p, sl_error *err)
{
    for (size_t a = 0; a < n; a++) {
        if (!all_finite(p + a * answer, answer)) {
            return SL_FAIL(err, SL_ERR_NUMERIC, SL_REASON_NUMERIC, "answer %zu of the network is not finite", i + a);
        }
    }
    return SL_OK;
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
    group g = {0};
    for (size_t i = 0; i < n; i += g.n) {
        const bool novelty = inside->novelty != NULL;
        SL_TRY(load_group(runner, i, n, input, &g, err));
        g.last = inside->last != NULL ? inside->last + i * net->last_width : novelty ? runner->last : NULL;
        g.logits = inside->logits != NULL ? inside->logits + i * net->n_classes : novelty ? runner->logits : NULL;
        g.p = p + i * net->n_classes;
        run_group(runner, &g);
        SL_TRY(check_answers(i, g.n, net->n_classes, g.p, err));
        if (novelty) run_novelty(runner, &g, inside->novelty + i);
    }
    return SL_OK;
}

sl_status sl_runner_run_steps(sl_runner *runner, size_t n, const float *input, float *p, sl_error *err)
{
    SL_REQUIRE(runner != NULL && (n == 0 || (input != NULL && p != NULL)), err);
    const sl_network *net = runner->net;
    if (!net->answers_every_step) {
        return SL_FAIL(err, SL_ERR_UNSUPPORTED, SL_REASON_NONE, "the network answers for the whole light curve only");
    }
    const size_t answer = (size_t)net->n_classes * net->steps;
    group g = {.every_step = true};
    for (size_t i = 0; i < n; i += g.n) {
        SL_TRY(load_group(runner, i, n, input, &g, err));
        g.p = p + i * answer;
        run_group(runner, &g);
        SL_TRY(check_answers(i, g.n, answer, g.p, err));
    }
    return SL_OK;
}
