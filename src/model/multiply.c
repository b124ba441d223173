#include "model/layers.h"

static void need_bytes(const sl_forward *f, sl_operand *o)
{
    if (o->bytes != NULL) return;
    float *room = o->room;
    o->scale = sl_rows(&room, 1, o->stride);
    o->zero = (int32_t *)sl_rows(&room, 1, o->stride);
    o->bytes = (uint32_t *)room;
    const sl_quantize q = {.channels = o->channels, .lanes = o->stride, .stride = o->stride, .x = o->x,
                           .levels = o->bytes, .scale = o->scale, .zero = o->zero};
    f->kernels->quantize(&q);
}

static void need_pairs(const sl_forward *f, sl_operand *o)
{
    if (o->pairs != NULL) return;
    o->pairs = (uint32_t *)(o->room + ((o->channels + 3) / 4 + 2) * o->stride);
    const sl_pack p = {.channels = o->channels, .lanes = o->stride, .stride = o->stride, .x = o->x, .pairs = o->pairs};
    f->kernels->pack(&p);
}

void sl_multiply(const sl_forward *f, const sl_matrix *m, const float *bias, sl_operand *in, bool relu,
                 const float *add, float *out)
{
    sl_gemm g = {.kind = m->kind, .n = m->n, .k = m->words, .lanes = in->stride, .w = m->w,
                 .bias = bias != NULL ? bias : m->bias, .x = in->x, .x_stride = in->stride, .add = add, .c = out,
                 .c_stride = in->stride, .relu = relu};
    switch (m->kind) {
    case SL_WEIGHTS_FLOAT32: break;
    case SL_WEIGHTS_BFLOAT16:
        need_pairs(f, in);
        g.x = in->pairs;
        break;
    case SL_WEIGHTS_INT8:
        need_bytes(f, in);
        g.x = in->bytes;
        g.zero = in->zero;
        g.scale = in->scale;
        g.w_scale = m->scale;
        g.w_sum = m->w_sum;
        break;
    }
    f->kernels->gemm(&g);
}

