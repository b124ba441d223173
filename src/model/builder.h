/*
 * model/builder.h - what building a layer needs: the tensors in their order,
 * checked as they are taken. Inside the model room only.
 */
#ifndef SL_MODEL_BUILDER_H
#define SL_MODEL_BUILDER_H

#include "model/network.h"

typedef struct sl_builder {
    const sl_model_parts *parts;
    sl_arena *arena;
    sl_network *net;
    sl_op *op; /* being built; those before it lie before it */
    size_t layer, next_tensor;
    uint32_t steps, channels; /* of the signal so far */
    sl_error *err;
} sl_builder;

/* SL_ERR_FORMAT with the layer's number before the message. */
#define SL_BAD(b, ...) sl_build_bad((b), __FILE__, __LINE__, __VA_ARGS__)
sl_status sl_build_bad(sl_builder *b, const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* The layer's next tensor as floats, finite; bfloat16 is widened, and int8 where it is no vector. `shape` is what the
   layer implies. */
sl_status sl_build_take_floats(sl_builder *b, uint32_t rank, const uint32_t *shape, const float **out);
sl_status sl_build_take_vector(sl_builder *b, uint32_t n, const float **out);
/* A matrix (n x k) in any storage, and its bias. */
sl_status sl_build_take_matrix(sl_builder *b, uint32_t n, uint32_t k, sl_matrix *out);
/* The same, as floats whatever its storage. */
sl_status sl_build_take_wide(sl_builder *b, uint32_t n, uint32_t k, sl_matrix *out);

static inline double sl_gemm_flop(const sl_matrix *m, uint32_t steps)
{
    return 2.0 * m->n * m->k * steps;
}

#endif
