/* make_coding_corpus DIR - the coded matrices that fuzz/corpus/coding begins with. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/rng.h"
#include "coding_case.h"

static const struct {
    int code;
    uint8_t rows, columns, values;
    double full;
} cases[] = {
    {CODING_RANS, 14, 64, 15, 0.15},  {CODING_RANS, 5, 9, 200, 0.9},   {CODING_RANS, 3, 100, 3, 0.02},  {CODING_RANS, 8, 8, 1, 1},
    {CODING_HUFFMAN, 14, 64, 15, 0.15}, {CODING_HUFFMAN, 5, 9, 200, 0.9}, {CODING_HUFFMAN, 3, 100, 3, 0.02},
    {CODING_PLAIN, 7, 11, 15, 0.3},   {CODING_PLAIN, 1, 1, 0, 0},
};

static bool write_case(const char *folder, size_t i, sl_error *err)
{
    const sl_sparse s = {cases[i].rows, cases[i].columns, cases[i].values};
    uint8_t symbol[14 * 100] = {0};
    sl_rng rng;
    sl_rng_init(&rng, i, 0);
    for (size_t k = 0; k < (size_t)s.rows * s.columns; k++) {
        if (s.n_values > 0 && sl_rng_uniform(&rng) < cases[i].full) symbol[k] = (uint8_t)(1 + sl_rng_below(&rng, s.n_values));
    }
    sl_coder c;
    sl_bits_writer bits = {0};
    sl_coder_write(&c);
    sl_status status = SL_OK;
    if (cases[i].code == CODING_RANS) status = sl_rans_write(&c, &s, symbol, err);
    if (cases[i].code == CODING_HUFFMAN) status = sl_huffman_write(&c, &bits, &s, symbol, err);
    if (cases[i].code == CODING_PLAIN) sl_plain_write(&bits, &s, symbol);
    sl_bits_put_align(&bits);
    void *stream = NULL;
    size_t n_stream = 0;
    if (status == SL_OK) status = sl_coder_bytes(&c, &stream, &n_stream, err);
    uint8_t *all = status == SL_OK ? malloc(CODING_HEAD + n_stream + bits.n_bytes) : NULL;
    bool well = all != NULL && bits.n_bytes < 256;
    if (well) {
        const uint8_t head[CODING_HEAD] = {(uint8_t)(cases[i].code + (i % 2 ? 3 : 0)), cases[i].rows, cases[i].columns, 0,
                                           cases[i].values, (uint8_t)bits.n_bytes};
        memcpy(all, head, CODING_HEAD);
        memcpy(all + CODING_HEAD, stream, n_stream);
        if (bits.n_bytes > 0) memcpy(all + CODING_HEAD + n_stream, bits.bytes, bits.n_bytes);
        char path[4096];
        snprintf(path, sizeof path, "%s/matrix-%zu", folder, i);
        well = sl_file_write(path, all, CODING_HEAD + n_stream + bits.n_bytes, err) == SL_OK;
    }
    free(all);
    free(stream);
    free(bits.bytes);
    sl_coder_release(&c);
    return well;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: %s DIR\n", argv[0]);
        return 2;
    }
    sl_error err = {0};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (write_case(argv[1], i, &err)) continue;
        fprintf(stderr, "case %zu: %s\n", i, err.message);
        return 1;
    }
    return 0;
}
