/* dump_model MODEL FILE - for each tensor its dimensions (their number first, 32 bits each), then its numbers as float32. */
#include <stdio.h>
#include <string.h>

#include "model/open_model.h"

static float number(const sl_tensor *t, size_t i)
{
    if (t->storage == SL_STORAGE_INT8) return sl_tensor_scale(t, i) * (float)((const int8_t *)t->data)[i];
    if (t->storage == SL_STORAGE_FLOAT32) return ((const float *)t->data)[i];
    const uint32_t bits = (uint32_t)((const uint16_t *)t->data)[i] << 16;
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

int main(int argc, char **argv)
{
    sl_error err = {0};
    sl_model *model;
    FILE *to = argc == 3 ? fopen(argv[2], "wb") : NULL;
    if (to == NULL || sl_model_open(argv[1], &model, &err) != SL_OK) {
        fprintf(stderr, "dump_model MODEL FILE: %s\n", err.message);
        return 1;
    }
    for (size_t i = 0; i < model->parts.n_tensors; i++) {
        const sl_tensor *t = &model->parts.tensors[i];
        fwrite(&t->rank, sizeof t->rank, 1, to);
        fwrite(t->shape, sizeof t->shape[0], t->rank, to);
        for (size_t k = 0; k < t->n; k++) fwrite(&(float){number(t, k)}, sizeof(float), 1, to);
    }
    sl_model_close(model);
    return fclose(to) == 0 ? 0 : 1;
}
